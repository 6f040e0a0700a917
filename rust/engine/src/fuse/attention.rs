//! Attention: scores, scale, mask, softmax and the weighted sum of the values become one operator.

mod view;

use tandem_kernels::{Attention, AttentionShape};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math::{Add, Div, Mul};
use tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::Rewriter;
use super::ops::Work;
use super::pattern::{floats, number, reader};
use view::{Spread, View, contiguous};

/// Replaces `node`, the product of weights and values, and what moves its result; what is before it is left without a
/// reader and drops out.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some(Found { attention, inputs, spread }) = recognise(rewriter, node) else {
        return Ok(false);
    };
    let inputs: TVec<OutletId> =
        inputs.into_iter().map(|input| rewriter.plain(input)).collect::<TractResult<_>>()?;
    let work = Work::Attention(Arc::new(attention));
    let outlet = rewriter.wire(node.name.clone(), work, spread.shape, &inputs)?;
    rewriter.plain.insert(spread.last, outlet);
    rewriter.taken.extend(spread.taken);
    Ok(true)
}

struct Found {
    attention: Attention,
    /// Queries, keys, values and perhaps a mask.
    inputs: Vec<OutletId>,
    spread: Spread,
}

fn recognise(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<Found> {
    let model = rewriter.source;
    let (weights, values, [_, width]) = product(model, node)?;
    let softmax = single(model, weights)?;
    let Scores { query, key, depth, scale, mask } = scores(model, softmax)?;
    let shape = floats(model, weights)?;
    let rank = shape.len();
    let sizes = |axis: usize| if axis + 2 < rank { shape[axis] } else { 1 };
    // One or two axes of sequences and heads; a missing first counts once.
    let (batch, heads) = if rank == 4 { (sizes(0), sizes(1)) } else { (1, sizes(0)) };
    let (queries, keys) = (shape[rank - 2], shape[rank - 1]);
    let outer = |strides: &[usize]| if rank == 4 { [strides[0], strides[1]] } else { [0, strides[0]] };
    let rows = |view: &View, row: usize| {
        let [sequence, head] = outer(&view.strides);
        [sequence, head, view.strides[row]]
    };
    let query_view = View::of(model, query.outlet)?;
    let key_view = View::of(model, key.outlet)?;
    let value_view = View::of(model, values.outlet)?;
    let along =
        [query_view.strides[query.summed], key_view.strides[key.summed], value_view.strides[values.kept]];
    let spread = Spread::of(model, node)?;
    if along != [1; 3] || spread.strides[rank - 1] != 1 {
        return None;
    }
    let (mask, mask_strides) = match mask {
        None => (None, [0; 3]),
        Some(mask) => {
            let own = floats(model, mask)?;
            let fits = own.len() == rank
                && own[rank - 1] == keys
                && own.iter().zip(shape).all(|(&own, &size)| own == size || own == 1);
            let mut strides = contiguous(own);
            strides.iter_mut().zip(own).filter(|(_, size)| **size == 1).for_each(|(stride, _)| *stride = 0);
            let [sequence, head] = outer(&strides);
            (Some(mask).filter(|_| fits).map(Some)?, [sequence, head, strides[rank - 2]])
        }
    };
    let [out_sequence, out_head] = outer(&spread.strides);
    let shape = AttentionShape {
        batch,
        heads,
        queries,
        keys,
        depth,
        width,
        scale,
        query_strides: rows(&query_view, query.kept),
        key_strides: rows(&key_view, key.kept),
        value_strides: rows(&value_view, values.summed),
        mask_strides,
        out_strides: [out_sequence, out_head, spread.strides[rank - 2]],
    };
    let attention = Attention::new(rewriter.set, shape).ok()?;
    let inputs = [query_view.base, key_view.base, value_view.base].into_iter().chain(mask).collect();
    Some(Found { attention, inputs, spread })
}

/// The node of a result that nothing else reads.
fn single(model: &TypedModel, outlet: OutletId) -> Option<&TypedNode> {
    let node = model.node(outlet.node);
    reader(model, node).map(|_| node)
}

/// A tensor of a batched product, and its axes beside those of the batch.
#[derive(Clone, Copy)]
struct Operand {
    outlet: OutletId,
    kept: usize,
    summed: usize,
}

struct Scores {
    query: Operand,
    key: Operand,
    depth: usize,
    scale: f32,
    mask: Option<OutletId>,
}

/// What the softmax over the last axis in `node` is taken of.
fn scores(model: &TypedModel, node: &TypedNode) -> Option<Scores> {
    let op = node.op_as::<Softmax>()?;
    let shape = floats(model, node.id.into())?;
    if op.axes.as_slice() != [shape.len() - 1] || op.kind != SoftmaxKind::Softmax {
        return None;
    }
    let (mut scale, mut mask) = (None, None);
    let mut outlet = node.inputs[0];
    loop {
        let node = single(model, outlet)?;
        if floats(model, outlet)? != shape {
            return None;
        }
        let Some(op) = node.op_as::<TypedBinOp>() else { break };
        let [left, right] = *node.inputs.as_slice() else { return None };
        if op.0.is::<Add>() && mask.is_none() && scale.is_none() {
            // The scores are what a product gives, if need be with a factor.
            let (own, other) = if is_product(model, left) { (left, right) } else { (right, left) };
            (outlet, mask) = (own, Some(other));
        } else if op.0.is::<Mul>() && scale.is_none() {
            let (own, factor) = match (number(model, left), number(model, right)) {
                (None, Some(factor)) => (left, factor),
                (Some(factor), None) => (right, factor),
                _ => return None,
            };
            (outlet, scale) = (own, Some(factor));
        } else if op.0.is::<Div>() && scale.is_none() {
            (outlet, scale) = (left, Some(number(model, right)?.recip()));
        } else {
            return None;
        }
    }
    let (query, key, [depth, _]) = product(model, model.node(outlet.node))?;
    let query = Operand { outlet: query, kept: shape.len() - 2, summed: shape.len() - 1 };
    Some(Scores { query, key, depth, scale: scale.unwrap_or(1.0), mask })
}

/// Whether a result is that of a batched product, perhaps with a factor.
fn is_product(model: &TypedModel, outlet: OutletId) -> bool {
    let node = model.node(outlet.node);
    let scaled = node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>() || op.0.is::<Div>());
    product(model, node).is_some()
        || (scaled && node.inputs.iter().any(|input| product(model, model.node(input.node)).is_some()))
}

