//! Depthwise convolution: one filter for each channel, a vector of channels at a time.
//!
//! Nothing is padded or copied. For square kernels of 3 and 5, a run of columns loads each input of a row once, and a row of
//! noughts stands for what lies outside of the image. For all others an output is a sum over the taps inside the image, and
//! columns whose taps reach past an edge are computed one by one.

mod square;

use std::marker::PhantomData;
use std::ops::Range;

use super::ConvShape;
use crate::activation::{Bend, Ending};
use crate::error::{KernelError, volume};
use crate::memory::{Buffer, Packed, with_scratch};
use crate::saved::{Numbers, Saver};
use crate::simd::{Simd, Task};
use crate::threads::{self, Disjoint};
use crate::tile;
use square::Square;

/// The most columns that are computed at once: they, a row of the kernel and an input fit into the registers of every set.
const COLUMNS: usize = 8;

/// Where the rows of a block of the input lie: in a ring of so many, from the row `first` of it on.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    pub(super) first: usize,
    pub(super) rows: usize,
}

impl Ring {
    /// Where a row lies, which is below the ring's rows.
    #[inline(always)]
    pub(super) fn place(self, row: usize) -> usize {
        let at = self.first + row;
        if at < self.rows { at } else { at - self.rows }
    }

    /// Rows as those that lie side by side: which, and where the first of them lies.
    pub(super) fn runs(self, rows: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> {
        let wrap = (self.rows - self.first).clamp(rows.start, rows.end);
        [rows.start..wrap, wrap..rows.end]
            .into_iter()
            .filter(|rows| !rows.is_empty())
            .map(move |rows| (rows.clone(), self.place(rows.start)))
    }
}

/// How the blocks of a run lie in memory.
pub(super) struct Lines {
    /// Floats from one block of the input to the next.
    pub(super) input: usize,
    /// Of the output.
    pub(super) output: usize,
    pub(super) ring: Ring,
}

#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    /// `[block][tap][LANES]`.
    weights: Packed,
    /// `[block][LANES]`.
    bias: Packed,
    ending: Ending,
    /// The columns of the output whose taps all lie inside the image.
    inner: Range<usize>,
}

impl Depthwise {
    pub(super) fn new(
        lanes: usize,
        shape: &ConvShape,
        ending: Ending,
        numbers: Numbers<'_, '_, &[f32]>,
    ) -> Result<Self, KernelError> {
        let taps = shape.kernel[0] * shape.kernel[1];
        let sizes = [shape.out_channels.div_ceil(lanes), taps, lanes];
        let (weights, bias) = match numbers {
            Numbers::Given(weights, bias) => {
                let mut packed = Buffer::zeroed(volume("weights", &sizes)?);
                let mut padded = Buffer::zeroed(sizes[0] * lanes);
                for (channel, weights) in weights.chunks_exact(taps).enumerate() {
                    let (block, lane) = (channel / lanes, channel % lanes);
                    let places = packed.as_mut_slice()[block * taps * lanes + lane..].iter_mut();
                    places.step_by(lanes).zip(weights).for_each(|(to, &weight)| *to = weight);
                    padded.as_mut_slice()[channel] = bias.map_or(0.0, |bias| bias[channel]);
                }
                (packed.into(), padded.into())
            }
            Numbers::Saved(from) => (from.packed(&sizes)?, from.packed(&[sizes[0], lanes])?),
        };
        let whole = |&column: &usize| shape.taps(1, column) == (0..shape.kernel[1]);
        let first = (0..shape.output[1]).find(whole).unwrap_or(shape.output[1]);
        let end = (first..shape.output[1]).find(|column| !whole(column)).unwrap_or(shape.output[1]);
        Ok(Self { weights, bias, ending, inner: first..end })
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.ending(self.ending);
        to.packed(&self.weights);
        to.packed(&self.bias);
    }

