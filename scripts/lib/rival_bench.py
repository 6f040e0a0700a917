"""What measuring a rival of our engine takes: it prints what the example `bench_engine` prints.

`{"load_ms", "latency_ms": [...], "idle_rss_kb", "peak_rss_kb"}` of one model, measured in a process of its own.
"""

import argparse
import json
import pathlib
import re
import time

import numpy as np

# Seconds of runs that do not count: a processor that has waited for the load is slower for a while.
WARM_UP = 0.3


def values(shape, dtype):
    """An input: uniform numbers where they are fractions, else ones."""
    if np.issubdtype(dtype, np.floating):
        return np.random.default_rng(0).random(shape).astype(dtype)
    return np.ones(shape, dtype)


def peak_memory():
    """The most that this process has held, in kB. `getrusage` would count the parent's, from before the exec."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])


def measure(description, load):
    """Runs the program. `load` takes a path and a number of threads and gives a model and a function that makes of it
    one that runs it once."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    idle = peak_memory()
    began = time.perf_counter()
    model, prepare = load(arguments.model, arguments.threads)
    load_ms = (time.perf_counter() - began) * 1e3
    run = prepare(model)
    began = time.perf_counter()
    run()
    while time.perf_counter() - began < WARM_UP:
        run()
    latencies = []
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        run()
        latencies.append((time.perf_counter() - began) * 1e3)
    memory = {"idle_rss_kb": idle, "peak_rss_kb": peak_memory()}
    print(json.dumps({"load_ms": load_ms, "latency_ms": latencies, **memory}))
