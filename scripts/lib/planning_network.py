"""Writes the network that the apps' Plan screen is about: an encoder, a narrow waist, a long decoder.

The weights are random and layers share theirs: what it computes means nothing, what it costs does. It is small to
ship, heavy to run (6.2 billion multiplications, a twelfth of them before the waist), and worth cutting at the waist on
some links and not on others.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
WAIST = 8
FINE_WIDTH = 16
FINE_DEPTH = 16
WIDTH = 48
DEPTH = 88
CLASSES = 10


class Graph:
    """Nodes and weights as they are added; every layer is named."""

    def __init__(self):
        self.rng = np.random.default_rng(6)
        self.nodes, self.weights = [], []

    def weight(self, name, shape):
        """Small enough that nothing grows from layer to layer."""
        fan_in = int(np.prod(shape[1:]))
        values = self.rng.standard_normal(shape) / np.sqrt(fan_in)
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def add(self, operator, name, inputs, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name, value, weight, stride=1):
        convolved = self.add("Conv", f"{name}_conv", [value, weight], pads=[1] * 4, strides=[stride] * 2)
        return self.add("Relu", name, [convolved])

    def tower(self, name, value, width, depth):
        """Layers one behind the other, all with the same weights."""
        shared = self.weight(f"{name}_weight", (width, width, 3, 3))
        for layer in range(depth):
            value = self.conv(f"{name}{layer}", value, shared)
        return value


def build():
    graph = Graph()
    value = graph.conv("down1", "picture", graph.weight("down1_weight", (FINE_WIDTH, 3, 3, 3)), stride=2)
    value = graph.tower("fine", value, FINE_WIDTH, FINE_DEPTH)
    value = graph.conv("down2", value, graph.weight("down2_weight", (16, FINE_WIDTH, 3, 3)), stride=2)
    value = graph.conv("waist", value, graph.weight("waist_weight", (WAIST, 16, 3, 3)), stride=2)
    value = graph.conv("wide", value, graph.weight("wide_weight", (WIDTH, WAIST, 3, 3)))
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    graph.weights.append(scales)
    value = graph.add("Resize", "up", [value, "", "scales"], mode="nearest")
    value = graph.tower("coarse", value, WIDTH, DEPTH)
    value = graph.add("GlobalAveragePool", "mean", [value])
    value = graph.add("Flatten", "features", [value])
    graph.add("MatMul", "scores", [value, graph.weight("scores_weight", (WIDTH, CLASSES))])
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])
    made = helper.make_graph(graph.nodes, "planning", [picture], [scores], graph.weights)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tandem planning_network.py"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    path = pathlib.Path(sys.argv[1])
    path.write_bytes(build().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
