"""Loads and runs one model in ONNX Runtime; prints what `bench_engine` of our engine prints."""

import numpy as np
import onnxruntime as ort
from rival_bench import measure, values

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def load(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]), prepare


def prepare(session):
    feed = {}
    for value in session.get_inputs():
        dtype = DTYPES.get(value.type) or np.dtype(value.type.removeprefix("tensor(").removesuffix(")"))
        feed[value.name] = values([d if isinstance(d, int) else 1 for d in value.shape], dtype)
    return lambda: session.run(None, feed)


if __name__ == "__main__":
    measure(__doc__, load)