/// A product of matrices in two tensors of one rank, 3 or 4: the first, whose last axis is summed over, the second, and
/// the sizes of the summed axis and of the result's last.
fn product(model: &TypedModel, node: &TypedNode) -> Option<(OutletId, Operand, [usize; 2])> {
    let op = node.op_as::<EinSum>()?;
    let [left, right] = *node.inputs.as_slice() else { return None };
    if op.q_params.is_some() || op.operating_dt != f32::datum_type() {
        return None;
    }
    let (first, second, out) = (floats(model, left)?, floats(model, right)?, floats(model, node.id.into())?);
    let rank = out.len();
    let whole = [first, second, out].iter().all(|shape| shape.len() == rank && !shape.contains(&0));
    if !matches!(rank, 3 | 4) || !whole {
        return None;
    }
    let (mut kept, mut summed) = (None, None);
    for axis in op.axes.iter_all_axes() {
        match (axis.inputs[0].as_slice(), axis.inputs[1].as_slice(), axis.outputs[0].as_slice()) {
            ([a], [b], [c])
                if a == b && b == c && a + 2 < rank && first[*a] == out[*c] && second[*b] == out[*c] => {}
            ([a], [], [c]) if a == c && a + 2 == rank => {}
            ([a], [b], []) if a + 1 == rank => summed = Some(*b),
            ([], [b], [c]) if c + 1 == rank => kept = Some(*b),
            _ => return None,
        }
    }
    let operand = Operand { outlet: right, kept: kept?, summed: summed? };
    Some((left, operand, [first[rank - 1], out[rank - 1]]))
}
