"""Loads and runs one model in ONNX Runtime; prints what `bench_engine` of our engine prints.

A model whose name ends with `.optimized` is taken as it is: `keep` has written it.
"""

import numpy as np
import onnxruntime as ort
from rival_bench import measure, values

OPTIMIZED = ".optimized"
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def load(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if path.endswith(OPTIMIZED):
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]), prepare


def keep(path):
    """Writes the model as ONNX Runtime has optimised it, and gives the path of that."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = f"{path}{OPTIMIZED}"
    options.log_severity_level = 3
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return options.optimized_model_filepath


def prepare(session):
    feed = {}
    for value in session.get_inputs():
        dtype = DTYPES.get(value.type) or np.dtype(value.type.removeprefix("tensor(").removesuffix(")"))
        feed[value.name] = values([d if isinstance(d, int) else 1 for d in value.shape], dtype)
    return lambda: session.run(None, feed)


if __name__ == "__main__":
    measure(__doc__, load)
