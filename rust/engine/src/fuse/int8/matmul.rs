//! Products of bytes with constant matrices.

use tandem_kernels::{ByteMatMul, ByteMatrix, Requantization};
use tract_core::internal::*;
use tract_core::ops::math::Add;

use super::super::Rewriter;
use super::super::matmul::{Product, bias, binary};
use super::super::pattern::floats;
use super::linear::{Ending, dequantizes};
use super::ops::Work;
use super::wire;

/// Replaces `node` and what it takes along, where it multiplies rows of bytes by a constant matrix.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some((product, bytes, shape, ending)) = recognise(rewriter, node) else {
        return Ok(false);
    };
    let input = rewriter.plain(bytes)?;
    let outlet = wire(rewriter, node.name.clone(), Work::MatMul(Arc::new(product)), shape, &[input])?;
    rewriter.plain.insert(ending.last, outlet);
    rewriter.taken.extend(ending.taken);
    Ok(true)
}

fn recognise(
    rewriter: &Rewriter<'_>,
    node: &TypedNode,
) -> Option<(ByteMatMul, OutletId, Vec<usize>, Ending)> {
    let model = rewriter.source;
    let (bytes, input) = dequantizes(model, *node.inputs.first()?)?;
    let Product { weights, transposed, sizes } = Product::of(model, node)?;
    let shape = floats(model, node.id.into())?;
    let mut last = node;
    let mut own_bias = vec![0.0];
    let mut sum = None;
    if let Some((next, other)) = binary::<Add>(model, node.id.into(), shape)
        && let Some(found) = bias(model, other, shape)
    {
        own_bias = found;
        last = model.node(next);
        sum = Some(next);
    }
    let mut ending = Ending::of(model, last)?;
    ending.taken.extend(sum);
    let (outputs, behind) = (sizes[1], if transposed { sizes[0] } else { 1 });
    let product = weights.integers(rewriter.integers, |integers| {
        let weights = integers.signed_bytes()?;
        let scales = integers.output_scales(outputs, behind)?;
        let bias = quantized_bias(rewriter, &own_bias, input.scale, &scales)?;
        let weights = if transposed { ByteMatrix::Transposed(weights) } else { ByteMatrix::Plain(weights) };
        let ends = Requantization { input, weight_scales: &scales, output: ending.quantization };
        ByteMatMul::new(rewriter.byte_set, sizes, weights, &bias, &ends, ending.limits).ok()
    })?;
    Some((product, bytes, shape.to_vec(), ending))
}

/// The integers that a bias was, whose scale is that of input × weight; none where it is nought.
pub(super) fn quantized_bias(
    rewriter: &Rewriter<'_>,
    bias: &[f32],
    input_scale: f32,
    weight_scales: &[f32],
) -> Option<Vec<i32>> {
    if bias.iter().all(|&bias| bias == 0.0) {
        return Some(Vec::new());
    }
    rewriter.integers.find(bias).find_map(|integers| {
        let words = integers.words()?;
        let scales = integers.output_scales(weight_scales.len(), 1)?;
        let fits = scales.iter().zip(weight_scales).all(|(scale, weight_scale)| {
            let product = input_scale * weight_scale;
            (scale - product).abs() <= 1e-5 * product
        });
        (fits && words.len() == weight_scales.len()).then(|| words.to_vec())
    })
}
