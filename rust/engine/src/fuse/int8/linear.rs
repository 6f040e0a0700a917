//! `DequantizeLinear` in front and `QuantizeLinear` behind.

use tandem_kernels::Quantization;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math::{Max, Min};

use super::super::pattern::{number, reader};
use crate::operators::{Dequantize, Native, Quantize, quantization};

/// The bytes that a result stands for.
pub(super) fn dequantizes(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, Quantization)> {
    let node = model.node(outlet.node);
    node.op_as::<Native<Dequantize>>()?;
    let bytes = *node.inputs.first()?;
    let quantization = of(model, node)?;
    (model.outlet_fact(bytes).ok()?.datum_type == u8::datum_type()).then_some((bytes, quantization))
}

/// What `node` quantises to, where it gives bytes.
pub(super) fn quantizes(model: &TypedModel, node: &TypedNode) -> Option<Quantization> {
    node.op_as::<Native<Quantize>>()?;
    let bytes = node.outputs.first()?.fact.datum_type == u8::datum_type();
    of(model, node).filter(|_| bytes)
}

fn of(model: &TypedModel, node: &TypedNode) -> Option<Quantization> {
    let constant = |index: usize| {
        let outlet = *node.inputs.get(index)?;
        model.outlet_fact(outlet).ok()?.konst.as_deref()
    };
    let zero = match node.inputs.len() {
        2 => None,
        _ => Some(constant(2)?),
    };
    let found = quantization(constant(1)?, zero)?;
    (found.scale.is_finite() && found.scale > 0.0).then_some(found)
}

/// What turns a result into bytes: limits, and the operator itself.
pub(super) struct Ending {
    pub(super) quantization: Quantization,
    /// Of the bytes.
    pub(super) limits: [u8; 2],
    pub(super) taken: Vec<usize>,
    /// Whose result it is.
    pub(super) last: OutletId,
}

impl Ending {
    /// What comes behind `node`, where it ends in bytes.
    pub(super) fn of(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let (mut low, mut high) = (f32::NEG_INFINITY, f32::INFINITY);
        let mut taken = Vec::new();
        let mut node = node;
        loop {
            let next = reader(model, node)?;
            taken.push(next.id);
            if let Some(quantization) = quantizes(model, next) {
                if next.inputs[0] != node.id.into() {
                    return None;
                }
                let limits = [byte(low, quantization), byte(high, quantization)];
                return Some(Self { quantization, limits, taken, last: next.id.into() });
            }
            let op = next.op_as::<TypedBinOp>()?;
            let [left, right] = next.inputs.as_slice() else { return None };
            let limit = number(model, if *left == node.id.into() { *right } else { *left })?;
            if limit.is_nan() || next.outputs[0].fact.shape != node.outputs[0].fact.shape {
                return None;
            }
            // To hold a number between limits and then take its byte is to hold the byte between theirs.
            if op.0.is::<Max>() {
                (low, high) = (low.max(limit), high.max(limit));
            } else if op.0.is::<Min>() {
                (low, high) = (low.min(limit), high.min(limit));
            } else {
                return None;
            }
            node = next;
        }
    }
}

/// The byte for a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 255")]
fn byte(x: f32, quantization: Quantization) -> u8 {
    let zero = f32::from(quantization.zero);
    ((x / quantization.scale).round_ties_even() + zero).clamp(0.0, 255.0) as u8
}
