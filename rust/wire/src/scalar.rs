//! Scalars on the wire: Triton has no tensor without dimensions, so one value travels as a row of one.

use tandem_core::{Tensor, TensorInfo};

/// The tensor as it is sent: shape `[1]` for a scalar. Shares the memory.
pub fn scalar_as_row(tensor: &Tensor) -> Tensor {
    if tensor.shape().is_empty() {
        tensor.reshape([1]).unwrap_or_else(|_| tensor.clone())
    } else {
        tensor.clone()
    }
}

/// The tensor as the model knows it: a scalar where `info` declares one and a row of one came. Shares the memory.
pub fn row_as_scalar(tensor: &Tensor, info: &TensorInfo) -> Tensor {
    let is_scalar = info.shape.as_ref().is_some_and(Vec::is_empty);
    if is_scalar && tensor.shape() == [1] {
        tensor.reshape([]).unwrap_or_else(|_| tensor.clone())
    } else {
        tensor.clone()
    }
}
