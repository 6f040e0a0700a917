//! Operators that tract has not, or gets wrong.

mod attention;
mod bit_shift;
mod cast;
mod elementwise;
mod linear;
mod loss;
mod native;
mod reduce;
mod space_to_depth;
mod swish;
mod wires;

pub(crate) use linear::{Dequantize, Quantize, quantization};
pub(crate) use native::Native;

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::tract_hir::internal::{TractErrorContext, TractResult};

/// Adds them to tract's own, in place of those of the same name.
pub(crate) fn register(register: &mut OnnxOpRegister) {
    register.insert("Attention", attention::attention);
    register.insert("BitShift", bit_shift::bit_shift);
    register.insert("Cast", cast::cast);
    register.insert("Celu", elementwise::celu);
    register.insert("Mish", elementwise::mish);
    register.insert("DequantizeLinear", linear::dequantize);
    register.insert("QuantizeLinear", linear::quantize);
    register.insert("NegativeLogLikelihoodLoss", loss::negative_log_likelihood);
    register.insert("SoftmaxCrossEntropyLoss", loss::softmax_cross_entropy);
    register.insert("ReduceLogSumExp", reduce::reduce_log_sum_exp);
    register.insert("ReduceMax", reduce::reduce_max);
    register.insert("ReduceMin", reduce::reduce_min);
    register.insert("Softplus", elementwise::softplus);
    register.insert("SpaceToDepth", space_to_depth::space_to_depth);
    register.insert("SwiGLU", swish::swiglu);
    register.insert("Swish", swish::swish);
}

/// An axis from nought up.
fn axis(axis: i64, rank: usize) -> TractResult<usize> {
    let resolved = if axis < 0 { axis.saturating_add(signed(rank)) } else { axis };
    let inside = usize::try_from(resolved).ok().filter(|&resolved| resolved < rank);
    inside.with_context(|| format!("axis {axis} of a tensor of {rank} axes"))
}

/// A size as ONNX counts.
fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
