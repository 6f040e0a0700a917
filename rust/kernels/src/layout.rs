//! Between planar and blocked images.

use std::marker::PhantomData;

use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::simd::{Simd, Task, with_simd};
use crate::threads;

/// Floats of a blocked image of `[batch, channels, pixels]`.
pub fn blocked_len(
    set: InstructionSet,
    batch: usize,
    channels: usize,
    pixels: usize,
) -> Result<usize, KernelError> {
    let lanes = set.lanes();
    volume("a blocked image", &[batch, channels.div_ceil(lanes), pixels, lanes])
}

/// `[batch][channels][pixels]` to `[batch][⌈channels ÷ L⌉][pixels][L]`; the lanes beyond the last channel become nought.
pub fn to_blocked(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("x", x, volume("x", &[batch, channels, pixels])?)?;
    check_length("out", out, blocked_len(set, batch, channels, pixels)?)?;
    if x.is_empty() {
        return Ok(());
    }
    let lanes = set.lanes();
    for (image, blocks) in
        x.chunks_exact(channels * pixels).zip(out.chunks_exact_mut(channels.div_ceil(lanes) * lanes * pixels))
    {
        let length = lanes * pixels;
        threads::share_rows(blocks, length, threads::moves(image.len()), |first, blocks| {
            for (planes, block) in image.chunks(length).skip(first).zip(blocks.chunks_exact_mut(length)) {
                if planes.len() < block.len() {
                    block.fill(0.0);
                }
                // SAFETY: holding `set` proves the instructions. `planes` holds that many planes of `pixels`, at most
                // `lanes`, and `block` a vector for each pixel.
                with_simd!(set, S => unsafe {
                    S::vectorize(Gather::<S>(planes.as_ptr(), planes.len() / pixels, pixels, block.as_mut_ptr(), PhantomData));
                });
            }
        });
    }
    Ok(())
}

/// `[batch][⌈channels ÷ L⌉][pixels][L]` to `[batch][channels][pixels]`.
pub fn to_planar(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("x", x, blocked_len(set, batch, channels, pixels)?)?;
    check_length("out", out, volume("out", &[batch, channels, pixels])?)?;
    if out.is_empty() {
        return Ok(());
    }
    let lanes = set.lanes();
    for (blocks, image) in
        x.chunks_exact(channels.div_ceil(lanes) * lanes * pixels).zip(out.chunks_exact_mut(channels * pixels))
    {
        for (block, planes) in blocks.chunks_exact(lanes * pixels).zip(image.chunks_mut(lanes * pixels)) {
            // SAFETY: as above, the other way round.
            with_simd!(set, S => unsafe {
                S::vectorize(Scatter::<S>(block.as_ptr(), planes.len() / pixels, pixels, planes.as_mut_ptr(), PhantomData));
            });
        }
    }
    Ok(())
}

/// Planes, their number, pixels of each, and the block that they become.
struct Gather<S>(*const f32, usize, usize, *mut f32, PhantomData<S>);

/// A block, the number of planes that it becomes, pixels of each, and the planes.
struct Scatter<S>(*const f32, usize, usize, *mut f32, PhantomData<S>);

impl<S: Simd> Task for Gather<S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(planes, count, pixels, block, _) = self;
        let whole = pixels / S::LANES * S::LANES;
        // SAFETY: plane, pixel and lane lie inside what the caller promises.
        unsafe {
            for first in (0..whole).step_by(S::LANES) {
                let mut square = [S::splat(0.0); 16];
                for plane in 0..count {
                    square[plane] = S::load(planes.add(plane * pixels + first));
                }
                let square = S::transpose(square);
                for pixel in 0..S::LANES {
                    S::store(block.add((first + pixel) * S::LANES), square[pixel]);
                }
            }
            for plane in 0..count {
                for pixel in whole..pixels {
                    *block.add(pixel * S::LANES + plane) = *planes.add(plane * pixels + pixel);
                }
            }
        }
    }
}

impl<S: Simd> Task for Scatter<S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(block, count, pixels, planes, _) = self;
        let whole = pixels / S::LANES * S::LANES;
        // SAFETY: plane, pixel and lane lie inside what the caller promises.
        unsafe {
            for first in (0..whole).step_by(S::LANES) {
                let mut square = [S::splat(0.0); 16];
                for pixel in 0..S::LANES {
                    square[pixel] = S::load(block.add((first + pixel) * S::LANES));
                }
                let square = S::transpose(square);
                for plane in 0..count {
                    S::store(planes.add(plane * pixels + first), square[plane]);
                }
            }
            for plane in 0..count {
                for pixel in whole..pixels {
                    *planes.add(plane * pixels + pixel) = *block.add(pixel * S::LANES + plane);
                }
            }
        }
    }
}
