//! Depthwise convolution: one filter for each channel, a vector of channels at a time.
//!
//! Each output is a sum over the taps inside the image, so nothing is padded or copied: rows above and below are left
//! out of the sum, and the few columns whose taps reach past the left or right edge are computed one by one.

use std::marker::PhantomData;
use std::ops::Range;

use super::ConvShape;
use crate::activation::{Activation, Bend, Ending};
use crate::memory::Buffer;
use crate::simd::{Simd, Task};
use crate::tile;

/// Columns that are computed at once.
const COLUMNS: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    /// `[block][tap][LANES]`.
    weights: Buffer,
    /// `[block][LANES]`.
    bias: Buffer,
    ending: Ending,
    /// The columns of the output whose taps all lie inside the image.
    inner: Range<usize>,
}

impl Depthwise {
    pub(super) fn new(
        lanes: usize,
        shape: &ConvShape,
        weights: &[f32],
        bias: impl Fn(usize) -> f32,
        activation: Activation,
    ) -> Self {
        let taps = shape.kernel[0] * shape.kernel[1];
        let blocks = shape.out_channels.div_ceil(lanes);
        let mut packed = Buffer::zeroed(blocks * taps * lanes);
        let mut padded = Buffer::zeroed(blocks * lanes);
        for channel in 0..shape.out_channels {
            let (block, lane) = (channel / lanes, channel % lanes);
            for tap in 0..taps {
                packed.as_mut_slice()[(block * taps + tap) * lanes + lane] = weights[channel * taps + tap];
            }
            padded.as_mut_slice()[channel] = bias(channel);
        }
        let whole = |&column: &usize| shape.taps(1, column) == (0..shape.kernel[1]);
        let first = (0..shape.output[1]).find(whole).unwrap_or(shape.output[1]);
        let end = (first..shape.output[1]).find(|column| !whole(column)).unwrap_or(shape.output[1]);
        Self { weights: packed, bias: padded, ending: activation.ending(), inner: first..end }
    }

    /// # Safety
    ///
    /// The instruction set must be present, `shape` and the lanes of `S` those of [`Depthwise::new`], and the slices
    /// one image of them.
    pub(super) unsafe fn run<S: Simd>(
        &self,
        shape: &ConvShape,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let input = shape.input[0] * shape.input[1] * S::LANES;
        let output = shape.pixels() * S::LANES;
        for (index, out) in out.chunks_exact_mut(output).enumerate() {
            let work = Block::<S> {
                depthwise: self,
                shape,
                index,
                x: &x[index * input..][..input],
                residual: residual.map(|residual| &residual[index * output..][..output]),
                out,
                set: PhantomData,
            };
            // SAFETY: the caller promises the instruction set; the slices are one block of the shapes.
            unsafe { S::vectorize(work) };
        }
    }
}

/// All pixels of one block of channels.
struct Block<'a, S> {
    depthwise: &'a Depthwise,
    shape: &'a ConvShape,
    index: usize,
    x: &'a [f32],
    residual: Option<&'a [f32]>,
    out: &'a mut [f32],
    set: PhantomData<S>,
}

/// One run of columns of an output row.
struct Columns {
    /// Where the tap (0, 0) of the first column lies, which may be outside of the image.
    x: *const f32,
    residual: *const f32,
    out: *mut f32,
    /// Rows and columns of the kernel.
    taps: [Range<usize>; 2],
}

impl<S: Simd> Task for Block<'_, S> {
    #[inline(always)]
    unsafe fn call(mut self) {
        let (shape, inner) = (self.shape, self.depthwise.inner.clone());
        let width = shape.input[1];
        for oy in 0..shape.output[0] {
            let rows = shape.taps(0, oy);
            let columns = |this: &mut Self, ox: usize, columns: Range<usize>| {
                let at = (oy * shape.output[1] + ox) * S::LANES;
                let top = (oy * shape.stride[0] * width + ox * shape.stride[1]) * S::LANES;
                let edge = (shape.padding[0] * width + shape.padding[1]) * S::LANES;
                Columns {
                    x: this.x.as_ptr().wrapping_add(top).wrapping_sub(edge),
                    residual: this.residual.map_or(std::ptr::null(), |residual| residual[at..].as_ptr()),
                    out: this.out[at..].as_mut_ptr(),
                    taps: [rows.clone(), columns],
                }
            };
            for ox in (0..inner.start).chain(inner.end..shape.output[1]) {
                let one = columns(&mut self, ox, shape.taps(1, ox));
                // SAFETY: one column, and its taps that lie inside the image.
                unsafe { self.columns::<1, 0>(&one) };
            }
            for (first, count) in tile::split(inner.end - inner.start, COLUMNS) {
                let run = columns(&mut self, inner.start + first, 0..shape.kernel[1]);
                macro_rules! select {
                    ($($count:literal)*) => {
                        match (shape.stride[1], count) {
                            // SAFETY: `count` columns, all of whose taps lie inside the image.
                            $((1, $count) => unsafe { self.columns::<$count, 1>(&run) },
                              (2, $count) => unsafe { self.columns::<$count, 2>(&run) },
                              (_, $count) => unsafe { self.columns::<$count, 0>(&run) },)*
                            _ => {}
                        }
                    };
                }
                select!(1 2 3 4 5 6 7 8);
            }
        }
    }
}

impl<S: Simd> Block<'_, S> {
    /// `COUNT` columns; `STRIDE` is the distance of their inputs, nought where it is not known beforehand.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, all taps of `run` inside the image and all columns inside the output row.
    #[inline(always)]
    unsafe fn columns<const COUNT: usize, const STRIDE: usize>(&self, run: &Columns) {
        let shape = self.shape;
        let kernel = shape.kernel;
        let stride = if STRIDE == 0 { shape.stride[1] } else { STRIDE } * S::LANES;
        // SAFETY: the caller's promise.
        unsafe {
            let weights =
                self.depthwise.weights.as_slice()[self.index * kernel[0] * kernel[1] * S::LANES..].as_ptr();
            let bias = S::load(self.depthwise.bias.as_slice()[self.index * S::LANES..].as_ptr());
            let mut sums = [bias; COUNT];
            if !run.residual.is_null() {
                for t in 0..COUNT {
                    sums[t] = S::add(sums[t], S::load(run.residual.add(t * S::LANES)));
                }
            }
            for ky in run.taps[0].clone() {
                let row = run.x.wrapping_add(ky * shape.dilation[0] * shape.input[1] * S::LANES);
                for kx in run.taps[1].clone() {
                    let x = row.wrapping_add(kx * shape.dilation[1] * S::LANES);
                    let weight = S::load(weights.add((ky * kernel[1] + kx) * S::LANES));
                    for t in 0..COUNT {
                        sums[t] = S::fma(weight, S::load(x.add(t * stride)), sums[t]);
                    }
                }
            }
            let ending = self.depthwise.ending;
            let (low, high) = (S::splat(ending.low), S::splat(ending.high));
            for t in 0..COUNT {
                S::store(run.out.add(t * S::LANES), S::clamp(sums[t], low, high));
            }
            if let Some(curve) = ending.curve {
                S::vectorize(Bend::<S> {
                    values: run.out,
                    block: 0,
                    blocks: 1,
                    pixel: S::LANES,
                    pixels: COUNT,
                    curve,
                    set: PhantomData,
                });
            }
        }
    }
}
