//! Operators between `DequantizeLinear` and `QuantizeLinear`, computed on the bytes themselves.
//!
//! What is replaced is what ONNX Runtime replaces, and the bytes are the same: convolutions, products with constant
//! matrices, sums, pooling, and operators that only move elements. Images stay interleaved between our operators.

mod conv;
mod element;
mod linear;
mod matmul;
mod ops;
mod pool;

use tract_core::internal::*;

use super::{Image, Rewriter};
use crate::operators::{Native, Quantize};
pub(super) use ops::{Bytes, Work};

/// Replaces `node` and what it takes along, where it works on bytes.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    if node.op_is::<Native<Quantize>>()
        && let Some(quantization) = linear::quantizes(rewriter.source, node)
    {
        rewriter.quantized.insert(node.id.into(), (node.inputs[0], quantization));
        return Ok(false);
    }
    Ok(conv::replace(rewriter, node)?
        || matmul::replace(rewriter, node)?
        || element::add(rewriter, node)?
        || element::move_elements(rewriter, node)?
        || pool::replace(rewriter, node)?)
}

/// Sizes of a result of bytes that is an image.
fn image(model: &TypedModel, outlet: OutletId) -> Option<Image> {
    let fact = model.outlet_fact(outlet).ok()?;
    let shape: Image = fact.shape.as_concrete()?.try_into().ok()?;
    (fact.datum_type == u8::datum_type() && !shape.contains(&0)).then_some(shape)
}

/// A result of bytes as tract's operators want it, from an interleaved image.
pub(super) fn to_planes(rewriter: &mut Rewriter<'_>, outlet: OutletId) -> TractResult<OutletId> {
    let pixels = rewriter.pixels[&outlet];
    let image = image(rewriter.source, outlet).context("an image without sizes")?;
    let name = format!("{}.to-planes", rewriter.source.node(outlet.node).name);
    let plain = wire(rewriter, name, Work::ToPlanes(image), image.to_vec(), &[pixels])?;
    rewriter.plain.insert(outlet, plain);
    Ok(plain)
}

/// A result of bytes as an interleaved image.
fn pixels(rewriter: &mut Rewriter<'_>, outlet: OutletId) -> TractResult<OutletId> {
    if let Some(&pixels) = rewriter.pixels.get(&outlet) {
        return Ok(pixels);
    }
    let image = image(rewriter.source, outlet).context("an image without sizes")?;
    let name = format!("{}.to-pixels", rewriter.source.node(outlet.node).name);
    let (work, input) = match rewriter.quantized.get(&outlet) {
        Some(&(source, quantization)) => (Work::Quantize(image, quantization), rewriter.plain(source)?),
        None => (Work::ToPixels(image), rewriter.plain(outlet)?),
    };
    let pixels = wire(rewriter, name, work, pixels_shape(image), &[input])?;
    rewriter.pixels.insert(outlet, pixels);
    Ok(pixels)
}

fn pixels_shape([batch, channels, height, width]: Image) -> Vec<usize> {
    vec![batch, height, width, tandem_kernels::pixel_bytes(channels)]
}

fn wire(
    rewriter: &mut Rewriter<'_>,
    name: String,
    work: Work,
    shape: Vec<usize>,
    inputs: &[OutletId],
) -> TractResult<OutletId> {
    let work = match rewriter.shelf {
        Some(shelf) => shelf.share_bytes(work),
        None => work,
    };
    let op = Bytes { set: rewriter.byte_set, work, shape, storage: rewriter.storage.clone() };
    Ok(rewriter.target.wire_node(name, op, inputs)?[0])
}
