"""An MLServer runtime: runs an ONNX file with ONNX Runtime."""

import numpy as np
import onnxruntime as ort
from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceResponse, MetadataTensor, ResponseOutput
from onnx_types import datatype, shape

DTYPES = {"FP16": "float16", "FP32": "float32", "FP64": "float64", "BYTES": "object"}


def to_array(tensor):
    """The tensor in its own shape: MLServer's numpy codec would add a dimension to a vector."""
    values = getattr(tensor.data, "root", tensor.data)
    kind = getattr(tensor.datatype, "value", tensor.datatype)
    if kind == "BYTES":
        values = [v.decode() if isinstance(v, bytes) else v for v in values]
    dtype = DTYPES.get(kind, kind.lower())
    return np.array(values, dtype).reshape(tensor.shape)


class OnnxModel(MLModel):
    """The class that `model-settings.json` names."""

    async def load(self):
        """Opens the model and declares what it takes and gives."""
        self.session = ort.InferenceSession(self.settings.parameters.uri, providers=["CPUExecutionProvider"])
        self.inputs = [self.describe(v) for v in self.session.get_inputs()]
        self.outputs = [self.describe(v) for v in self.session.get_outputs()]
        return True

    @staticmethod
    def describe(value):
        """One tensor of the metadata."""
        return MetadataTensor(name=value.name, datatype=datatype(value), shape=shape(value))

    async def predict(self, payload):
        """Answers one request with the outputs it asked for, all of them if it asked for none."""
        names = [o.name for o in payload.outputs or []] or [o.name for o in self.outputs]
        try:
            results = self.session.run(names, {i.name: to_array(i) for i in payload.inputs})
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise InferenceError(str(error).splitlines()[0]) from error
        kinds = {o.name: o.datatype for o in self.outputs}
        outputs = [
            ResponseOutput(name=n, datatype=kinds[n], shape=list(a.shape), data=a.reshape(-1).tolist())
            for n, a in zip(names, map(np.asarray, results))
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs)
