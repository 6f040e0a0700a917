//! `config.pbtxt`, in protobuf's text format.

use std::fmt::Write as _;

use tandem_core::{DType, Dimension, TensorInfo};

use crate::split::DeployedModel;

/// The first line of every configuration of ours.
pub(super) const MARK: &str = "# Written by `tandem split`, which may replace this model.\n";

/// What runs the models on Triton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Triton's own backend for ONNX Runtime.
    #[default]
    OnnxRuntime,
    /// Triton's Python backend, with a script beside each model that runs it with the `onnxruntime` package: for
    /// servers without the other backend.
    Python,
}

/// The configuration of a model. `max_batch_size` is 0: the shapes are whole, and Triton adds no dimension.
pub(super) fn text(model: &DeployedModel, backend: Backend) -> String {
    let name = match backend {
        Backend::OnnxRuntime => "onnxruntime",
        Backend::Python => "python",
    };
    let mut text = String::from(MARK);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "name: {}\nbackend: \"{name}\"\nmax_batch_size: 0", quoted(&model.name));
    for (side, tensors) in [("input", &model.inputs), ("output", &model.outputs)] {
        for tensor in tensors {
            let _ = writeln!(text, "{side} {{ {} }}", fields(tensor, backend));
        }
    }
    text
}

fn fields(tensor: &TensorInfo, backend: Backend) -> String {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => size.to_string(),
        Dimension::Symbol(_) | Dimension::Unknown => "-1".to_owned(),
    };
    let sizes: Vec<String> = tensor.shape.iter().flatten().map(size).collect();
    // Triton has no tensor without dimensions: a scalar is a row of one, which the script turns back by itself.
    let dims = match (sizes.is_empty(), backend) {
        (false, _) => format!("[{}]", sizes.join(", ")),
        (true, Backend::Python) => "[1]".to_owned(),
        (true, Backend::OnnxRuntime) => "[1] reshape { shape: [] }".to_owned(),
    };
    format!("name: {} data_type: {} dims: {dims}", quoted(&tensor.name), data_type(tensor.dtype))
}

/// A text in quotes. Protobuf reads what is no plain character by its bytes in octal.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted + "\""
}

/// Triton's name of an element type.
fn data_type(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "TYPE_BOOL",
        DType::U8 => "TYPE_UINT8",
        DType::U16 => "TYPE_UINT16",
        DType::U32 => "TYPE_UINT32",
        DType::U64 => "TYPE_UINT64",
        DType::I8 => "TYPE_INT8",
        DType::I16 => "TYPE_INT16",
        DType::I32 => "TYPE_INT32",
        DType::I64 => "TYPE_INT64",
        DType::F16 => "TYPE_FP16",
        DType::F32 => "TYPE_FP32",
        DType::F64 => "TYPE_FP64",
        _ => "TYPE_STRING",
    }
}
