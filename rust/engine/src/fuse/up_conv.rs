//! Transposed convolutions whose taps do not overlap.

use tandem_kernels::{UpConv2d, UpShape};
use tract_core::internal::*;
use tract_core::ops::cnn::{Deconv, KernelFormat};
use tract_core::ops::nn::DataFormat;

use super::ops::Work;
use super::pattern::{constant, elements, image};
use super::tail::Tail;
use super::{Image, Rewriter};

/// Replaces `node` and what it takes along, where it is a transposed convolution that our kernel computes.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some((conv, tail, output)) = recognise(rewriter, node) else {
        return Ok(false);
    };
    let input = rewriter.blocked(node.inputs[0])?;
    let shape = rewriter.blocked_shape(output);
    let outlet = rewriter.wire(node.name.clone(), Work::UpConv(Arc::new(conv)), shape, &[input])?;
    rewriter.blocked.insert(tail.last, outlet);
    rewriter.taken.extend(tail.taken);
    Ok(true)
}

fn recognise(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(UpConv2d, Tail, Image)> {
    let model = rewriter.source;
    let op = node.op_as::<Deconv>()?;
    let spec = &op.pool_spec;
    let [x, kernel, bias] = *node.inputs.as_slice() else { return None };
    let whole = |axis: usize| {
        spec.kernel_shape[axis] == spec.stride(axis)
            && spec.dilation(axis) == 1
            && op.adjustments[axis] == 0
            && spec.padding.valid_dim(axis, false)
    };
    let fits = op.group == 1
        && op.kernel_format == KernelFormat::OIHW
        && spec.data_format == DataFormat::NCHW
        && spec.kernel_shape.len() == 2
        && op.adjustments.len() == 2
        && (0..2).all(whole);
    if !fits {
        return None;
    }
    let ([batch, in_channels, height, width], output) = (image(model, x)?, image(model, node.id.into())?);
    let out_channels = output[1];
    let kernel_shape = [spec.kernel_shape[0], spec.kernel_shape[1]];
    let shape = UpShape { batch, in_channels, out_channels, input: [height, width], kernel: kernel_shape };
    let ready = rewriter.blocked.contains_key(&x);
    let suits = ready || [in_channels, out_channels].iter().all(|&count| rewriter.suits_blocks(count));
    let weights = constant(model, kernel)?;
    if !suits
        || output[2..] != shape.output()
        || weights.shape() != [out_channels, in_channels, kernel_shape[0], kernel_shape[1]]
    {
        return None;
    }
    let tail = Tail::of(model, node, |_| false)?;
    // Outputs outside, as tract has them, become inputs outside, as ONNX and our kernel have them.
    let from = elements(weights)?;
    let taps = kernel_shape[0] * kernel_shape[1];
    let mut weights = vec![0.0; from.len()];
    for (index, tap) in from.chunks_exact(taps).enumerate() {
        let (output, input) = (index / in_channels, index % in_channels);
        for (to, weight) in weights[(input * out_channels + output) * taps..].iter_mut().zip(tap) {
            *to = weight * tail.scale[output];
        }
    }
    let bias = elements(constant(model, bias)?)?;
    let bias = match bias.len() {
        1 => vec![bias[0]; out_channels],
        count if count == out_channels => bias,
        _ => return None,
    };
    let terms = bias.iter().zip(&tail.scale).zip(&tail.shift);
    let bias: Vec<f32> = terms.map(|((bias, scale), shift)| bias * scale + shift).collect();
    let conv = UpConv2d::new(rewriter.set, shape, &weights, Some(&bias), tail.activation).ok()?;
    Some((conv, tail, output))
}