    /// # Safety
    ///
    /// The instruction set must be present, `shape` and the lanes of `S` those of [`Depthwise::new`], and the slices
    /// those blocks of one image of them, as `lines` tells; its rows and padding above may differ.
    pub(super) unsafe fn run<S: Simd>(
        &self,
        shape: &ConvShape,
        blocks: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
        lines: &Lines,
    ) {
        let input = lines.ring.rows * shape.input[1] * S::LANES;
        let (rows, row) = (shape.output[0], shape.output[1] * S::LANES);
        let out = Disjoint::new(out);
        let products = self.products(shape) / self.blocks::<S>().len().max(1) * blocks.len();
        let taps = shape.kernel[0] * shape.kernel[1] * S::LANES;
        let (weights, bias) = (self.weights.as_slice(), self.bias.as_slice());
        threads::share(blocks.len() * rows, products, |units| {
            with_scratch(shape.input[1].max(1) * S::LANES, |noughts| {
                noughts.fill(0.0);
                for (index, rows) in tile::lines(units, rows) {
                    let x = &x[index * lines.input..][..input];
                    let own = index * lines.output + rows.start * row..index * lines.output + rows.end * row;
                    let residual = residual.map(|residual| &residual[own.clone()]);
                    let (block, ending, inner) = (blocks.start + index, self.ending, self.inner.clone());
                    let weights = &weights[block * taps..][..taps];
                    let bias = &bias[block * S::LANES..][..S::LANES];
                    let set = PhantomData;
                    // SAFETY: the caller promises the instruction set; the slices are rows of one block of the shapes, which
                    // belong to one unit.
                    unsafe {
                        let out = out.range(own);
                        Block::<S> {
                            weights,
                            bias,
                            ending,
                            inner,
                            shape,
                            rows,
                            x,
                            ring: lines.ring,
                            noughts,
                            residual,
                            out,
                            set,
                        }
                        .run();
                    }
                }
            });
        });
    }

    /// Multiply-adds of an image.
    pub(super) fn products(&self, shape: &ConvShape) -> usize {
        self.weights.as_slice().len().saturating_mul(shape.pixels())
    }

    /// Blocks of channels.
    pub(super) fn blocks<S: Simd>(&self) -> Range<usize> {
        0..self.bias.as_slice().len() / S::LANES
    }
}

/// All pixels of some rows of one block of channels.
struct Block<'a, S> {
    /// `[tap][LANES]`.
    weights: &'a [f32],
    /// A vector.
    bias: &'a [f32],
    ending: Ending,
    /// As the convolution's.
    inner: Range<usize>,
    shape: &'a ConvShape,
    rows: Range<usize>,
    x: &'a [f32],
    ring: Ring,
    /// A row of the input's width.
    noughts: &'a [f32],
    residual: Option<&'a [f32]>,
    out: &'a mut [f32],
    set: PhantomData<S>,
}

/// One run of columns of an output row.
struct Columns {
    /// Where the tap (0, 0) of the first column lies, from the top and the left edge of the padding.
    place: [usize; 2],
    residual: *const f32,
    out: *mut f32,
    /// Rows and columns of the kernel.
    taps: [Range<usize>; 2],
}

