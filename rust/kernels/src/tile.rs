//! The register tile that every product is made of: pixels × vectors of output channels.
//!
//! ```text
//! out[pixel][channel] = end(bias[channel] + residual[pixel][channel] + Σ x[pixel, i] × weights[i][channel])
//! ```
//!
//! The accumulators of a tile stay in registers over the whole sum. For each `i` there are a load for every vector of
//! output channels, a broadcast for every pixel and a multiply-add for every pair of them. Where the inputs of one
//! pixel lie is told by a table of [`Step`]s, so that one tile serves pointwise and general convolution and the
//! matrix product; being run-time data, the table also keeps LLVM from merging overlapping broadcasts, which spills.

use std::marker::PhantomData;
use std::ops::Range;

use crate::activation::{Bend, Ending};
use crate::error::{KernelError, volume};
use crate::memory::{Buffer, Packed};
use crate::saved::{Numbers, Saver};
use crate::simd::{Simd, Task, for_each_pixel};
use crate::threads::{self, Disjoint};

/// Inputs of a pixel that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Floats from the first input of the first step of the tile's pixel.
    pub(crate) offset: usize,
    /// How many inputs.
    pub(crate) lanes: usize,
}

/// One tile's worth of work.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a> {
    /// What the offsets of the steps count from, for the tile's first pixel. It may lie outside of the input.
    pub(crate) x: *const f32,
    pub(crate) steps: &'a [Step],
    /// `[inputs of all steps][blocks × LANES]`.
    pub(crate) weights: *const f32,
    /// `[blocks × LANES]`.
    pub(crate) bias: *const f32,
    /// Laid out as `out`, or null. It may be `out`.
    pub(crate) residual: *const f32,
    pub(crate) out: *mut f32,
    /// Floats from one vector of output channels to the next.
    pub(crate) out_block: usize,
    /// Floats from one pixel to the next.
    pub(crate) out_pixel: usize,
    pub(crate) ending: Ending,
    /// What the next tiles will want of the weights: prefetched from here on, `prefetch_step` floats for every input.
    pub(crate) prefetch: *const f32,
    pub(crate) prefetch_step: usize,
}

/// How far apart the pixels of the input are.
pub(crate) trait Pixels {
    /// Floats from one pixel to the next.
    fn stride<S: Simd>() -> usize;
}

/// Channels in blocks: a vector for each pixel.
pub(crate) struct Blocked;

/// One plane for each channel: pixels side by side.
pub(crate) struct Planar;

impl Pixels for Blocked {
    #[inline(always)]
    fn stride<S: Simd>() -> usize {
        S::LANES
    }
}

impl Pixels for Planar {
    #[inline(always)]
    fn stride<S: Simd>() -> usize {
        1
    }
}

struct Multiply<'a, S, P, const BLOCKS: usize, const PIXELS: usize>(&'a Tile<'a>, PhantomData<(S, P)>);

impl<S: Simd, P: Pixels, const BLOCKS: usize, const PIXELS: usize> Task
    for Multiply<'_, S, P, BLOCKS, PIXELS>
{
    #[inline(always)]
    unsafe fn call(self) {
        let tile = self.0;
        let stride = P::stride::<S>();
        // SAFETY: the caller of `run` promises every address that is formed here.
        unsafe {
            let mut sums = [[S::splat(0.0); PIXELS]; BLOCKS];
            for n in 0..BLOCKS {
                let bias = S::load(tile.bias.add(n * S::LANES));
                for p in 0..PIXELS {
                    sums[n][p] = bias;
                }
            }
            if !tile.residual.is_null() {
                for n in 0..BLOCKS {
                    for p in 0..PIXELS {
                        let residual = S::load(tile.residual.add(n * tile.out_block + p * tile.out_pixel));
                        sums[n][p] = S::add(sums[n][p], residual);
                    }
                }
            }
            let mut weights = tile.weights;
            let mut prefetch = tile.prefetch;
            for step in tile.steps {
                let mut x = tile.x.wrapping_add(step.offset);
                if S::BY_ELEMENT && stride == S::LANES && step.lanes == S::LANES {
                    // Each input of all pixels is loaded once, the weights of all its lanes stay in registers.
                    let mut w = [[S::splat(0.0); BLOCKS]; 4];
                    for lane in 0..4 {
                        for n in 0..BLOCKS {
                            w[lane][n] = S::load(weights.add((lane * BLOCKS + n) * S::LANES));
                        }
                    }
                    S::prefetch(prefetch);
                    prefetch = prefetch.wrapping_add(tile.prefetch_step * S::LANES);
                    for_each_pixel!(p in PIXELS {
                        let inputs = S::load(x.add(p * stride));
                        for lane in 0..4 {
                            for n in 0..BLOCKS {
                                sums[n][p] = S::fma_element(w[lane][n], inputs, lane, sums[n][p]);
                            }
                        }
                    });
                    weights = weights.add(BLOCKS * S::LANES * S::LANES);
                    continue;
                }
                for _ in 0..step.lanes {
                    let mut w = [S::splat(0.0); BLOCKS];
                    for n in 0..BLOCKS {
                        w[n] = S::load(weights.add(n * S::LANES));
                    }
                    S::prefetch(prefetch);
                    prefetch = prefetch.wrapping_add(tile.prefetch_step);
                    for p in 0..PIXELS {
                        let input = S::broadcast(x.add(p * stride));
                        for n in 0..BLOCKS {
                            sums[n][p] = S::fma(w[n], input, sums[n][p]);
                        }
                    }
                    weights = weights.add(BLOCKS * S::LANES);
                    x = x.add(1);
                }
            }
            let (low, high) = (S::splat(tile.ending.low), S::splat(tile.ending.high));
            for n in 0..BLOCKS {
                for p in 0..PIXELS {
                    let out = tile.out.add(n * tile.out_block + p * tile.out_pixel);
                    S::store(out, S::clamp(sums[n][p], low, high));
                }
            }
            if let Some(curve) = tile.ending.curve {
                S::vectorize(Bend::<S> {
                    values: tile.out,
                    block: tile.out_block,
                    blocks: BLOCKS,
                    pixel: tile.out_pixel,
                    pixels: PIXELS,
                    curve,
                    set: PhantomData,
                });
            }
        }
    }
}

