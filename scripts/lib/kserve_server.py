"""The KServe SDK's server over the models of a Triton-like repository, on loopback only."""

import argparse
import pathlib
import uuid

import grpc.aio
import numpy as np
import onnxruntime as ort
import uvicorn
from kserve import InferOutput, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput
from onnx_types import datatype, shape

LOOPBACK = "127.0.0.1"


class OnnxModel(Model):
    """One ONNX file."""

    def __init__(self, name, path):
        super().__init__(name)
        self.session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.ready = True

    async def get_input_types(self):
        """What the model takes."""
        return self.describe(self.session.get_inputs())

    async def get_output_types(self):
        """What the model gives."""
        return self.describe(self.session.get_outputs())

    @staticmethod
    def describe(values):
        """The entries of the metadata."""
        return [{"name": v.name, "datatype": datatype(v), "shape": shape(v)} for v in values]

    async def predict(self, payload, headers=None, response_headers=None):
        """Answers one request; its id and its wish for binary outputs are handed on, or they would be lost."""
        requested = payload.request_outputs or []
        values = [v for v in self.session.get_outputs() if not requested or v.name in {r.name for r in requested}]
        try:
            results = self.session.run([v.name for v in values], {i.name: to_array(i) for i in payload.inputs})
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise InvalidInput(str(error).splitlines()[0]) from error
        outputs = []
        for value, result in zip(values, map(np.asarray, results)):
            output = InferOutput(value.name, list(result.shape), datatype(value))
            output.set_data_from_numpy(result, binary_data=wants_binary(payload, value.name))
            outputs.append(output)
        return InferResponse(
            payload.id or str(uuid.uuid4()),
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


def wants_binary(payload, name):
    """Whether this output goes out as bytes: its own wish counts more than the request's."""
    if payload.from_grpc:
        return True
    for output in payload.request_outputs or []:
        if output.name == name and output.binary_data is not None:
            return output.binary_data
    return bool(payload.use_binary_outputs)


def to_array(tensor):
    """The SDK hands strings over as bytes."""
    array = tensor.as_numpy()
    if array.dtype == np.object_:
        words = [w.decode() if isinstance(w, bytes) else w for w in array.reshape(-1)]
        return np.array(words, np.object_).reshape(array.shape)
    return array


def stay_on_loopback():
    """The SDK listens on every address and has no option for another, so both servers are told here."""
    config, add_port = uvicorn.Config.__init__, grpc.aio._server.Server.add_insecure_port

    def loopback_config(self, *args, **kwargs):
        config(self, *args, **{**kwargs, "host": LOOPBACK})

    def loopback_port(self, address):
        return add_port(self, f"{LOOPBACK}:{address.rpartition(':')[2]}")

    uvicorn.Config.__init__ = loopback_config
    grpc.aio._server.Server.add_insecure_port = loopback_port


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=pathlib.Path, help="holds NAME/1/model.onnx")
    parser.add_argument("ports", type=int, nargs=2, metavar="PORT", help="HTTP, gRPC")
    arguments = parser.parse_args()
    stay_on_loopback()
    models = [OnnxModel(p.parent.parent.name, p) for p in sorted(arguments.repository.glob("*/1/model.onnx"))]
    ModelServer(http_port=arguments.ports[0], grpc_port=arguments.ports[1]).start(models)


if __name__ == "__main__":
    main()
