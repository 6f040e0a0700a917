//! Loads and runs ONNX models on this device, through tract.