impl<S: Simd> Task for Block<'_, S> {
    #[inline(always)]
    unsafe fn call(mut self) {
        let (shape, inner) = (self.shape, self.inner.clone());
        for oy in self.rows.clone() {
            let rows = shape.taps(0, oy);
            let columns = |this: &mut Self, ox: usize, columns: Range<usize>| {
                let at = ((oy - this.rows.start) * shape.output[1] + ox) * S::LANES;
                Columns {
                    place: [oy * shape.stride[0], ox * shape.stride[1]],
                    residual: this.residual.map_or(std::ptr::null(), |residual| residual[at..].as_ptr()),
                    out: this.out[at..].as_mut_ptr(),
                    taps: [rows.clone(), columns],
                }
            };
            for ox in (0..inner.start).chain(inner.end..shape.output[1]) {
                let one = columns(&mut self, ox, shape.taps(1, ox));
                // SAFETY: one column, and its taps that lie inside the image.
                unsafe { self.columns::<1>(&one) };
            }
            for (first, count) in tile::split(inner.end - inner.start, COLUMNS) {
                let run = columns(&mut self, inner.start + first, 0..shape.kernel[1]);
                macro_rules! select {
                    ($($count:literal)*) => {
                        match count {
                            // SAFETY: `count` columns, all of whose taps lie inside the image.
                            $($count => unsafe { self.columns::<$count>(&run) },)*
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
    /// # Safety
    ///
    /// The instruction set must be present; `x` is a block of an image of the shape, in its ring, `residual` and `out` are the rows of one.
    unsafe fn run(self) {
        let shape = self.shape;
        let square = |kernel: usize, stride: usize| {
            let (reach, half) = (shape.output[1].saturating_sub(1) * stride + kernel, kernel / 2);
            shape.kernel == [kernel; 2]
                && shape.dilation[1] == 1
                && shape.stride[1] == stride
                && shape.padding[1] <= half
                && reach <= shape.input[1] + shape.padding[1] + half
        };
        // SAFETY: the caller's promise is the same.
        unsafe {
            if square(3, 1) {
                S::vectorize(Square::<S, 3, 1>(self));
            } else if square(3, 2) {
                S::vectorize(Square::<S, 3, 2>(self));
            } else if square(5, 1) {
                S::vectorize(Square::<S, 5, 1>(self));
            } else if square(5, 2) {
                S::vectorize(Square::<S, 5, 2>(self));
            } else {
                S::vectorize(self);
            }
        }
    }

    /// Where a row of the image lies.
    #[inline(always)]
    fn row(&self, y: usize) -> *const f32 {
        self.x.as_ptr().wrapping_add(self.ring.place(y) * self.shape.input[1] * S::LANES)
    }

    /// `COUNT` columns.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, all taps of `run` inside the image and all columns inside the output row.
    #[inline(always)]
    unsafe fn columns<const COUNT: usize>(&self, run: &Columns) {
        let shape = self.shape;
        let kernel = shape.kernel;
        let stride = shape.stride[1] * S::LANES;
        // SAFETY: the caller's promise.
        unsafe {
            let weights = self.weights.as_ptr();
            let mut sums = self.begin::<COUNT>(run.residual);
            for ky in run.taps[0].clone() {
                // The taps are those inside the image.
                let row = self.row(run.place[0] + ky * shape.dilation[0] - shape.padding[0]);
                for kx in run.taps[1].clone() {
                    let column = run.place[1] + kx * shape.dilation[1] - shape.padding[1];
                    let x = row.wrapping_add(column * S::LANES);
                    let weight = S::load(weights.add((ky * kernel[1] + kx) * S::LANES));
                    for t in 0..COUNT {
                        sums[t] = S::fma(weight, S::load(x.add(t * stride)), sums[t]);
                    }
                }
            }
            self.end(run.out, &sums);
        }
    }

    /// What the sums begin with.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, `residual` null or `COUNT` vectors.
    #[inline(always)]
    unsafe fn begin<const COUNT: usize>(&self, residual: *const f32) -> [S::V; COUNT] {
        // SAFETY: the caller's promise.
        unsafe {
            let bias = S::load(self.bias.as_ptr());
            let mut sums = [bias; COUNT];
            if !residual.is_null() {
                for t in 0..COUNT {
                    sums[t] = S::add(sums[t], S::load(residual.add(t * S::LANES)));
                }
            }
            sums
        }
    }

    /// Applies the activation and stores.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, `out` have room for `COUNT` vectors.
    #[inline(always)]
    unsafe fn end<const COUNT: usize>(&self, out: *mut f32, sums: &[S::V; COUNT]) {
        let ending = self.ending;
        // SAFETY: the caller's promise.
        unsafe {
            let (low, high) = (S::splat(ending.low), S::splat(ending.high));
            for t in 0..COUNT {
                S::store(out.add(t * S::LANES), S::clamp(sums[t], low, high));
            }
            if let Some(curve) = ending.curve {
                let (block, blocks, pixel, pixels) = (0, 1, S::LANES, COUNT);
                S::vectorize(Bend::<S> {
                    values: out,
                    block,
                    blocks,
                    pixel,
                    pixels,
                    curve,
                    set: PhantomData,
                });
            }
        }
    }
}
