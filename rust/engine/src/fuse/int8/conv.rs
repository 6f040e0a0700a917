//! Convolutions of bytes.

use tandem_kernels::{ByteConv2d, Requantization};
use tract_core::internal::*;

use super::super::conv::parameters;
use super::super::pattern::{Packable, constant, elements};
use super::super::{Image, Rewriter};
use super::linear::{Ending, dequantizes};
use super::matmul::quantized_bias;
use super::ops::Work;
use super::{pixels, pixels_shape, wire};

/// Replaces `node` and what it takes along, where it is a convolution between bytes that our kernel computes.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some((conv, bytes, output, ending)) = recognise(rewriter, node) else {
        return Ok(false);
    };
    let input = pixels(rewriter, bytes)?;
    let work = Work::Conv(Arc::new(conv));
    let outlet = wire(rewriter, node.name.clone(), work, pixels_shape(output), &[input])?;
    rewriter.pixels.insert(ending.last, outlet);
    rewriter.taken.extend(ending.taken);
    Ok(true)
}

fn recognise(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(ByteConv2d, OutletId, Image, Ending)> {
    let model = rewriter.source;
    let (bytes, input) = dequantizes(model, *node.inputs.first()?)?;
    let (shape, output) = parameters(model, node)?;
    let ending = Ending::of(model, node)?;
    let weights = Packable::of(model, node.inputs[1])?;
    let bias = elements(constant(model, node.inputs[2])?)?;
    let conv = weights.integers(rewriter.integers, |integers| {
        let weights = integers.signed_bytes()?;
        let scales = integers.output_scales(shape.out_channels, weights.len() / shape.out_channels)?;
        let bias = quantized_bias(rewriter, &bias, input.scale, &scales)?;
        let ends = Requantization { input, weight_scales: &scales, output: ending.quantization };
        ByteConv2d::new(rewriter.byte_set, shape, weights, &bias, &ends, ending.limits).ok()
    })?;
    Some((conv, bytes, output, ending))
}
