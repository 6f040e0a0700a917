//! Sums, products, gates and activations of images that are in blocks already.

use tandem_kernels::Combination;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math::{Add, Mul};

use super::Rewriter;
use super::ops::Work;
use super::pattern::image;
use super::tail::Tail;

/// Replaces `node` and the activation behind it, where all that it reads is in blocks.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some(found) = alone(rewriter, node).or_else(|| together(rewriter, node)) else {
        return Ok(false);
    };
    let Found { work, inputs, tail } = found;
    let image = image(rewriter.source, tail.last).context("an image without sizes")?;
    let inputs: TVec<OutletId> =
        inputs.into_iter().map(|input| rewriter.blocked(input)).collect::<TractResult<_>>()?;
    let shape = rewriter.blocked_shape(image);
    let outlet = rewriter.wire(node.name.clone(), work, shape, &inputs)?;
    rewriter.blocked.insert(tail.last, outlet);
    rewriter.taken.extend(tail.taken);
    Ok(true)
}

struct Found {
    work: Work,
    inputs: TVec<OutletId>,
    tail: Tail,
}

/// An activation.
fn alone(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<Found> {
    let x = *node.inputs.iter().find(|input| rewriter.blocked.contains_key(input))?;
    let tail = Tail::alone(rewriter.source, x, node)?;
    Some(Found { work: Work::Activate(tail.activation), inputs: tvec!(x), tail })
}

/// A sum or a product of two images, or of an image and a factor for each channel.
fn together(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<Found> {
    let model = rewriter.source;
    let op = node.op_as::<TypedBinOp>()?;
    let [left, right] = *node.inputs.as_slice() else { return None };
    if ![left, right].iter().all(|input| rewriter.blocked.contains_key(input)) {
        return None;
    }
    let out = image(model, node.id.into())?;
    let [first, second] = [image(model, left)?, image(model, right)?];
    let tail = Tail::activation(model, node.id.into())?;
    let activation = tail.activation;
    let (work, inputs) = if first == out && second == out {
        let combination = if op.0.is::<Add>() {
            Combination::Add
        } else if op.0.is::<Mul>() {
            Combination::Multiply
        } else {
            return None;
        };
        (Work::Combine(combination, activation), tvec!(left, right))
    } else if op.0.is::<Mul>() {
        let factors = [out[0], out[1], 1, 1];
        let inputs = match (first == out, second == out) {
            (true, false) if second == factors => tvec!(left, right),
            (false, true) if first == factors => tvec!(right, left),
            _ => return None,
        };
        (Work::Gate(out, activation), inputs)
    } else {
        return None;
    };
    Some(Found { work, inputs, tail })
}
