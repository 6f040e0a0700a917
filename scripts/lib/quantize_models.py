"""Writes a model quantised by ONNX Runtime's own tool beside each ONNX file: bytes in QDQ form, weights per channel.

Weights of the models here are random, so that random numbers calibrate them as well as pictures would.
"""

import argparse
import logging
import pathlib

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

PICTURES = 4


class RandomPictures(CalibrationDataReader):
    """Uniform numbers between -0.5 and 0.5 in the shapes of the inputs, 1 for what is open."""

    def __init__(self, path):
        inputs = onnx.load(path, load_external_data=False).graph.input
        shapes = {value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim] for value in inputs}
        random = np.random.default_rng(1)
        self.rounds = iter(
            {name: random.random(shape, np.float32) - np.float32(0.5) for name, shape in shapes.items()}
            for _ in range(PICTURES)
        )

    def get_next(self):
        return next(self.rounds, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    logging.disable(logging.WARNING)
    for path in parser.parse_args().models:
        quantize_static(
            path,
            path.with_name(f"{path.stem}_int8.onnx"),
            RandomPictures(path),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


if __name__ == "__main__":
    main()
