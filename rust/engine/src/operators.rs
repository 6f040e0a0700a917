//! Operators that tract has not, or gets wrong.

use tract_onnx::model::OnnxOpRegister;

/// Adds them to tract's own, in place of those of the same name.
pub(crate) fn register(_register: &mut OnnxOpRegister) {}
