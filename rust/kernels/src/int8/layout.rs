//! Between planar and interleaved images of bytes.

use super::Quantization;
use super::elementwise::quantize_one;
use super::set::ByteSet;
use super::simd::{Dots, with_dots};
use crate::error::{KernelError, check_length, volume};
use crate::simd::Task;

/// Bytes of a pixel of so many channels: 4 for up to four, else a multiple of 16.
pub fn pixel_bytes(channels: usize) -> usize {
    if channels <= 4 { 4 } else { channels.saturating_add(15) & !15 }
}

/// Bytes of an interleaved image of `[batch, channels, pixels]`.
pub(crate) fn pixels_len([batch, channels, pixels]: [usize; 3]) -> Result<usize, KernelError> {
    volume("an interleaved image", &[batch, pixels, pixel_bytes(channels)])
}

/// `[batch][channels][pixels]` to `[batch][pixels][pixel_bytes(channels)]`.
pub fn to_pixels(set: ByteSet, shape: [usize; 3], x: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
    gather(set, shape, x, out, |byte| byte)
}

/// [`to_pixels`] of bytes that stand for `x`, as [`super::quantize`] gives them.
pub fn quantize_to_pixels(
    set: ByteSet,
    shape: [usize; 3],
    quantization: Quantization,
    x: &[f32],
    out: &mut [u8],
) -> Result<(), KernelError> {
    quantization.check("the output")?;
    let Quantization { scale, zero } = quantization;
    gather(
        set,
        shape,
        x,
        out,
        #[inline(always)]
        move |value| quantize_one(value, scale, zero),
    )
}

fn gather<T: Copy>(
    set: ByteSet,
    shape: [usize; 3],
    x: &[T],
    out: &mut [u8],
    byte: impl Fn(T) -> u8,
) -> Result<(), KernelError> {
    check_length("x", x, volume("x", &shape)?)?;
    check_length("out", out, pixels_len(shape)?)?;
    if !x.is_empty() {
        // SAFETY: holding `set` proves the instructions.
        with_dots!(set, S => unsafe { S::vectorize(Gather { shape, x, out, byte }) });
    }
    Ok(())
}

struct Gather<'a, T, F> {
    shape: [usize; 3],
    x: &'a [T],
    out: &'a mut [u8],
    byte: F,
}

impl<T: Copy, F: Fn(T) -> u8> Task for Gather<'_, T, F> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { shape: [_, channels, pixels], x, out, byte } = self;
        let size = pixel_bytes(channels);
        for (planes, image) in x.chunks_exact(channels * pixels).zip(out.chunks_exact_mut(pixels * size)) {
            // Few enough pixels at once that they stay in the first-level cache over all channels.
            for (index, part) in image.chunks_mut(PART * size).enumerate() {
                let planes = planes.chunks_exact(pixels).map(|plane| {
                    let mut bytes = [0; PART];
                    for (to, &value) in bytes.iter_mut().zip(&plane[index * PART..]) {
                        *to = byte(value);
                    }
                    bytes
                });
                if size == 4 {
                    let mut four = [[0; PART]; 4];
                    for (to, bytes) in four.iter_mut().zip(planes) {
                        *to = bytes;
                    }
                    let [a, b, c, d] = &four;
                    let pixels = a.iter().zip(b).zip(c.iter().zip(d));
                    for (pixel, ((&a, &b), (&c, &d))) in part.as_chunks_mut().0.iter_mut().zip(pixels) {
                        *pixel = [a, b, c, d];
                    }
                    continue;
                }
                for (channel, bytes) in planes.enumerate() {
                    for (pixel, &byte) in part.chunks_exact_mut(size).zip(&bytes) {
                        pixel[channel] = byte;
                    }
                }
            }
        }
    }
}

/// Pixels that are converted at once.
const PART: usize = 64;

/// `[batch][pixels][pixel_bytes(channels)]` to `[batch][channels][pixels]`.
pub fn to_planes(shape: [usize; 3], x: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
    let [batch, channels, pixels] = shape;
    check_length("x", x, pixels_len(shape)?)?;
    check_length("out", out, volume("out", &[batch, channels, pixels])?)?;
    if out.is_empty() {
        return Ok(());
    }
    let size = pixel_bytes(channels);
    for (image, planes) in x.chunks_exact(pixels * size).zip(out.chunks_exact_mut(channels * pixels)) {
        for (index, part) in image.chunks(PART * size).enumerate() {
            for (channel, plane) in planes.chunks_exact_mut(pixels).enumerate() {
                for (pixel, byte) in part.chunks_exact(size).zip(&mut plane[index * PART..]) {
                    *byte = pixel[channel];
                }
            }
        }
    }
    Ok(())
}
