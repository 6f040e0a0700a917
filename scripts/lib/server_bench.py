"""Our server, Triton and a bare handler over the same models: requests per second and latency."""

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys

import numpy as np
import onnx
from bench import Row, arguments, interleave, report, run_json
from onnx import TensorProto, helper, numpy_helper

# The input of each model, for one row.
INPUTS = {"classifier": ("x", (1, 8)), "picture": ("x", (1, 3, 224, 224))}
CONNECTIONS = (1, 2, 4, 8, 16, 32)


def write_picture_model(path):
    """The average of each colour, times a small matrix: as much to read as MobileNet has, and next to nothing to do."""
    weights = np.random.default_rng(7).standard_normal((3, 10)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["colours"]),
            helper.make_node("MatMul", ["colours", "weights"], ["y"]),
        ],
        "picture",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_body(folder, model):
    """The request for one row in binary form. Gives its file and how many of its bytes are JSON."""
    name, shape = INPUTS[model]
    data = np.random.default_rng(1).random(shape, dtype=np.float32).tobytes()
    tensor = {"name": name, "shape": shape, "datatype": "FP32", "parameters": {"binary_data_size": len(data)}}
    message = {"id": "1", "inputs": [tensor], "parameters": {"binary_data_output": True}}
    text = json.dumps(message).encode()
    path = folder / f"{model}.body"
    path.write_bytes(text + data)
    return path, len(text)


@contextlib.contextmanager
def bare_handler(program, model):
    """Runs the bare handler for one model and gives its address. It ends with its standard input."""
    with subprocess.Popen([program, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            address = child.stdout.readline().strip()
            if not address:
                sys.exit("error: the bare handler did not start")
            yield address
        finally:
            child.stdin.close()


def rows_of(case, results):
    """The rows of one case: the medians over the rounds. A refused or broken request ends the benchmark."""
    rows = []
    for subject, runs in results.items():
        bad = sum(run["refused"] + run["broken"] for run in runs)
        if bad or not all(run["requests"] for run in runs):
            sys.exit(f"error: {subject}, {case}: {bad} requests went wrong")
        for metric, unit, key, scale in (
            ("throughput", "1/s", "requests_per_second", 1),
            ("latency p50", "ms", "p50_us", 1e-3),
            ("latency p99", "ms", "p99_us", 1e-3),
        ):
            rows.append(Row(case, subject, metric, unit, statistics.median(run[key] for run in runs) * scale))
        # Of runs one after the other, because what else the machine does changes slowly.
        shares = [run["requests_per_second"] / bare["requests_per_second"] for run, bare in zip(runs, results["bare"])]
        rows.append(Row(case, subject, "throughput over the bare handler's", "1", statistics.median(shares)))
    return rows


def counts(text):
    """The numbers in a list such as `1,4,16`."""
    return [int(number) for number in text.split(",")]


def measure(argv):
    """Measures all subjects in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="a folder of ONNX files")
    parser.add_argument("--load", required=True, help="the program that sends requests")
    parser.add_argument("--bare", required=True, help="the program of the bare handler")
    parser.add_argument("--tandem", required=True, help="where our server listens")
    parser.add_argument("--triton", help="where Triton listens; without, it is left out")
    parser.add_argument("--model", choices=INPUTS, help="this model alone")
    parser.add_argument("--connections", type=counts, default=CONNECTIONS, help="these numbers of connections alone")
    parser.add_argument("--rounds", type=int, help="how often each subject is measured")
    options = parser.parse_args(argv)
    rounds, seconds = (1, 0.5) if options.quick else (3, 2)
    rounds = options.rounds or rounds
    rows = []
    for model in [options.model] if options.model else INPUTS:
        body, json_bytes = write_body(options.models, model)
        with bare_handler(options.bare, options.models / f"{model}.onnx") as bare:
            addresses = {
                "tandem": options.tandem.removeprefix("http://"),
                "bare": bare,
            }
            if options.triton:
                addresses["triton"] = options.triton.removeprefix("http://")
            for connections in options.connections:
                tail = [f"/v2/models/{model}/infer", body, json_bytes, connections, seconds]
                subjects = {
                    name: lambda address=address, tail=tail: run_json([options.load, address, *map(str, tail)])
                    for name, address in addresses.items()
                }
                rows += rows_of(f"{model}, {connections} connections", interleave(subjects, rounds))
    report("server", rows, options.json)


def main():
    match sys.argv[1:]:
        case ["model", path]:
            write_picture_model(path)
        case ["measure", *argv]:
            measure(argv)
        case _:
            sys.exit("error: expected `model FILE` or `measure OPTION...`")


if __name__ == "__main__":
    main()
