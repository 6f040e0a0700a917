//! Blocked images one behind another, and pixel by pixel.

use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::threads;

/// Blocked images of the same `pixels` as one image, with the channels of one behind those of another. Each part is its number
/// of channels and its image; all but the last fill their blocks.
pub fn join_channels(
    set: InstructionSet,
    [batch, pixels]: [usize; 2],
    parts: &[(usize, &[f32])],
    out: &mut [f32],
) -> Result<(), KernelError> {
    let lanes = set.lanes();
    let mut channels: usize = 0;
    for (index, &(count, x)) in parts.iter().enumerate() {
        if index + 1 < parts.len() && count % lanes != 0 {
            return Err(KernelError::parameter("channels", count, "all but the last must fill their blocks"));
        }
        check_length("a part", x, blocked_len(set, batch, count, pixels)?)?;
        channels = channels.checked_add(count).ok_or(KernelError::Overflow { what: "channels" })?;
    }
    check_length("out", out, blocked_len(set, batch, channels, pixels)?)?;
    if out.is_empty() {
        return Ok(());
    }
    let block = pixels * lanes;
    let blocks = channels.div_ceil(lanes);
    threads::share_rows(out, block, threads::moves(blocks * block), |first, out| {
        for (index, out) in (first..).zip(out.chunks_exact_mut(block)) {
            let (image, mut own) = (index / blocks, index % blocks);
            for &(count, x) in parts {
                let count = count.div_ceil(lanes);
                if own < count {
                    out.copy_from_slice(&x[(image * count + own) * block..][..block]);
                    break;
                }
                own -= count;
            }
        }
    });
    Ok(())
}

/// `[batch][⌈channels ÷ L⌉][pixels][L]` to `[batch][pixels][channels]`.
pub fn to_channels_last(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("x", x, blocked_len(set, batch, channels, pixels)?)?;
    check_length("out", out, volume("out", &[batch, pixels, channels])?)?;
    if out.is_empty() {
        return Ok(());
    }
    let lanes = set.lanes();
    let image = channels.div_ceil(lanes) * pixels * lanes;
    threads::share_rows(out, channels, threads::moves(batch * pixels * channels), |first, out| {
        for (index, out) in (first..).zip(out.chunks_exact_mut(channels)) {
            let (batch, pixel) = (index / pixels, index % pixels);
            let x = &x[batch * image..][..image];
            for (block, out) in out.chunks_mut(lanes).enumerate() {
                out.copy_from_slice(&x[(block * pixels + pixel) * lanes..][..out.len()]);
            }
        }
    });
    Ok(())
}
