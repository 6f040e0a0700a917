//! Resizing of images that are in blocks already.

use tandem_kernels::{Resample2d, Tap};
use tract_core::internal::*;
use tract_core::ops::nn::resize::{AxisPlan, Interpolator, linear_weights, plan_axis, window_size};
use tract_onnx_opl::resize::{AspectRatio, CoordTransform, Nearest, Resize};

use super::ops::Work;
use super::pattern::image;
use super::{Image, Rewriter};

/// Replaces `node` where it resizes rows and columns of an image in blocks, to the nearest or linearly.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some((resample, output)) = recognise(rewriter, node) else {
        return Ok(false);
    };
    let input = rewriter.blocked(node.inputs[0])?;
    let shape = rewriter.blocked_shape(output);
    let outlet = rewriter.wire(node.name.clone(), Work::Resample(Arc::new(resample)), shape, &[input])?;
    rewriter.blocked.insert(node.id.into(), outlet);
    Ok(true)
}

fn recognise(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(Resample2d, Image)> {
    let op = node.op_as::<Resize>()?;
    let x = *node.inputs.first()?;
    if !rewriter.blocked.contains_key(&x) {
        return None;
    }
    let (input, output) = (image(rewriter.source, x)?, image(rewriter.source, node.id.into())?);
    let scales = scales(rewriter.source, node, op, [input, output])?;
    if input[..2] != output[..2] || scales[..2] != [1.0, 1.0] {
        return None;
    }
    let rows = taps(op, scales[2], [input[2], output[2]])?;
    let columns = taps(op, scales[3], [input[3], output[3]])?;
    let size = [input[2], input[3]];
    let resample = Resample2d::new(rewriter.set, [input[0], input[1]], size, [rows, columns]).ok()?;
    Some((resample, output))
}

/// The scale of each axis, as tract computes with it.
fn scales(
    model: &TypedModel,
    node: &TypedNode,
    op: &Resize,
    [input, output]: [Image; 2],
) -> Option<[f32; 4]> {
    let axes = op.resized_axes(4).ok()?;
    let mut scales = [1.0; 4];
    let given = |index: Option<usize>| {
        let fact = model.outlet_fact(*node.inputs.get(index?)?).ok()?;
        fact.konst.clone().filter(|values| values.len() == axes.len())
    };
    if let Some(values) = given(op.optional_scales_input) {
        let values = values.cast_to::<f32>().ok()?;
        let view = values.try_as_plain_ram().ok()?;
        for (&axis, &scale) in axes.iter().zip(view.as_slice::<f32>().ok()?) {
            scales[axis] = scale;
        }
    } else {
        given(op.optional_sizes_input)?;
        if op.keep_aspect_ratio_policy != AspectRatio::Stretch {
            return None;
        }
        for &axis in &axes {
            #[allow(clippy::cast_precision_loss, reason = "tract computes with the same number")]
            let scale = output[axis] as f32 / input[axis] as f32;
            scales[axis] = scale;
        }
    }
    scales.iter().all(|scale| scale.is_finite() && *scale > 0.0).then_some(scales)
}

/// Where each row or column of the result comes from; the sizes are before and after.
#[allow(clippy::float_cmp, reason = "as tract decides it")]
fn taps(op: &Resize, scale: f32, [from, to]: [usize; 2]) -> Option<Vec<Tap>> {
    if from == to && scale == 1.0 {
        return Some((0..from).map(Tap::copy).collect());
    }
    let CoordTransform::Plain(transform) = &op.coord_transformer else { return None };
    let window = window_size(&op.interpolator, op.antialias, scale);
    if op.antialias || op.exclude_outside || window != 2 {
        return None;
    }
    let place = |position| Some(transform.transform(position, scale, from, to));
    let plan = match op.interpolator {
        Interpolator::Linear => plan_axis(from, to, window, false, place, |ratio, weights| {
            linear_weights(ratio, scale, false, weights);
        }),
        Interpolator::Nearest => plan_axis(from, to, window, false, place, |ratio, weights| {
            let right = ratio == 1.0
                || match op.nearest {
                    Nearest::Floor => false,
                    Nearest::Ceil => true,
                    Nearest::RoundPreferFloor => ratio > 0.5,
                    Nearest::RoundPreferCeil => ratio >= 0.5,
                };
            weights.copy_from_slice(if right { &[0.0, 1.0] } else { &[1.0, 0.0] });
        }),
        Interpolator::Cubic => return None,
    };
    Some(read(&plan))
}

/// A plan of two taps each. A weight of nought is not read.
fn read(plan: &AxisPlan) -> Vec<Tap> {
    let pairs = plan.indices.chunks_exact(2).zip(plan.weights.chunks_exact(2));
    let taps = pairs.map(|(indices, weights)| match (indices, weights) {
        ([_, second], [0.0, weight]) => Tap { weights: [*weight, 0.0], ..Tap::copy(*second) },
        ([first, second], [one, other]) if first == second => {
            Tap { weights: [one + other, 0.0], ..Tap::copy(*first) }
        }
        (indices, weights) => {
            Tap { first: indices[0], second: indices[1], weights: [weights[0], weights[1]] }
        }
    });
    taps.collect()
}
