//! Sums of bytes, and operators that move them.

use tandem_kernels::ByteAdd;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::math::Add;

use super::super::Rewriter;
use super::super::pattern::reader;
use super::linear::{Ending, dequantizes, quantizes};
use super::ops::Work;
use super::{image, pixels, pixels_shape, wire};

/// Replaces `node` where it adds two tensors of bytes of one shape.
pub(super) fn add(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let model = rewriter.source;
    let Some((add, inputs, ending)) = sum(rewriter, node) else {
        return Ok(false);
    };
    let interleaved = inputs.iter().all(|input| rewriter.pixels.contains_key(input));
    if let Some(image) = image(model, ending.last).filter(|_| interleaved) {
        let inputs = [pixels(rewriter, inputs[0])?, pixels(rewriter, inputs[1])?];
        let outlet = wire(rewriter, node.name.clone(), Work::Add(add), pixels_shape(image), &inputs)?;
        rewriter.pixels.insert(ending.last, outlet);
    } else {
        let shape = model.outlet_fact(ending.last)?.shape.as_concrete().context("a sum without sizes")?;
        let inputs = [rewriter.plain(inputs[0])?, rewriter.plain(inputs[1])?];
        let outlet = wire(rewriter, node.name.clone(), Work::Add(add), shape.to_vec(), &inputs)?;
        rewriter.plain.insert(ending.last, outlet);
    }
    rewriter.taken.extend(ending.taken);
    Ok(true)
}

fn sum(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(ByteAdd, [OutletId; 2], Ending)> {
    let model = rewriter.source;
    let op = node.op_as::<TypedBinOp>()?;
    let [left, right] = node.inputs.as_slice() else { return None };
    let ((left, first), (right, second)) = (dequantizes(model, *left)?, dequantizes(model, *right)?);
    let shape = |outlet: OutletId| model.outlet_fact(outlet).ok()?.shape.as_concrete();
    let own = shape(node.id.into())?;
    if !op.0.is::<Add>() || shape(left)? != own || shape(right)? != own {
        return None;
    }
    let ending = Ending::of(model, node)?;
    let add = ByteAdd::new(rewriter.byte_set, [first, second], ending.quantization, ending.limits).ok()?;
    Some((add, [left, right], ending))
}

/// Lets operators that only move elements move bytes, where these stand for the same numbers before and after.
pub(super) fn move_elements(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let model = rewriter.source;
    let Some((bytes, before)) = node.inputs.first().and_then(|&input| dequantizes(model, input)) else {
        return Ok(false);
    };
    let mut moves = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next.filter(|node| node.op_is::<AxisOp>()) {
        moves.push(node);
        next = reader(model, node);
    }
    let Some(last) = next.filter(|last| !moves.is_empty() && quantizes(model, last) == Some(before)) else {
        return Ok(false);
    };
    let mut outlet = rewriter.plain(bytes)?;
    for node in &moves {
        outlet = rewriter.target.wire_node(&node.name, node.op.clone(), &[outlet])?[0];
    }
    rewriter.plain.insert(last.id.into(), outlet);
    rewriter.taken.extend(moves.iter().map(|node| node.id).chain([last.id]));
    Ok(true)
}
