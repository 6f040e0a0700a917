//! Pooling of images that are in blocks already.

use tandem_kernels::{Pool2d, PoolKind, PoolShape};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{Conv, MaxPool, PoolSpec, SumPool};
use tract_core::ops::math::Div;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer};

use super::ops::Work;
use super::pattern::{floats, image, number, reader};
use super::{Image, Rewriter};

/// Replaces `node` where it pools an image that is in blocks.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some(&input) = node.inputs.first().and_then(|input| rewriter.blocked.get(input)) else {
        return Ok(false);
    };
    if let Some((pool, kind, output)) = window(rewriter, node) {
        let shape = rewriter.blocked_shape(output);
        let outlet = rewriter.wire(node.name.clone(), Work::Pool(Arc::new(pool), kind), shape, &[input])?;
        rewriter.blocked.insert(node.id.into(), outlet);
    } else if let Some((image, last, shape)) = whole(rewriter.source, node) {
        // Convolutions of the means, as a squeeze and excitation has them, want blocks.
        let model = rewriter.source;
        let blocked =
            model.node(last).outputs[0].successors.iter().any(|to| model.node(to.node).op_is::<Conv>());
        if blocked {
            let shape = rewriter.blocked_shape([image[0], image[1], 1, 1]);
            let work = Work::GlobalAverage { image, blocked };
            let outlet = rewriter.wire(node.name.clone(), work, shape, &[input])?;
            rewriter.blocked.insert(last.into(), outlet);
        } else {
            let work = Work::GlobalAverage { image, blocked };
            let outlet = rewriter.wire(node.name.clone(), work, shape, &[input])?;
            rewriter.plain.insert(last.into(), outlet);
        }
        rewriter.taken.insert(last);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// A pooling with windows.
fn window(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(Pool2d, PoolKind, Image)> {
    let (shape, kind, output) = parameters(rewriter.source, node)?;
    Some((Pool2d::new(rewriter.set, shape, kind).ok()?, kind, output))
}

/// The parameters of `node` and the sizes of its result, where it is a pooling that our kernels compute.
pub(super) fn parameters(model: &TypedModel, node: &TypedNode) -> Option<(PoolShape, PoolKind, Image)> {
    let [batch, channels, height, width] = image(model, node.inputs[0])?;
    let output = image(model, node.id.into())?;
    let input = [height, width];
    let (spec, kind) = if let Some(op) = node.op_as::<MaxPool>() {
        (&op.pool_spec, op.with_index_outputs.is_none().then_some(PoolKind::Max)?)
    } else {
        let op = node.op_as::<SumPool>()?;
        // Padding that counts is left to tract: how far it reaches is told in more than one way.
        let counted = op.count_include_pad && pads(&op.pool_spec, input);
        (&op.pool_spec, (op.normalize && !counted).then_some(PoolKind::Average { count_padding: false })?)
    };
    if spec.data_format != DataFormat::NCHW || spec.kernel_shape.len() != 2 {
        return None;
    }
    let padding = spec.computed_padding(&input);
    let shape = PoolShape {
        batch,
        channels,
        input,
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: [spec.stride(0), spec.stride(1)],
        dilation: [spec.dilation(0), spec.dilation(1)],
        padding: [padding[0].pad_before, padding[1].pad_before],
        output: [padding[0].convoluted, padding[1].convoluted],
    };
    // Windows that hold nothing are left to tract.
    let full = (0..2).all(|axis| {
        let (step, before, size) = (shape.dilation[axis], shape.padding[axis], shape.input[axis]);
        (0..shape.output[axis]).all(|position| {
            let start = position * shape.stride[axis];
            (0..shape.kernel[axis])
                .any(|tap| (start + tap * step).checked_sub(before).is_some_and(|at| at < size))
        })
    });
    (shape.output == output[2..] && output[1] == channels && full).then_some((shape, kind, output))
}

/// Whether some window reaches past the image.
fn pads(spec: &PoolSpec, input: [usize; 2]) -> bool {
    spec.computed_padding(&input).iter().enumerate().any(|(axis, padding)| {
        let last = padding.convoluted.saturating_sub(1) * spec.stride(axis);
        let reach = last + (spec.kernel_shape[axis] - 1) * spec.dilation(axis);
        padding.pad_before > 0 || padding.pad_after > 0 || reach >= input[axis]
    })
}

/// The mean of each channel, which tract has as a sum and a division.
pub(super) fn whole(model: &TypedModel, node: &TypedNode) -> Option<(Image, usize, Vec<usize>)> {
    let op = node.op_as::<Reduce>()?;
    let image = image(model, node.inputs[0])?;
    if op.reducer != Reducer::Sum || op.axes.as_slice() != [2, 3] {
        return None;
    }
    let division = reader(model, node)?;
    let is_division = division.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Div>());
    if !is_division || division.inputs[0] != node.id.into() {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "tract computes with the same number")]
    let pixels = (image[2] * image[3]) as f32;
    let shape = floats(model, division.id.into())?.to_vec();
    let fits = number(model, division.inputs[1])?.to_bits() == pixels.to_bits()
        && shape == [image[0], image[1], 1, 1];
    fits.then_some((image, division.id, shape))
}
