"""Usage: train_digits.py FOLDER

Trains the digits classifier on scikit-learn's bundled digits, checks it on the held-out third with ONNX Runtime, and
writes `digits.onnx`, `labels.csv` and `pictures/LABEL-INDEX.png`, INDEX being the picture's place in the data set.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

import digits_network as network
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

SEED = 20261121
EPOCHS = 80
BATCH = 32
LEAST_ACCURACY = 0.97
PICTURES_PER_DIGIT = 4
OPSET = 17
IR_VERSION = 8


def load():
    """Pictures in bytes (the data set counts to 16), labels, and the indices of the held-out third and of the rest."""
    digits = load_digits()
    pixels = np.round(digits.images * 255 / 16).astype(np.uint8)
    order = np.random.default_rng(SEED).permutation(len(pixels))
    held_out = len(order) // 3
    return pixels, digits.target, np.sort(order[:held_out]), np.sort(order[held_out:])


def as_input(pixels):
    return (pixels.astype(np.float32) / np.float32(255))[:, None]


def to_onnx(weights, facts):
    """The network as plain ONNX, the batch symbolic."""
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], "conv2", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv2"], ["relu2"], "relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["features"], "flatten"),
        helper.make_node("Gemm", ["features", "dense.weight", "dense.bias"], ["logits"], "dense", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]

    def value(name, *dims):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *dims])

    graph = helper.make_graph(
        nodes,
        "digits",
        [value("image", 1, network.SIDE, network.SIDE)],
        [value("probabilities", network.CLASSES), value("logits", network.CLASSES)],
        [numpy_helper.from_array(tensor, name) for name, tensor in weights.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tandem train-digits",
    )
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


def accuracy_of(model, pixels, labels, weights):
    """The share that ONNX Runtime reads right, having checked that it computes what was trained."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    scores, probabilities = session.run(["logits", "probabilities"], {"image": as_input(pixels)})
    np.testing.assert_allclose(scores, network.logits(weights, as_input(pixels)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    return float((scores.argmax(axis=1) == labels).mean())


def png(pixels):
    """A grey picture as PNG. Stored, not deflated: so few bytes gain nothing, and every zlib writes the same."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def write_pictures(folder, pixels, labels, held_out):
    """The first held-out pictures of every digit, and the table of their labels."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.png"):
        old.unlink()
    table = ["file,label"]
    for digit in range(network.CLASSES):
        for index in held_out[labels[held_out] == digit][:PICTURES_PER_DIGIT]:
            name = f"{digit}-{index:04}.png"
            (pictures / name).write_bytes(png(pixels[index]))
            table.append(f"pictures/{name},{digit}")
    (folder / "labels.csv").write_text("\n".join(table) + "\n")


def main():
    folder = Path(sys.argv[1])
    pixels, labels, held_out, rest = load()
    weights = network.train(as_input(pixels[rest]), labels[rest], SEED, EPOCHS, BATCH)
    right = (network.logits(weights, as_input(pixels[held_out])).argmax(axis=1) == labels[held_out]).mean()
    facts = {
        "description": "Reads one handwritten digit. Input: grey values divided by 255, ink bright on dark, 8 by 8.",
        "labels": json.dumps([str(digit) for digit in range(network.CLASSES)]),
        "data": "UCI Optical Recognition of Handwritten Digits as bundled with scikit-learn (CC BY 4.0)",
        "training": f"{len(rest)} pictures, shifted by up to one pixel, {EPOCHS} epochs of Adam, seed {SEED}",
        "held_out_pictures": str(len(held_out)),
        "held_out_accuracy": f"{right:.4f}",
    }
    model = to_onnx(weights, facts)
    accuracy = accuracy_of(model, pixels[held_out], labels[held_out], weights)
    print(f"right of {len(held_out)} held-out pictures: {accuracy:.4f} in ONNX Runtime, {right:.4f} in training")
    if accuracy < LEAST_ACCURACY or accuracy != right:
        sys.exit(f"expected at least {LEAST_ACCURACY}, and the same from both")
    write_pictures(folder, pixels, labels, held_out)
    (folder / "digits.onnx").write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
