"""Runs ONNX's node tests in ONNX Runtime: one line of JSON for each case, as the engine's own example prints.

`{"case", "status": "passed" | "refused" | "wrong", "detail"}`. A data set is refused when loading or running it raises.
"""

import json
import pathlib
import sys

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort

# Types that numpy does not know go in and out as raw memory: its type, and ONNX's number for the type.
RAW = {
    "bfloat16": (ml_dtypes.bfloat16, onnx.TensorProto.BFLOAT16),
    "float8e4m3fn": (ml_dtypes.float8_e4m3fn, onnx.TensorProto.FLOAT8E4M3FN),
    "float8e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, onnx.TensorProto.FLOAT8E4M3FNUZ),
    "float8e5m2": (ml_dtypes.float8_e5m2, onnx.TensorProto.FLOAT8E5M2),
    "float8e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, onnx.TensorProto.FLOAT8E5M2FNUZ),
}
# Two or four to the byte in memory: there is no way through the Python interface.
PACKED = {"int2", "uint2", "int4", "uint4", "float4e2m1", "float8e8m0"}


class Refused(Exception):
    """The runtime, or the way into it, does not take this case."""


def read(folder, tensor):
    """A tensor of `case.json` as an array."""
    path, dtype = folder / tensor["file"], tensor["dtype"]
    if dtype == "string":
        return np.array(json.loads(path.read_text()), np.object_).reshape(tensor["shape"])
    if dtype in PACKED:
        raise Refused(f"no {dtype} through the Python interface")
    kind = RAW[dtype][0] if dtype in RAW else np.dtype(dtype)
    return np.frombuffer(path.read_bytes(), kind).reshape(tensor["shape"])


def ort_value(tensor, array):
    """The array as the runtime takes it, copying nothing that numpy cannot name."""
    if tensor["dtype"] in RAW:
        raw = array.view(np.uint16 if array.itemsize == 2 else np.uint8)  # noqa: PLR2004
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, RAW[tensor["dtype"]][1])
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))


def run(session, inputs, expected):
    """The outputs of one data set."""
    if any(tensor["dtype"] in RAW for tensor, _ in [*inputs, *expected]):
        binding = session.io_binding()
        kept, outputs = [], []
        for tensor, array in inputs:
            kept.append(ort_value(tensor, array))
            binding.bind_ortvalue_input(tensor["name"], kept[-1])
        for tensor, array in expected:
            space = np.zeros(array.shape, array.dtype)
            outputs.append(space)
            kind = RAW[tensor["dtype"]][1] if tensor["dtype"] in RAW else space.dtype
            binding.bind_output(tensor["name"], "cpu", 0, kind, space.shape, space.ctypes.data)
        session.run_with_iobinding(binding)
        return outputs
    return session.run([t["name"] for t, _ in expected], {t["name"]: a for t, a in inputs})


def difference(got, expected, rtol, atol):
    """What is wrong with an output, or None."""
    got = np.asarray(got)
    if got.shape != expected.shape:
        return f"shape {list(got.shape)}, expected {list(expected.shape)}"
    if got.dtype != expected.dtype:
        return f"type {got.dtype}, expected {expected.dtype}"
    if expected.dtype == np.object_:
        return None if (got == expected).all() else f"{got.tolist()}, expected {expected.tolist()}"
    if expected.dtype.type.__module__ == "ml_dtypes":
        got, expected = got.astype(np.float32), expected.astype(np.float32)
    far = ~np.isclose(got, expected, rtol, atol, equal_nan=True)
    if np.issubdtype(expected.dtype, np.floating):
        # What rounding explains, as the engine's own example has it: the expected values were computed in one of many
        # orders.
        finite = np.abs(expected[np.isfinite(expected)])
        largest = max(1.0, float(finite.max(initial=0.0)))
        rounding = 1e-3 if expected.dtype == np.float16 else 1e-6
        far &= ~np.isclose(got, expected, 0, rounding * largest, equal_nan=True)
    if not far.any():
        return None
    return f"{far.sum()} of {far.size} values, the first {got[far][0]}, expected {expected[far][0]}"


def check(folder):
    """The status and the detail of one case."""
    case = json.loads((folder / "case.json").read_text())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        for data in case["data_sets"]:
            inputs = [(t, read(folder, t)) for t in data["inputs"]]
            expected = [(t, read(folder, t)) for t in data["outputs"]]
            for got, (tensor, wanted) in zip(run(session, inputs, expected), expected):
                if wrong := difference(got, wanted, case["rtol"], case["atol"]):
                    return "wrong", f"{tensor['name']}: {wrong}"
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        return "refused", str(error).splitlines()[0]
    return "passed", ""


def main():
    for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        if (folder / "case.json").exists():
            # Before the run: what a crash leaves behind must name its case.
            status, detail = check(folder)
            print(json.dumps({"case": folder.name, "status": status, "detail": detail}), flush=True)


if __name__ == "__main__":
    main()