/// Computes a tile of `blocks` vectors of output channels by `pixels`.
///
/// # Safety
///
/// The instruction set must be present, `(blocks, pixels)` one that [`split`] and [`groups`] give, and readable or
/// writable in full: the inputs of all steps of all pixels (`P::stride` floats apart), `weights`, `bias`, `residual`
/// unless null, `out`. `out` overlaps nothing but `residual`, and that only as the same place.
pub(crate) unsafe fn run<S: Simd, P: Pixels>(blocks: usize, pixels: usize, tile: &Tile<'_>) {
    macro_rules! select {
        ($($blocks:literal: $($pixels:literal)*;)*) => {
            match (blocks, pixels) {
                // A combination that the set has no registers for is never asked for, and not compiled either.
                $($(($blocks, $pixels) if $pixels <= S::PIXELS[$blocks] => {
                    // SAFETY: the caller's promise is the same.
                    unsafe { S::vectorize(Multiply::<S, P, $blocks, $pixels>(tile, PhantomData)) }
                })*)*
                _ => {}
            }
        };
    }
    select!(
        1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        3: 1 2 3 4 5 6 7 8;
        4: 1 2 3 4 5 6;
    );
}

/// Cuts `count` pixels into tiles of at most `most` that differ by one at most, so that none is left with a few.
pub(crate) fn split(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    split_some(count, most, 0..count.div_ceil(most))
}

/// Some of the tiles that [`split`] gives, by their indices.
pub(crate) fn split_some(
    count: usize,
    most: usize,
    tiles: Range<usize>,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let all = count.div_ceil(most);
    let (size, larger) = (count.checked_div(all).unwrap_or(0), count.checked_rem(all).unwrap_or(0));
    tiles.map(move |tile| (tile * size + tile.min(larger), size + usize::from(tile < larger)))
}

/// Cuts a range over lines of `length` into one range for each line that it meets: the line, and the places in it.
pub(crate) fn lines(range: Range<usize>, length: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let length = length.max(1);
    (range.start / length..range.end.div_ceil(length)).map(move |line| {
        let start = line * length;
        (line, range.start.max(start) - start..range.end.min(start + length) - start)
    })
}

/// How many vectors of output channels the tiles of an object have: more where there are few pixels in a row, so that
/// enough products are on their way at once.
pub(crate) fn blocks_of_tile<S: Simd>(pixels: usize, blocks: usize) -> usize {
    let products = |n: usize| {
        let tiles = pixels.div_ceil(S::PIXELS[n]);
        // Products per load, as the tiles turn out.
        let size = pixels.div_ceil(tiles.max(1));
        n * size * 100 / (n + size)
    };
    let usable = (1..=4).filter(|&n| n <= blocks.max(1) && S::PIXELS[n] > 0);
    let best = usable.max_by_key(|&n| (products(n), n == S::BLOCKS)).unwrap_or(1);
    if pixels >= S::PIXELS[S::BLOCKS] { S::BLOCKS.min(blocks.max(1)) } else { best }
}

/// The groups of output channel blocks: first block and number of blocks.
pub(crate) fn groups(blocks: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..blocks).step_by(size.max(1)).map(move |first| (first, size.min(blocks - first)))
}

/// Weights as the tiles read them: `[group][input][blocks of the group × LANES]`, and the bias.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    values: Packed,
    /// Where they begin in `values`, which may have others before and behind them.
    start: usize,
    pub(crate) bias: Packed,
    /// Vectors of output channels in a group, but for the last.
    pub(crate) group_size: usize,
    /// Vectors of output channels.
    pub(crate) blocks: usize,
    /// Inputs of one output.
    pub(crate) inputs: usize,
    /// Floats of a vector.
    lanes: usize,
}

