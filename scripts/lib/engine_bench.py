"""Our engine and its rivals on the same models and as many threads: latency, load time, peak memory."""

import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
import ort_bench
from bench import Row, arguments, interleave, report, run_json

# What the models leave open, as a phone uses them.
SIZES = {"batch": 1, "sequence": 128, "tokens": 64}

# Behind the name of a subject that loads what it kept of an earlier load.
KEPT = ", kept"

# Our cache takes no file for unchanged that was changed this shortly before.
SETTLED_SECONDS = 4


def fix_sizes(path):
    """Writes the sizes into the model, so that every subject runs the same shapes."""
    model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in SIZES:
                size = 16 if dim.dim_param == "sequence" and path.stem.endswith("_16") else SIZES[dim.dim_param]
                dim.dim_value = size
    onnx.save(model, path)


def differing(engine, model):
    """The share of the outputs' bytes in which our engine and ONNX Runtime differ, for one input."""
    with tempfile.TemporaryDirectory() as folder:
        run_json([engine, str(model), "--rounds", "1", "--answer", folder])
        answers = {path.name: np.frombuffer(path.read_bytes(), np.float32) for path in pathlib.Path(folder).iterdir()}
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {value.name: answers[value.name].reshape(value.shape) for value in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    apart = [
        np.count_nonzero(result.ravel().view(np.uint8) != answers[name].view(np.uint8)) / result.nbytes
        for name, result in zip(names, session.run(names, feed))
    ]
    return max(apart)


def rows_of(case, results, threads):
    """The rows of one model: the median over everything that the rounds measured, or that it was refused."""
    rows = []
    # The same for all subjects: what the model is defined by, on the threads of one run.
    products = results["tandem"][0].get("multiply_adds")
    peak = threads * max(run["peak_gflops"] for run in results["tandem"])
    for subject, runs in results.items():
        if refusals := [run["refused"] for run in runs if "refused" in run]:
            print(f"{case}: refused by {subject}: {refusals[0]}", file=sys.stderr)
            rows.append(Row(case, subject, "latency", "ms", "refused"))
            continue
        latency = statistics.median(value for run in runs for value in run["latency_ms"])
        load = statistics.median(run["load_ms"] for run in runs)
        memory = statistics.median(run["peak_rss_kb"] for run in runs) / 1024
        own = statistics.median(run["peak_rss_kb"] - run["idle_rss_kb"] for run in runs) / 1024
        if subject.endswith(KEPT):
            rows.append(Row(case, subject.removesuffix(KEPT), "load what was kept", "ms", load))
            continue
        rows += [
            Row(case, subject, "latency", "ms", latency),
            Row(case, subject, "load", "ms", load),
            Row(case, subject, "peak memory", "MiB", memory),
            Row(case, subject, "peak over idle", "MiB", own),
        ]
        # In bytes a processor has another peak.
        if products and not case.endswith("_int8"):
            rate = 2e-6 * products / latency
            rows.append(Row(case, subject, "share of the peak", "%", 100 * rate / peak))
    return rows


def main():
    parser = arguments(__doc__)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="a folder of ONNX files")
    parser.add_argument("--engine", required=True, help="the example bench_engine")
    parser.add_argument("--onnxruntime", nargs=2, required=True, help="how ort_bench.py is run")
    parser.add_argument("--openvino", nargs=2, required=True, help="how openvino_bench.py is run")
    parser.add_argument("--rten", required=True, help="the program rten-bench")
    parser.add_argument("--set", help="hold our kernels to these instructions: avx512, avx2, neon or portable")
    parser.add_argument("--threads", type=int, default=1, help="threads of one run")
    options = parser.parse_args()
    engine = [options.engine, *(["--set", options.set] if options.set else [])]
    turns, rounds = (2, 5) if options.quick else (5, 20)
    rows = []
    models = sorted(options.models.glob("*.onnx"))
    for model in models:
        fix_sizes(model)
    time.sleep(SETTLED_SECONDS)
    for model in models:
        commands = {
            "tandem": [*engine, model],
            "onnxruntime": [*options.onnxruntime, model],
            "openvino": [*options.openvino, model],
            "rten": [options.rten, model],
            f"tandem{KEPT}": [*engine, model, "--cache", options.models / "kept"],
            f"onnxruntime{KEPT}": [*options.onnxruntime, ort_bench.keep(model)],
        }
        run_json([*map(str, commands[f"tandem{KEPT}"]), "--rounds", "1"])
        # It runs a model on one thread.
        if options.threads == 1:
            commands["tract"] = [options.engine, model, "--stock"]
        common = ["--rounds", str(rounds), "--threads", str(options.threads)]
        subjects = {
            name: lambda command=[*command, *common]: run_json(list(map(str, command)))
            for name, command in commands.items()
        }
        rows += rows_of(model.stem, interleave(subjects, turns, warm_up=0), options.threads)
        if model.stem.endswith("_int8"):
            rows.append(Row(model.stem, "tandem", "bytes that differ", "", differing(options.engine, model)))
    report("engine", rows, options.json)


if __name__ == "__main__":
    main()
