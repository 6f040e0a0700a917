//! Pooling of bytes.

use tandem_kernels::{ByteMaxPool, PoolKind};
use tract_core::internal::*;

use super::super::Rewriter;
use super::super::pool::{parameters, whole};
use super::linear::{Ending, dequantizes};
use super::ops::Work;
use super::{pixels, pixels_shape, wire};

/// Replaces `node` where it pools an image of bytes.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let model = rewriter.source;
    let Some((bytes, input)) = node.inputs.first().and_then(|&input| dequantizes(model, input)) else {
        return Ok(false);
    };
    let (work, ending, shape) = if let Some((image, division, _)) = whole(model, node) {
        let Some(mut ending) =
            Ending::of(model, model.node(division)).filter(|ending| ending.limits == [0, 255])
        else {
            return Ok(false);
        };
        ending.taken.push(division);
        let work = Work::GlobalAverage(image, [input, ending.quantization]);
        (work, ending, [image[0], image[1], 1, 1])
    } else if let Some((shape, PoolKind::Max, output)) = parameters(model, node) {
        // The largest byte is the byte of the largest number where both have one scale.
        let ending = Ending::of(model, node)
            .filter(|ending| ending.quantization == input && ending.limits == [0, 255]);
        let pool = ByteMaxPool::new(rewriter.byte_set, shape).ok();
        let (Some(pool), Some(ending)) = (pool, ending) else { return Ok(false) };
        (Work::MaxPool(Arc::new(pool)), ending, output)
    } else {
        return Ok(false);
    };
    let input = pixels(rewriter, bytes)?;
    let outlet = wire(rewriter, node.name.clone(), work, pixels_shape(shape), &[input])?;
    rewriter.pixels.insert(ending.last, outlet);
    rewriter.taken.extend(ending.taken);
    Ok(true)
}
