"""Loads and runs one model in ONNX Runtime on one thread; prints what `bench_engine` of our engine prints.

`{"load_ms", "latency_ms": [...], "peak_rss_kb"}`, measured in a process of its own.
"""

import argparse
import json
import pathlib
import re
import time

import numpy as np
import onnxruntime as ort

WARM_UP = 3
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def tensor(value):
    """An input of the declared shape, 1 for what is open: uniform numbers where they are fractions, else ones."""
    shape = [d if isinstance(d, int) else 1 for d in value.shape]
    if value.type in DTYPES:
        return np.random.default_rng(0).random(shape).astype(DTYPES[value.type])
    return np.ones(shape, np.dtype(value.type.removeprefix("tensor(").removesuffix(")")))


def peak_memory():
    """The most that this process has held, in kB. `getrusage` would count the parent's, from before the exec."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, required=True)
    arguments = parser.parse_args()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    began = time.perf_counter()
    session = ort.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    load = time.perf_counter() - began
    feed = {value.name: tensor(value) for value in session.get_inputs()}
    latencies = []
    for turn in range(WARM_UP + arguments.rounds):
        began = time.perf_counter()
        session.run(None, feed)
        if turn >= WARM_UP:
            latencies.append((time.perf_counter() - began) * 1e3)
    print(json.dumps({"load_ms": load * 1e3, "latency_ms": latencies, "peak_rss_kb": peak_memory()}))


if __name__ == "__main__":
    main()
