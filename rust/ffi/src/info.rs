//! What a model is.

use std::collections::HashMap;

use crate::decision::all;
use crate::dtype::wide;
use crate::{DType, TandemFailure};

/// One dimension of a declared shape.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Dimension {
    /// A fixed size.
    Fixed {
        /// The size.
        size: u64,
    },
    /// Any size; two dimensions of one model that share a name share their size.
    Symbol {
        /// The name.
        name: String,
    },
    /// Any size.
    Unknown,
}

impl From<tandem::Dimension> for Dimension {
    fn from(dimension: tandem::Dimension) -> Self {
        match dimension {
            tandem::Dimension::Fixed(size) => Self::Fixed { size: wide(size) },
            tandem::Dimension::Symbol(name) => Self::Symbol { name },
            tandem::Dimension::Unknown => Self::Unknown,
        }
    }
}

/// Name, element type and shape of one input or output.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TensorInfo {
    /// The name by which it is given or wanted.
    pub name: String,
    /// The element type.
    pub dtype: DType,
    /// The declared shape; `None` where the model does not state even the number of dimensions.
    pub shape: Option<Vec<Dimension>>,
}

impl TryFrom<tandem::TensorInfo> for TensorInfo {
    type Error = TandemFailure;

    fn try_from(info: tandem::TensorInfo) -> Result<Self, TandemFailure> {
        let shape = info.shape.map(|shape| shape.into_iter().map(Into::into).collect());
        Ok(Self { name: info.name, dtype: info.dtype.try_into()?, shape })
    }
}

/// What a loaded model is: identity, inputs and outputs.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ModelInfo {
    /// The file's name without its ending, else the graph's name, else `model`.
    pub name: String,
    /// SHA-256 of the ONNX file, as 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Version of the default operator set.
    pub opset: u64,
    /// The model's own key-value metadata.
    pub metadata: HashMap<String, String>,
    /// What must be given, in the graph's order.
    pub inputs: Vec<TensorInfo>,
    /// What can be asked for, in the graph's order.
    pub outputs: Vec<TensorInfo>,
}

impl TryFrom<&tandem::ModelInfo> for ModelInfo {
    type Error = TandemFailure;

    fn try_from(info: &tandem::ModelInfo) -> Result<Self, TandemFailure> {
        let info = info.clone();
        Ok(Self {
            name: info.name,
            digest: info.digest,
            opset: info.opset,
            metadata: info.metadata.into_iter().collect(),
            inputs: all(info.inputs)?,
            outputs: all(info.outputs)?,
        })
    }
}
