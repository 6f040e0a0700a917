//! Convolutions.

use tandem_kernels::{Conv2d, ConvInput, ConvShape, Pool2d, PooledConv2d};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, KernelFormat};
use tract_core::ops::nn::DataFormat;

use super::ops::Work;
use super::pattern::{Packable, all_finite, constant, elements, image, reader};
use super::tail::Tail;
use super::{Image, Rewriter, block, pool};

/// Replaces `node` and what it takes along, where it is a convolution that our kernel computes.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some(found) = recognise(rewriter, node, false) else {
        return Ok(false);
    };
    if block::replace(rewriter, node, &found)? {
        return Ok(true);
    }
    let mut inputs = tvec!(found.wire_input(rewriter, node)?);
    if let Some(residual) = found.tail.residual {
        inputs.push(rewriter.blocked(residual)?);
    }
    let (work, last, output) = match pooled(rewriter, &found) {
        Some((conv, pool, output)) => {
            rewriter.taken.insert(pool);
            (Work::PooledConv(Arc::new(conv)), pool.into(), output)
        }
        None => (Work::Conv(Arc::new(found.conv)), found.tail.last, found.output),
    };
    let shape = rewriter.blocked_shape(output);
    let outlet = rewriter.wire(node.name.clone(), work, shape, &inputs)?;
    rewriter.blocked.insert(last, outlet);
    rewriter.taken.extend(found.tail.taken);
    Ok(true)
}

/// A convolution with the pooling that alone reads what it gives: that node, and the sizes of its result.
fn pooled(rewriter: &Rewriter<'_>, found: &Found) -> Option<(PooledConv2d, usize, Image)> {
    let model = rewriter.source;
    let node = reader(model, model.node(found.tail.last.node))?;
    let (shape, kind, output) = pool::parameters(model, node)?;
    let pool = Pool2d::new(rewriter.set, shape, kind).ok()?;
    let conv = found.tail.residual.is_none().then(|| found.conv.clone())?;
    Some((PooledConv2d::new(conv, pool).ok()?, node.id, output))
}

/// A convolution that our kernel computes, and what it takes along.
pub(super) struct Found {
    pub(super) conv: Conv2d,
    pub(super) input: ConvInput,
    output: Image,
    pub(super) tail: Tail,
}

impl Found {
    /// The input of the convolution at `node`, as it takes it.
    pub(super) fn wire_input(&self, rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<OutletId> {
        match self.input {
            ConvInput::Blocked => rewriter.blocked(node.inputs[0]),
            ConvInput::Planar => rewriter.plain(node.inputs[0]),
        }
    }
}

/// The parameters of `node` and the sizes of its result, where it is a convolution of images with constant weights.
pub(super) fn parameters(model: &TypedModel, node: &TypedNode) -> Option<(ConvShape, Image)> {
    let op = node.op_as::<Conv>()?;
    let spec = &op.pool_spec;
    let [x, kernel, _] = node.inputs.as_slice() else { return None };
    let fits = op.q_params.is_none()
        && op.kernel_fmt == KernelFormat::OIHW
        && spec.data_format == DataFormat::NCHW
        && spec.kernel_shape.len() == 2;
    if !fits {
        return None;
    }
    let [batch, in_channels, height, width] = image(model, *x)?;
    let output = image(model, node.id.into())?;
    let out_channels = output[1];
    let taps = spec.kernel_shape.as_slice();
    if Packable::of(model, *kernel)?.shape()
        != [out_channels, in_channels / op.group.max(1), taps[0], taps[1]]
    {
        return None;
    }
    let padding = spec.computed_padding(&[height, width]);
    let shape = ConvShape {
        batch,
        in_channels,
        out_channels,
        groups: op.group,
        input: [height, width],
        kernel: [taps[0], taps[1]],
        stride: [spec.stride(0), spec.stride(1)],
        dilation: [spec.dilation(0), spec.dilation(1)],
        padding: [padding[0].pad_before, padding[1].pad_before],
        output: [padding[0].convoluted, padding[1].convoluted],
    };
    (shape.output == output[2..]).then_some((shape, output))
}

/// The convolution at `node`. `ready` tells that its input will be in blocks although it is not yet.
pub(super) fn recognise(rewriter: &Rewriter<'_>, node: &TypedNode, ready: bool) -> Option<Found> {
    let model = rewriter.source;
    let (shape, output) = parameters(model, node)?;
    let [x, kernel, bias] = node.inputs.as_slice() else { return None };
    let (in_channels, out_channels) = (shape.in_channels, shape.out_channels);
    let weights = Packable::of(model, *kernel)?;
    // What is in blocks already stays there: a block that is hardly filled costs less than leaving.
    let ready = ready || rewriter.blocked.contains_key(x);
    if !ready && !rewriter.suits_blocks(out_channels) {
        return None;
    }
    let blocked = ready || rewriter.suits_blocks(in_channels);
    let input = if blocked { ConvInput::Blocked } else { ConvInput::Planar };
    // A residual must be there before this node; one that would be converted first is not worth it.
    let tail = Tail::of(model, node, |outlet| rewriter.blocked.contains_key(&outlet))?;
    let mut weights = weights.floats()?;
    if tail.scale.iter().any(|scale| scale.to_bits() != 1.0_f32.to_bits()) {
        let per_output = weights.len() / out_channels;
        for (row, scale) in weights.to_mut().chunks_exact_mut(per_output.max(1)).zip(&tail.scale) {
            for weight in row {
                *weight *= scale;
            }
        }
    }
    let bias = elements(constant(model, *bias)?)?;
    let bias = match bias.len() {
        1 => vec![bias[0]; out_channels],
        count if count == out_channels => bias,
        _ => return None,
    };
    let bias: Vec<f32> = bias
        .iter()
        .zip(&tail.scale)
        .zip(&tail.shift)
        .map(|((bias, scale), shift)| bias * scale + shift)
        .collect();
    // Tract multiplies padding by its weights, our kernel leaves it out: the same for numbers alone.
    if !all_finite(&weights) || !all_finite(&bias) {
        return None;
    }
    // What the kernel refuses stays tract's.
    let conv = Conv2d::new(rewriter.set, shape, input, &weights, Some(&bias), tail.activation).ok()?;
    Some(Found { conv, input, output, tail })
}
