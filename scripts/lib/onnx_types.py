"""How an ONNX Runtime session's inputs and outputs are named in the Open Inference Protocol."""

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


def datatype(value):
    """The protocol's name of a tensor's type."""
    try:
        return DATATYPES[value.type]
    except KeyError:
        raise SystemExit(f"{value.name}: {value.type} has no numpy form, so this server cannot serve it") from None


def shape(value):
    """The shape with -1 for what is not fixed."""
    return [d if isinstance(d, int) else -1 for d in value.shape]
