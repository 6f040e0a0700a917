//! What a convolution takes along of the nodes behind it.

use tandem_kernels::Activation;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{Add, Max, Min, Mul};
use tract_core::ops::nn::{HardSwish, Sigmoid, silu::Silu};

use super::Image;
use super::pattern::{image, number, per_channel, reader};

/// Nodes in a row that one operator of ours computes.
#[derive(Debug)]
pub(super) struct Tail {
    /// A factor for each channel, and what is added to it.
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    /// Added after these.
    pub(super) residual: Option<OutletId>,
    /// Applied last.
    pub(super) activation: Activation,
    /// The nodes, but for the first.
    pub(super) taken: Vec<usize>,
    /// Whose result it is.
    pub(super) last: OutletId,
}

impl Tail {
    /// What `node`, which gives an image, can take along; `is_ready` tells which images may be residuals.
    pub(super) fn of(
        model: &TypedModel,
        node: &TypedNode,
        is_ready: impl Fn(OutletId) -> bool,
    ) -> Option<Self> {
        let shape = image(model, node.id.into())?;
        let mut tail = Self {
            scale: vec![1.0; shape[1]],
            shift: vec![0.0; shape[1]],
            residual: None,
            activation: Activation::None,
            taken: Vec::new(),
            last: node.id.into(),
        };
        while let Some(next) = tail.step(model, shape, &is_ready) {
            tail.taken.push(next);
            tail.last = next.into();
        }
        if let Some([gate, product]) = tail.gated(model, shape) {
            tail.taken.extend([gate, product]);
            tail.last = product.into();
            tail.activation = Activation::Silu;
        }
        Some(tail)
    }

    /// Takes the next node along, where that is possible.
    fn step(
        &mut self,
        model: &TypedModel,
        shape: Image,
        is_ready: &impl Fn(OutletId) -> bool,
    ) -> Option<usize> {
        let next = reader(model, model.node(self.last.node))?;
        if image(model, next.id.into()) != Some(shape) || next.outputs.len() != 1 {
            return None;
        }
        let taken = if let Some(op) = next.op_as::<TypedBinOp>() {
            let [left, right] = next.inputs.as_slice() else { return None };
            let other = if *left == self.last { *right } else { *left };
            self.binary(model, op, other, shape, is_ready)
        } else {
            self.curve(next)
        };
        taken.then_some(next.id)
    }

    /// A node of two inputs, this result and `other`. All of those here may be swapped.
    fn binary(
        &mut self,
        model: &TypedModel,
        op: &TypedBinOp,
        other: OutletId,
        shape: Image,
        is_ready: &impl Fn(OutletId) -> bool,
    ) -> bool {
        let linear = self.residual.is_none() && self.activation == Activation::None;
        let (low, high) = match self.activation {
            Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Clip { low, high } => (low, high),
            _ => return false,
        };
        if op.0.is::<Max>() || op.0.is::<Min>() {
            let Some(limit) = number(model, other).filter(|limit| !limit.is_nan()) else { return false };
            // One limit of each kind, the first of which the second must leave room for.
            let (low, high) = match (op.0.is::<Max>(), low, high) {
                (true, f32::NEG_INFINITY, high) => (limit, high),
                (false, low, f32::INFINITY) => (low, limit),
                _ => return false,
            };
            if low <= high {
                self.activation = Activation::Clip { low, high };
            }
            return low <= high;
        }
        if op.0.is::<Mul>() && linear {
            let Some(factors) = per_channel(model, other, shape[1]) else { return false };
            for (channel, factor) in factors.into_iter().enumerate() {
                self.scale[channel] *= factor;
                self.shift[channel] *= factor;
            }
            return true;
        }
        if op.0.is::<Add>() && linear {
            if let Some(terms) = per_channel(model, other, shape[1]) {
                for (channel, term) in terms.into_iter().enumerate() {
                    self.shift[channel] += term;
                }
                return true;
            }
            if image(model, other) == Some(shape) && is_ready(other) {
                self.residual = Some(other);
                return true;
            }
        }
        false
    }

    /// A node of one input.
    fn curve(&mut self, node: &TypedNode) -> bool {
        let Some(op) = node.op_as::<ElementWiseOp>() else { return false };
        if self.activation != Activation::None {
            return false;
        }
        self.activation = if op.0.is::<Sigmoid>() {
            Activation::Sigmoid
        } else if op.0.is::<Silu>() {
            Activation::Silu
        } else if op.0.is::<HardSwish>() {
            Activation::HardSwish
        } else {
            return false;
        };
        true
    }

    /// `x × sigmoid(x)` of the result so far: two nodes.
    fn gated(&self, model: &TypedModel, shape: Image) -> Option<[usize; 2]> {
        let node = model.node(self.last.node);
        let [first, second] = node.outputs[0].successors.as_slice() else { return None };
        if self.activation != Activation::None || model.outputs.contains(&self.last) {
            return None;
        }
        [(first, second), (second, first)].into_iter().find_map(|(gate, product)| {
            let gate = model.node(gate.node);
            let product = model.node(product.node);
            let fits = gate.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<Sigmoid>())
                && reader(model, gate).is_some_and(|reader| reader.id == product.id)
                && product.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>())
                && image(model, product.id.into()) == Some(shape);
            fits.then_some([gate.id, product.id])
        })
    }
}