/// A matrix of weights as a model has it.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// A row for each input.
    Inputs(&'a [f32]),
    /// A row for each output. The first input is the element of that index, and so on; all in their order where there are none.
    Outputs(&'a [f32], &'a [usize]),
}

/// The sizes of packed weights.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) lanes: usize,
    /// Vectors of output channels in a group.
    pub(crate) group: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Sizes {
    fn blocks(self) -> usize {
        self.outputs.div_ceil(self.lanes)
    }
}

/// Inputs that are packed at once, over all outputs of a group, so that neither side is read or written far apart.
const PART: usize = 16;

impl Weights {
    /// Packs a matrix, or takes what was packed before.
    pub(crate) fn new(sizes: Sizes, numbers: Numbers<'_, '_, Matrix<'_>>) -> Result<Self, KernelError> {
        let values = [sizes.inputs, sizes.blocks(), sizes.lanes];
        volume("weights", &values)?;
        match numbers {
            Numbers::Given(matrix, bias) => {
                let mut packed = Buffer::zeroed(values.iter().product());
                pack(sizes, matrix, packed.as_mut_slice());
                Ok(Self::of(sizes, packed.into(), 0, padded(sizes, bias)))
            }
            Numbers::Saved(from) => {
                let packed = from.packed(&values)?;
                Ok(Self::of(sizes, packed, 0, from.packed(&values[1..])?))
            }
        }
    }

    /// Of weights that were packed already, from `start` on.
    pub(crate) fn of(sizes: Sizes, values: Packed, start: usize, bias: Packed) -> Self {
        let Sizes { lanes, group, inputs, .. } = sizes;
        Self { values, start, bias, group_size: group, blocks: sizes.blocks(), inputs, lanes }
    }

    pub(crate) fn save(&self, to: &mut Saver) {
        self.save_values(to);
        to.packed(&self.bias);
    }

    /// Without the bias, and with what lies before and behind.
    pub(crate) fn save_values(&self, to: &mut Saver) {
        to.packed(&self.values);
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.blocks.div_ceil(self.group_size.max(1))
    }

    /// The first block and the number of blocks of a group.
    pub(crate) fn group(&self, index: usize) -> (usize, usize) {
        let first = index * self.group_size;
        (first, self.group_size.min(self.blocks - first))
    }

    /// Multiply-adds of so many pixels.
    pub(crate) fn products(&self, pixels: usize) -> usize {
        self.length().saturating_mul(pixels)
    }

    fn length(&self) -> usize {
        self.inputs * self.blocks * self.lanes
    }

    /// The weights from those of the group on that begins with block `first`.
    pub(crate) fn panel(&self, first: usize) -> &[f32] {
        &self.values.as_slice()[self.start..][first * self.lanes * self.inputs..self.length()]
    }
}

/// A bias of whole vectors.
pub(crate) fn padded(sizes: Sizes, bias: Option<&[f32]>) -> Packed {
    let mut padded = Buffer::zeroed(sizes.blocks() * sizes.lanes);
    for (to, &value) in padded.as_mut_slice().iter_mut().zip(bias.unwrap_or(&[])) {
        *to = value;
    }
    padded.into()
}

/// Packs `matrix`; what belongs to no output stays as it is.
fn pack(sizes: Sizes, matrix: Matrix<'_>, packed: &mut [f32]) {
    let Sizes { lanes, group, inputs, outputs } = sizes;
    let parts = inputs.div_ceil(PART);
    let moves = threads::moves(packed.len());
    let packed = Disjoint::new(packed);
    let groups: Vec<(usize, usize)> = groups(sizes.blocks(), group).collect();
    threads::share(groups.len() * parts, moves, |units| {
        for (group, own) in lines(units, parts) {
            let (first, count) = groups[group];
            let (begin, width) = (first * lanes * inputs, count * lanes);
            let kept = first * lanes..outputs.min(first * lanes + width);
            let rows = own.start * PART..inputs.min(own.end * PART);
            // SAFETY: the inputs of a part of a group belong to one unit.
            let panel = unsafe { packed.range(begin + rows.start * width..begin + rows.end * width) };
            match matrix {
                Matrix::Inputs(values) => {
                    let from = values.chunks_exact(outputs).skip(rows.start);
                    for (to, row) in panel.chunks_exact_mut(width).zip(from) {
                        to[..kept.len()].copy_from_slice(&row[kept.clone()]);
                    }
                }
                Matrix::Outputs(values, order) => {
                    for (index, panel) in panel.chunks_mut(PART * width).enumerate() {
                        let part = rows.start + index * PART..rows.end.min(rows.start + (index + 1) * PART);
                        for (lane, output) in kept.clone().enumerate() {
                            let row = &values[output * inputs..][..inputs];
                            let places = panel[lane..].iter_mut().step_by(width);
                            if order.is_empty() {
                                places.zip(&row[part.clone()]).for_each(|(to, &value)| *to = value);
                            } else {
                                let order = &order[part.clone()];
                                places.zip(order).for_each(|(to, &from)| *to = row[from]);
                            }
                        }
                    }
                }
            }
        }
    });
}
