//! Operators that tract has not, or gets wrong.

mod attention;
mod bit_shift;
mod elementwise;
mod native;
mod reduce;
mod space_to_depth;
mod swish;
mod wires;

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::tract_hir::internal::{TractResult, ensure};

/// Adds them to tract's own, in place of those of the same name.
pub(crate) fn register(register: &mut OnnxOpRegister) {
    register.insert("Attention", attention::attention);
    register.insert("BitShift", bit_shift::bit_shift);
    register.insert("Celu", elementwise::celu);
    register.insert("Mish", elementwise::mish);
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
    let resolved = if axis < 0 { axis + rank as i64 } else { axis };
    ensure!((0..rank as i64).contains(&resolved), "axis {axis} of a tensor of {rank} axes");
    Ok(resolved as usize)
}
