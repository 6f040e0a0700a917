"""A model of Triton's Python backend: runs the `model.onnx` beside this file with ONNX Runtime."""

import os

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb


def to_runtime(array, rank):
    """Triton hands strings over as bytes, and a scalar as one value in a row."""
    if array.dtype == np.object_:
        array = np.array([w.decode() for w in array.reshape(-1)], np.object_).reshape(array.shape)
    return array.reshape(()) if rank == 0 else array


def from_runtime(array):
    """The other way round."""
    array = np.atleast_1d(array)
    if array.dtype == np.object_:
        return np.array([w.encode() for w in array.reshape(-1)], np.object_).reshape(array.shape)
    return array


class TritonPythonModel:
    """The class that the backend looks for."""

    def initialize(self, args):
        """Loads the model. One thread, so that a measurement compares servers and not thread pools."""
        folder = os.path.join(args["model_repository"], args["model_version"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [(value.name, len(value.shape)) for value in self.session.get_inputs()]
        self.outputs = [value.name for value in self.session.get_outputs()]

    def execute(self, requests):
        """Answers each request by itself, and only with the outputs it asked for."""
        return [self.answer(request) for request in requests]

    def answer(self, request):
        """One request: a failure in the model is an answer too."""
        try:
            feed = {
                name: to_runtime(pb.get_input_tensor_by_name(request, name).as_numpy(), rank)
                for name, rank in self.inputs
            }
            wanted = [name for name in self.outputs if name in request.requested_output_names()]
            results = self.session.run(wanted, feed)
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            return pb.InferenceResponse(error=pb.TritonError(str(error).splitlines()[0]))
        return pb.InferenceResponse([pb.Tensor(n, from_runtime(a)) for n, a in zip(wanted, results)])
