"""Writes a model repository for Triton's Python backend from ONNX files."""

import argparse
import pathlib
import shutil

import onnxruntime as ort
from onnx_types import datatype, shape

# What `tandem split` writes beside the models of this backend.
MODEL_SCRIPT = pathlib.Path(__file__).parents[2] / "rust/split/src/repository/python_model.py"


def tensor_config(value):
    """One entry of `input` or `output`. Triton has no tensor without dimensions: a scalar travels as `[1]`."""
    name = datatype(value)
    kind = "TYPE_STRING" if name == "BYTES" else f"TYPE_{name}"
    return f'{{ name: "{value.name}" data_type: {kind} dims: {shape(value) or [1]} }}'


def config(name, session):
    """The text of `config.pbtxt`. The shapes are whole: with `max_batch_size: 0` Triton adds no dimension."""
    sides = [
        f"{side} [\n  " + ",\n  ".join(tensor_config(v) for v in values) + "\n]"
        for side, values in (("input", session.get_inputs()), ("output", session.get_outputs()))
        if values
    ]
    return "\n".join([f'name: "{name}"', 'backend: "python"', "max_batch_size: 0", *sides, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("models", type=pathlib.Path, nargs="+", metavar="MODEL.onnx")
    arguments = parser.parse_args()
    for path in arguments.models:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        version = arguments.folder / path.stem / "1"
        version.mkdir(parents=True)
        shutil.copy(path, version / "model.onnx")
        shutil.copy(MODEL_SCRIPT, version / "model.py")
        (version.parent / "config.pbtxt").write_text(config(path.stem, session))


if __name__ == "__main__":
    main()
