//! Layer normalisation, which tract has as a dozen operators, and softmax.

use tandem_kernels::LayerNorm;
use tract_core::internal::*;
use tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{Add, Div, Mul, Pow, Rsqrt, Sqrt, Square, Sub};
use tract_core::ops::nn::{Reduce, Reducer, Softmax, SoftmaxKind};

use super::Rewriter;
use super::matmul::{bias, binary};
use super::ops::Work;
use super::pattern::{floats, number};

/// Replaces `node`, the factor of a layer normalisation, and the term behind it; or a softmax over the last axis.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let model = rewriter.source;
    if let Some(columns) = softmax(model, node) {
        let shape = model.outlet_fact(node.id.into())?.shape.as_concrete().context("no sizes")?.to_vec();
        let input = rewriter.plain(node.inputs[0])?;
        let outlet = rewriter.wire(node.name.clone(), Work::Softmax(columns), shape, &[input])?;
        rewriter.plain.insert(node.id.into(), outlet);
        return Ok(true);
    }
    let Some((norm, x, taken, shape)) = layer_norm(rewriter, node) else {
        return Ok(false);
    };
    let input = rewriter.plain(x)?;
    let outlet = rewriter.wire(node.name.clone(), Work::LayerNorm(Arc::new(norm)), shape, &[input])?;
    rewriter.plain.insert(taken.unwrap_or(node.id).into(), outlet);
    rewriter.taken.extend(taken);
    Ok(true)
}

/// The elements of a row, where `node` is a softmax over the last axis.
fn softmax(model: &TypedModel, node: &TypedNode) -> Option<usize> {
    let op = node.op_as::<Softmax>()?;
    let shape = floats(model, node.id.into())?;
    let last = op.axes.as_slice() == [shape.len().checked_sub(1)?] && op.kind == SoftmaxKind::Softmax;
    shape.last().copied().filter(|&columns| last && columns > 0)
}

/// A layer normalisation, what it is of, and the node of its bias.
fn layer_norm(
    rewriter: &Rewriter<'_>,
    node: &TypedNode,
) -> Option<(LayerNorm, OutletId, Option<usize>, Vec<usize>)> {
    let model = rewriter.source;
    let shape = floats(model, node.id.into())?;
    let columns = shape.last().copied().filter(|&columns| columns > 1)?;
    let (left, right) = inputs::<Mul>(model, node.id.into())?;
    let (scale, normalised) = match (bias(model, left, shape), bias(model, right, shape)) {
        (Some(scale), None) => (scale, right),
        (None, Some(scale)) => (scale, left),
        _ => return None,
    };
    let (distance, variance) = quotient(model, normalised)?;
    let (x, mean) = inputs::<Sub>(model, distance)?;
    let (left, right) = inputs::<Add>(model, variance)?;
    let (epsilon, variance) = match (number(model, left), number(model, right)) {
        (Some(epsilon), None) => (epsilon, right),
        (None, Some(epsilon)) => (epsilon, left),
        _ => return None,
    };
    let squares = average(model, variance, columns)?;
    if floats(model, x)? != shape
        || average(model, mean, columns)? != x
        || square(model, squares)? != distance
    {
        return None;
    }
    let mut offset = vec![0.0; columns];
    let mut taken = None;
    if let Some((next, other)) = binary::<Add>(model, node.id.into(), shape)
        && let Some(found) = bias(model, other, shape)
    {
        (offset, taken) = (found, Some(next));
    }
    let norm = LayerNorm::new(rewriter.set, &scale, &offset, epsilon).ok()?;
    Some((norm, x, taken, shape.to_vec()))
}

/// The two inputs of a result, where it is that of a `B`.
fn inputs<B: BinMiniOp>(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, OutletId)> {
    let node = model.node(outlet.node);
    let [left, right] = *node.inputs.as_slice() else { return None };
    node.op_as::<TypedBinOp>()?.0.is::<B>().then_some((left, right))
}

/// `a` and `b` of `a ÷ √b`, however it is written.
fn quotient(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, OutletId)> {
    let root = |outlet: OutletId, inverse: bool| {
        let node = model.node(outlet.node);
        let op = node.op_as::<ElementWiseOp>()?;
        let fits = if inverse { op.0.is::<Rsqrt>() } else { op.0.is::<Sqrt>() };
        fits.then(|| node.inputs[0])
    };
    if let Some((left, right)) = inputs::<Div>(model, outlet) {
        return Some((left, root(right, false)?));
    }
    let (left, right) = inputs::<Mul>(model, outlet)?;
    match (root(left, true), root(right, true)) {
        (None, Some(square)) => Some((left, square)),
        (Some(square), None) => Some((right, square)),
        _ => None,
    }
}

/// What a result is the mean of, over the last axis of `columns`.
fn average(model: &TypedModel, outlet: OutletId, columns: usize) -> Option<OutletId> {
    #[allow(clippy::cast_precision_loss, reason = "tract computes with the same number")]
    let count = columns as f32;
    let (sum, divisor) = inputs::<Div>(model, outlet)?;
    let node = model.node(sum.node);
    let op = node.op_as::<Reduce>()?;
    let last = floats(model, node.inputs[0])?.len() - 1;
    let fits = op.reducer == Reducer::Sum
        && op.axes.as_slice() == [last]
        && number(model, divisor)?.to_bits() == count.to_bits();
    fits.then(|| node.inputs[0])
}

/// What a result is the square of.
fn square(model: &TypedModel, outlet: OutletId) -> Option<OutletId> {
    let node = model.node(outlet.node);
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return op.0.is::<Square>().then(|| node.inputs[0]);
    }
    if let Some((base, exponent)) = inputs::<Pow>(model, outlet) {
        return number(model, exponent).is_some_and(|two| two.to_bits() == 2.0_f32.to_bits()).then_some(base);
    }
    inputs::<Mul>(model, outlet).filter(|(left, right)| left == right).map(|(left, _)| left)
}
