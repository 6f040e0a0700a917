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
use crate::ahead::Ahead;
use crate::simd::{Simd, Task, unroll};

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
    /// How many such tiles lie side by side.
    pub(crate) repeat: usize,
    /// A step for every input.
    pub(crate) ahead: Ahead,
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
        // For so few pixels the weights may be the only ones that wait for memory.
        let few = 2 * PIXELS <= S::PIXELS[BLOCKS] + 2;
        // SAFETY: the caller of `run` promises every address that is formed here.
        unsafe {
            let mut ahead = tile.ahead;
            let (mut from, mut residual, mut to) = (tile.x, tile.residual, tile.out);
            for _ in 0..tile.repeat {
                let mut sums = [[S::splat(0.0); PIXELS]; BLOCKS];
                for n in 0..BLOCKS {
                    let bias = S::load(tile.bias.add(n * S::LANES));
                    for p in 0..PIXELS {
                        sums[n][p] = bias;
                    }
                }
                if !residual.is_null() {
                    for n in 0..BLOCKS {
                        for p in 0..PIXELS {
                            let residual = S::load(residual.add(n * tile.out_block + p * tile.out_pixel));
                            sums[n][p] = S::add(sums[n][p], residual);
                        }
                    }
                }
                let mut weights = tile.weights;
                for step in tile.steps {
                    let mut x = from.wrapping_add(step.offset);
                    if S::BY_ELEMENT && stride == S::LANES && step.lanes == S::LANES {
                        // Each input of all pixels is loaded once, the weights of all its lanes stay in registers.
                        let mut w = [[S::splat(0.0); BLOCKS]; 4];
                        for lane in 0..4 {
                            for n in 0..BLOCKS {
                                w[lane][n] = S::load(weights.add((lane * BLOCKS + n) * S::LANES));
                            }
                        }
                        S::prefetch(ahead.straight(S::LANES).cast());
                        unroll!(p in PIXELS {
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
                        if S::BY_ELEMENT {
                            S::prefetch(ahead.straight(1).cast());
                        } else if few {
                            for place in ahead.both() {
                                S::prefetch(place.cast());
                            }
                        } else {
                            S::prefetch(ahead.alternate(1).cast());
                        }
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
                        let out = to.add(n * tile.out_block + p * tile.out_pixel);
                        S::store(out, S::clamp(sums[n][p], low, high));
                    }
                }
                if let Some(curve) = tile.ending.curve {
                    S::vectorize(Bend::<S> {
                        values: to,
                        block: tile.out_block,
                        blocks: BLOCKS,
                        pixel: tile.out_pixel,
                        pixels: PIXELS,
                        curve,
                        set: PhantomData,
                    });
                }
                from = from.wrapping_add(PIXELS * stride);
                to = to.wrapping_add(PIXELS * tile.out_pixel);
                if !residual.is_null() {
                    residual = residual.wrapping_add(PIXELS * tile.out_pixel);
                }
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
    let (size, larger) = sizes(count, most);
    (0..count.div_ceil(most))
        .map(move |tile| (tile * size + tile.min(larger), size + usize::from(tile < larger)))
}

/// The pixels of the smaller tiles that [`split`] gives, and how many have one more.
fn sizes(count: usize, most: usize) -> (usize, usize) {
    let all = count.div_ceil(most);
    (count.checked_div(all).unwrap_or(0), count.checked_rem(all).unwrap_or(0))
}

/// Tiles of as many pixels that lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) tiles: Range<usize>,
    /// The first pixel of the first tile.
    pub(crate) pixel: usize,
    /// Of each tile.
    pub(crate) pixels: usize,
}

/// Some of the tiles that [`split`] gives, as strips.
pub(crate) fn strips(count: usize, most: usize, tiles: Range<usize>) -> impl Iterator<Item = Strip> {
    let (size, larger) = sizes(count, most);
    let first = Strip {
        pixel: tiles.start * (size + 1),
        pixels: size + 1,
        tiles: tiles.start..tiles.end.min(larger),
    };
    let start = tiles.start.max(larger);
    let second = Strip { pixel: start * size + larger, pixels: size, tiles: start..tiles.end };
    [first, second].into_iter().filter(|strip| !strip.tiles.is_empty())
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
/// enough products are on their way at once, and three where pairs leave one over, if there are registers for as many sums.
pub(crate) fn blocks_of_tile<S: Simd>(pixels: usize, blocks: usize) -> usize {
    let products = |n: usize| {
        let tiles = pixels.div_ceil(S::PIXELS[n]);
        // Products per load, as the tiles turn out.
        let size = pixels.div_ceil(tiles.max(1));
        n * size * 100 / (n + size)
    };
    if pixels >= S::PIXELS[S::BLOCKS] {
        let sums = |n: usize| n * S::PIXELS[n];
        let threes = blocks > 1 && blocks % S::BLOCKS == 1 && blocks % 3 != 1 && sums(3) >= sums(S::BLOCKS);
        // By element the weights of four inputs take registers too.
        return if threes && !S::BY_ELEMENT { 3 } else { S::BLOCKS.min(blocks.max(1)) };
    }
    let usable = (1..=4).filter(|&n| n <= blocks.max(1) && S::PIXELS[n] > 0);
    usable.max_by_key(|&n| (products(n), n == S::BLOCKS)).unwrap_or(1)
}

/// The groups of output channel blocks: first block and number of blocks.
pub(crate) fn groups(blocks: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..blocks).step_by(size.max(1)).map(move |first| (first, size.min(blocks - first)))
}

#[cfg(test)]
mod tests {
    use super::{split, strips};
    use crate::threads::even;

    #[test]
    fn strips_and_ranges_are_the_tiles_in_their_order() {
        for (count, most) in (1..60_usize).flat_map(|count| (1..15).map(move |most| (count, most))) {
            let all = count.div_ceil(most);
            for tiles in (0..=all).flat_map(|start| (start..=all).map(move |end| start..end)) {
                let expected: Vec<_> = split(count, most).skip(tiles.start).take(tiles.len()).collect();
                let found = strips(count, most, tiles.clone()).flat_map(|strip| {
                    (0..strip.tiles.len()).map(move |tile| (strip.pixel + tile * strip.pixels, strip.pixels))
                });
                assert_eq!(found.collect::<Vec<_>>(), expected, "{count} pixels by {most}");
                let pixels = expected.iter().flat_map(|&(start, size)| start..start + size);
                assert!(pixels.eq(even(count, all, &tiles)), "{count} pixels by {most}");
            }
        }
    }
}
