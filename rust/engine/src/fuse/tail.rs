//! What an operator takes along of the nodes behind it.

use tandem_kernels::Activation;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{Add, Max, Min, Mul};
use tract_core::ops::nn::{HardSwish, Sigmoid, silu::Silu};

use super::Image;
use super::gate::self_gated;
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
    /// What a convolution at `node`, which gives an image, can take along; `is_ready` tells which images may be residuals.
    pub(super) fn of(
        model: &TypedModel,
        node: &TypedNode,
        is_ready: impl Fn(OutletId) -> bool,
    ) -> Option<Self> {
        let shape = image(model, node.id.into())?;
        let mut tail = Self::nothing(node.id.into(), shape);
        while let Some(next) = tail.next(model) {
            if !tail.step(model, next, shape, true, &is_ready) {
                break;
            }
        }
        tail.gated(model, shape);
        Some(tail)
    }

    /// What an operator without weights, whose result is `x`, can take along: an activation.
    pub(super) fn activation(model: &TypedModel, x: OutletId) -> Option<Self> {
        let shape = image(model, x)?;
        let mut tail = Self::nothing(x, shape);
        tail.activate(model, shape, tail.next(model));
        Some(tail)
    }

    /// The activation that begins with `first`, which is one of those that read `x`.
    pub(super) fn alone(model: &TypedModel, x: OutletId, first: &TypedNode) -> Option<Self> {
        let shape = image(model, x)?;
        let mut tail = Self::nothing(x, shape);
        tail.gated(model, shape);
        if tail.taken.is_empty() {
            tail.activate(model, shape, Some(first));
        }
        tail.taken.contains(&first.id).then_some(tail)
    }

    fn activate<'a>(&mut self, model: &'a TypedModel, shape: Image, mut next: Option<&'a TypedNode>) {
        while let Some(node) = next {
            if !self.step(model, node, shape, false, &|_| false) {
                break;
            }
            next = self.next(model);
        }
        self.gated(model, shape);
    }

    fn nothing(last: OutletId, shape: Image) -> Self {
        Self {
            scale: vec![1.0; shape[1]],
            shift: vec![0.0; shape[1]],
            residual: None,
            activation: Activation::None,
            taken: Vec::new(),
            last,
        }
    }

    fn next<'a>(&self, model: &'a TypedModel) -> Option<&'a TypedNode> {
        reader(model, model.node(self.last.node))
    }

    /// Takes `next` along, where that is possible; factors and terms only where there are weights to `fold` them into.
    fn step(
        &mut self,
        model: &TypedModel,
        next: &TypedNode,
        shape: Image,
        fold: bool,
        is_ready: &impl Fn(OutletId) -> bool,
    ) -> bool {
        if image(model, next.id.into()) != Some(shape) || next.outputs.len() != 1 {
            return false;
        }
        let taken = if let Some(op) = next.op_as::<TypedBinOp>() {
            let [left, right] = next.inputs.as_slice() else { return false };
            let other = if *left == self.last { *right } else { *left };
            self.limit(model, op, other) || fold && self.binary(model, op, other, shape, is_ready)
        } else {
            self.curve(next)
        };
        if taken {
            self.taken.push(next.id);
            self.last = next.id.into();
        }
        taken
    }

    /// Takes a product of the result so far with a curve of itself along.
    fn gated(&mut self, model: &TypedModel, shape: Image) {
        if self.activation != Activation::None {
            return;
        }
        if let Some((activation, nodes)) = self_gated(model, self.last, shape) {
            self.activation = activation;
            self.last = nodes.last().map_or(self.last, |&last| last.into());
            self.taken.extend(nodes);
        }
    }

    /// A limit, one of each kind, the first of which the second must leave room for.
    fn limit(&mut self, model: &TypedModel, op: &TypedBinOp, other: OutletId) -> bool {
        let (low, high) = match self.activation {
            Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Clip { low, high } => (low, high),
            _ => return false,
        };
        if !op.0.is::<Max>() && !op.0.is::<Min>() {
            return false;
        }
        let Some(limit) = number(model, other).filter(|limit| !limit.is_nan()) else { return false };
        let (low, high) = match (op.0.is::<Max>(), low, high) {
            (true, f32::NEG_INFINITY, high) => (limit, high),
            (false, low, f32::INFINITY) => (low, limit),
            _ => return false,
        };
        if low <= high {
            self.activation = Activation::Clip { low, high };
        }
        low <= high
    }

    /// A factor, a term or a residual. All of them may be swapped with the result so far.
    fn binary(
        &mut self,
        model: &TypedModel,
        op: &TypedBinOp,
        other: OutletId,
        shape: Image,
        is_ready: &impl Fn(OutletId) -> bool,
    ) -> bool {
        let linear = self.residual.is_none() && self.activation == Activation::None;
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
}
