"""Loads and runs one model in OpenVINO, in f32; prints what `bench_engine` of our engine prints."""

import openvino
from rival_bench import measure, values

# Half precision, which it would choose by itself on some processors, would be another computation.
SETTINGS = {"NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}


def load(path, threads):
    return openvino.Core().compile_model(path, "CPU", {**SETTINGS, "INFERENCE_NUM_THREADS": threads}), prepare


def prepare(model):
    request = model.create_infer_request()
    feed = {value: values(list(value.shape), value.element_type.to_dtype()) for value in model.inputs}
    return lambda: request.infer(feed)


if __name__ == "__main__":
    measure(__doc__, load)
