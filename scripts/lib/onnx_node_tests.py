"""Writes ONNX's own node tests as folders that any program can read without Python.

One folder a case: `model.onnx`, and `case.json` with the name, the tolerances and the data sets. A tensor is a raw
little-endian, row-major file; strings are a JSON array. Cases with sequences, optionals or maps are left out.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node as node_cases

NAMES = {
    TensorProto.FLOAT: "float32",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.STRING: "string",
    TensorProto.BOOL: "bool",
    TensorProto.FLOAT16: "float16",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.COMPLEX64: "complex64",
    TensorProto.COMPLEX128: "complex128",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.FLOAT8E4M3FN: "float8e4m3fn",
    TensorProto.FLOAT8E4M3FNUZ: "float8e4m3fnuz",
    TensorProto.FLOAT8E5M2: "float8e5m2",
    TensorProto.FLOAT8E5M2FNUZ: "float8e5m2fnuz",
    TensorProto.FLOAT8E8M0: "float8e8m0",
    TensorProto.UINT4: "uint4",
    TensorProto.INT4: "int4",
    TensorProto.FLOAT4E2M1: "float4e2m1",
    TensorProto.UINT2: "uint2",
    TensorProto.INT2: "int2",
}


def dtype_name(element_type):
    """The dtype as ONNX names it; ONNX may know more types than this table does."""
    return NAMES.get(element_type) or TensorProto.DataType.Name(element_type).lower()


def write_tensor(folder, file, name, element_type, value):
    """Writes one tensor and returns its entry in `case.json`."""
    dtype = dtype_name(element_type)
    if isinstance(value, TensorProto):
        value = numpy_helper.to_array(value)
    value = np.asarray(value)
    if dtype == "string":
        file += ".json"
        words = [w.decode() if isinstance(w, bytes) else str(w) for w in value.reshape(-1)]
        (folder / file).write_text(json.dumps(words))
    else:
        file += ".bin"
        little = value.astype(value.dtype.newbyteorder("<")) if value.dtype.byteorder == ">" else value
        (folder / file).write_bytes(np.ascontiguousarray(little).tobytes())
    return {"name": name, "dtype": dtype, "shape": list(value.shape), "file": file}


def export(case, root):
    """Writes one case. False where it is not made of plain tensors."""
    graph = case.model.graph
    declared = list(graph.input) + list(graph.output)
    if any(not value.type.HasField("tensor_type") for value in declared):
        return False
    values = [v for inputs, outputs in case.data_sets for v in [*inputs, *outputs]]
    if any(isinstance(v, (list, dict, onnx.SequenceProto, onnx.OptionalProto)) or v is None for v in values):
        return False

    folder = root / case.name
    folder.mkdir()
    onnx.save(case.model, folder / "model.onnx")
    data_sets = []
    for number, (inputs, outputs) in enumerate(case.data_sets):
        entry = {}
        for side, infos, given in (("inputs", graph.input, inputs), ("outputs", graph.output, outputs)):
            if len(infos) < len(given):
                raise ValueError(f"{case.name}: {len(given)} {side} for {len(infos)} declared")
            entry[side] = [
                write_tensor(folder, f"{side[:-1]}_{number}_{i}", info.name, info.type.tensor_type.elem_type, value)
                for i, (info, value) in enumerate(zip(infos, given))
            ]
        data_sets.append(entry)
    description = {"name": case.name, "rtol": case.rtol, "atol": case.atol, "data_sets": data_sets}
    (folder / "case.json").write_text(json.dumps(description, indent=1) + "\n")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="an empty or missing folder")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    written = left_out = 0
    for case in node_cases.collect_testcases():
        if export(case, folder):
            written += 1
        else:
            left_out += 1
    print(f"{written} cases written, {left_out} left out (sequences, optionals, maps)", file=sys.stderr)


if __name__ == "__main__":
    main()
