//! Images in blocks one behind another, and with their channels last.

use tract_core::internal::*;
use tract_core::ops::array::TypedConcat;

use super::ops::Work;
use super::pattern::image;
use super::{Image, Rewriter};

/// Replaces `node` where it puts images in blocks behind one another, or moves the channels of one behind its pixels.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    if let Some((channels, out)) = joined(rewriter, node) {
        let inputs: TVec<OutletId> =
            node.inputs.iter().map(|&input| rewriter.blocked(input)).collect::<TractResult<_>>()?;
        let work = Work::Join(channels, [out[0], out[2] * out[3]]);
        let shape = rewriter.blocked_shape(out);
        let outlet = rewriter.wire(node.name.clone(), work, shape, &inputs)?;
        rewriter.blocked.insert(node.id.into(), outlet);
    } else if let Some(image) = moved(rewriter, node) {
        let input = rewriter.blocked(node.inputs[0])?;
        let [batch, channels, height, width] = image;
        let shape = vec![batch, height, width, channels];
        let outlet = rewriter.wire(node.name.clone(), Work::ToChannelsLast(image), shape, &[input])?;
        rewriter.plain.insert(node.id.into(), outlet);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The channels of each input and the sizes of the result, where blocks lie behind blocks.
fn joined(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<(Vec<usize>, Image)> {
    if node.op_as::<TypedConcat>()?.axis != 1 {
        return None;
    }
    let out = image(rewriter.source, node.id.into())?;
    let mut channels = Vec::new();
    for input in &node.inputs {
        let image = image(rewriter.source, *input)?;
        if !rewriter.blocked.contains_key(input) {
            return None;
        }
        channels.push(image[1]);
    }
    let (_, full) = channels.split_last()?;
    full.iter().all(|count| count % rewriter.set.lanes() == 0).then_some((channels, out))
}

/// The sizes of the input.
fn moved(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<Image> {
    if *node.op_as::<AxisOp>()? != AxisOp::Move(1, 3) || !rewriter.blocked.contains_key(&node.inputs[0]) {
        return None;
    }
    image(rewriter.source, node.inputs[0])
}
