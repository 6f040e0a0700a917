//! Pooling of interleaved images of bytes.

use super::Quantization;
use super::elementwise::to_byte;
use super::layout::{pixel_bytes, pixels_len};
use super::set::ByteSet;
use super::simd::{Dots, with_dots};
use crate::conv::{check_window, taps};
use crate::error::{KernelError, check_length};
use crate::pool::PoolShape;
use crate::saved::{Restorer, Save, Saver};
use crate::simd::Task;

/// The largest byte of each window, ready to run.
#[derive(Clone, Debug)]
pub struct ByteMaxPool {
    set: ByteSet,
    shape: PoolShape,
    lengths: [usize; 2],
}

impl ByteMaxPool {
    /// Checks the parameters. Every window must meet the image.
    pub fn new(set: ByteSet, shape: PoolShape) -> Result<Self, KernelError> {
        check_window(shape.input, shape.kernel, shape.stride, shape.dilation, shape.padding, shape.output)?;
        let pixels = |[height, width]: [usize; 2]| height.saturating_mul(width);
        let lengths = [
            pixels_len([shape.batch, shape.channels, pixels(shape.input)])?,
            pixels_len([shape.batch, shape.channels, pixels(shape.output)])?,
        ];
        let own = Self { set, shape, lengths };
        for axis in 0..2 {
            if (0..shape.output[axis]).any(|position| own.taps(axis, position).is_empty()) {
                return Err(KernelError::parameter(
                    "padding",
                    shape.padding[axis],
                    "every window must meet the image",
                ));
            }
        }
        Ok(own)
    }

    fn taps(&self, axis: usize, position: usize) -> std::ops::Range<usize> {
        let shape = &self.shape;
        let start = position * shape.stride[axis];
        taps(start, shape.padding[axis], shape.input[axis], shape.kernel[axis], shape.dilation[axis])
    }

    /// Runs over a whole batch.
    pub fn run(&self, x: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
        check_length("x", x, self.lengths[0])?;
        check_length("out", out, self.lengths[1])?;
        // SAFETY: holding the set proves the instructions.
        with_dots!(self.set, S => unsafe { S::vectorize(Largest(self, x, out)) });
        Ok(())
    }
}

impl Save for ByteMaxPool {
    fn save(&self, to: &mut Saver) {
        to.byte_set(self.set);
        self.shape.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        Self::new(from.byte_set()?, PoolShape::restore(from)?)
    }
}

struct Largest<'a>(&'a ByteMaxPool, &'a [u8], &'a mut [u8]);

impl Task for Largest<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(pool, x, out) = self;
        let shape = &pool.shape;
        let size = pixel_bytes(shape.channels);
        let [height, width] = shape.output;
        for (index, out) in out.chunks_exact_mut(size).enumerate() {
            let (image, row, column) = (index / (height * width), index / width % height, index % width);
            out.fill(0);
            for down in pool.taps(0, row) {
                let y = row * shape.stride[0] + down * shape.dilation[0] - shape.padding[0];
                for across in pool.taps(1, column) {
                    let x_at = column * shape.stride[1] + across * shape.dilation[1] - shape.padding[1];
                    let pixel = &x[((image * shape.input[0] + y) * shape.input[1] + x_at) * size..][..size];
                    for (largest, &byte) in out.iter_mut().zip(pixel) {
                        *largest = (*largest).max(byte);
                    }
                }
            }
        }
    }
}

/// The average of each channel of interleaved images `[batch, channels, pixels]`, as bytes of another scale and zero point:
/// `round(float(Σ (q − zero)) × (scale ÷ (output scale × pixels))) + output zero`.
pub fn byte_global_average(
    set: ByteSet,
    shape: [usize; 3],
    [input, output]: [Quantization; 2],
    x: &[u8],
    out: &mut [u8],
) -> Result<(), KernelError> {
    let [batch, channels, pixels] = shape;
    input.check("the input")?;
    output.check("the output")?;
    check_length("x", x, pixels_len(shape)?)?;
    check_length("out", out, pixels_len([batch, channels, 1])?)?;
    if pixels == 0 || pixels > 1 << 20 {
        return Err(KernelError::parameter("pixels", pixels, "there must be 1 to 2^20"));
    }
    // SAFETY: holding the set proves the instructions.
    with_dots!(set, S => unsafe {
        S::vectorize(Average { pixels, size: pixel_bytes(channels), input, output, x, out });
    });
    Ok(())
}

struct Average<'a> {
    pixels: usize,
    size: usize,
    input: Quantization,
    output: Quantization,
    x: &'a [u8],
    out: &'a mut [u8],
}

impl Task for Average<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let scale = self.input.scale / (self.output.scale * self.pixels as f32);
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 2^20 pixels")]
        let start = -i32::from(self.input.zero) * self.pixels as i32;
        let finish = |sum: i32| to_byte(sum as f32 * scale, self.output.zero);
        for (image, out) in
            self.x.chunks_exact(self.pixels * self.size).zip(self.out.chunks_exact_mut(self.size))
        {
            if self.size == 4 {
                average::<4>(image, self.size, out, start, finish);
            } else {
                average::<16>(image, self.size, out, start, finish);
            }
        }
    }
}

/// Channels `N` at a time, of which pixels of `size` have some whole number.
#[inline(always)]
fn average<const N: usize>(
    image: &[u8],
    size: usize,
    out: &mut [u8],
    start: i32,
    finish: impl Fn(i32) -> u8,
) {
    for (index, out) in out.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        let mut sums = [start; N];
        for pixel in image.chunks_exact(size) {
            for (sum, &byte) in sums.iter_mut().zip(&pixel.as_chunks::<N>().0[index]) {
                *sum += i32::from(byte);
            }
        }
        *out = sums.map(&finish);
    }
}
