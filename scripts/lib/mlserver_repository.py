"""Writes the settings that make MLServer serve the models of a Triton-like repository."""

import argparse
import json
import pathlib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=pathlib.Path, help="holds NAME/1/model.onnx")
    parser.add_argument("folder", type=pathlib.Path, help="where the settings go")
    parser.add_argument("ports", type=int, nargs=3, metavar="PORT", help="HTTP, gRPC, metrics")
    arguments = parser.parse_args()
    http, grpc, metrics = arguments.ports
    server = {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
        "grpc_max_message_length": 64 << 20,
    }
    arguments.folder.mkdir(parents=True)
    (arguments.folder / "settings.json").write_text(json.dumps(server))
    for model in sorted(arguments.repository.glob("*/1/model.onnx")):
        name = model.parent.parent.name
        settings = {
            "name": name,
            "implementation": "mlserver_model.OnnxModel",
            "parameters": {"uri": str(model.resolve()), "version": "1"},
        }
        (arguments.folder / name).mkdir()
        (arguments.folder / name / "model-settings.json").write_text(json.dumps(settings))


if __name__ == "__main__":
    main()
