//! One ONNX model, answered on this device, in the cloud, or both: `Runtime` and `Model`.
