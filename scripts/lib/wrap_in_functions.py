"""Writes exported node tests once more with every node inside a function of its own.

The node's inputs and outputs are the function's, its attributes are the call's and reach the node by reference, and all
functions name their values alike. What a runtime answers must not change. Nodes with bodies stay as they are.
"""

import argparse
import pathlib
import sys

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto, helper

DOMAIN = "dev.tandem.test"


def reference(attribute):
    """The attribute with its value taken from the function's attribute of the same name."""
    return AttributeProto(name=attribute.name, ref_attr_name=attribute.name, type=attribute.type)


def has_body(node):
    return any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute)


def wrapped(node, name, opset_imports):
    """A call and the function that it calls."""
    inputs = [f"x{i}" for i in range(len(node.input))]
    # The result that nobody wants is no result of the function either.
    outputs = [f"x{len(inputs) + i}" if output else "" for i, output in enumerate(node.output)]
    inner = NodeProto(op_type=node.op_type, domain=node.domain, input=inputs, output=outputs)
    inner.attribute.extend(reference(attribute) for attribute in node.attribute)
    function = FunctionProto(name=name, domain=DOMAIN, input=inputs, output=[o for o in outputs if o])
    function.node.append(inner)
    function.attribute.extend(attribute.name for attribute in node.attribute)
    function.opset_import.extend(opset_imports)
    call = NodeProto(op_type=name, domain=DOMAIN, input=node.input, output=[o for o in node.output if o])
    call.attribute.extend(node.attribute)
    return call, function


def in_functions(model):
    """The model with its nodes in functions. Tells how many there are."""
    model.ir_version = max(model.ir_version, 8)
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if has_body(node):
            model.graph.node.append(node)
            continue
        call, function = wrapped(node, f"F{len(model.functions)}", model.opset_import)
        model.graph.node.append(call)
        model.functions.append(function)
    return len(model.functions)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path, help="the exported node tests")
    parser.add_argument("folder", type=pathlib.Path, help="an empty or missing folder")
    options = parser.parse_args()
    cases = functions = 0
    for case in sorted(options.cases.iterdir()):
        if not (case / "case.json").is_file():
            continue
        folder = options.folder / case.name
        folder.mkdir(parents=True)
        for file in case.iterdir():
            if file.name != "model.onnx":
                (folder / file.name).symlink_to(file.resolve())
        model = onnx.load(case / "model.onnx")
        functions += in_functions(model)
        onnx.save(model, folder / "model.onnx")
        cases += 1
    print(f"{cases} cases, {functions} functions", file=sys.stderr)


if __name__ == "__main__":
    main()
