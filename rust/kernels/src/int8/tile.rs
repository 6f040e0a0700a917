//! The register tile that products of bytes are made of: pixels × registers of output channels.

use std::marker::PhantomData;

use super::simd::Dots;
use crate::ahead::Ahead;
use crate::simd::{Task, unroll};

/// One tile's worth of work.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a> {
    /// The tile's first pixel.
    pub(crate) x: *const u8,
    /// Where the runs of input bytes of a pixel begin, in bytes from its first.
    pub(crate) runs: &'a [usize],
    /// Bytes of a run ÷ 4.
    pub(crate) quads: usize,
    /// Bytes from one pixel to the next.
    pub(crate) pixel: usize,
    /// Bytes from the first pixel to that in the middle, where a tile is two rows.
    pub(crate) half: usize,
    /// Bytes from one tile to the next, whose outputs follow each other.
    pub(crate) next: usize,
    /// `[quads of all runs][blocks][LANES][4]`.
    pub(crate) weights: *const i8,
    /// `[blocks][LANES]`, what the sums begin with.
    pub(crate) bias: *const i32,
    /// `[blocks][LANES]`.
    pub(crate) scale: *const f32,
    /// The zero point of the output.
    pub(crate) zero: i32,
    pub(crate) out: *mut u8,
    /// Bytes from one pixel to the next.
    pub(crate) out_pixel: usize,
    /// How many such tiles there are.
    pub(crate) repeat: usize,
    /// A step for every quad.
    pub(crate) ahead: Ahead,
}

struct Multiply<'a, S, const BLOCKS: usize, const PIXELS: usize, const SPLIT: bool>(
    &'a Tile<'a>,
    PhantomData<S>,
);

impl<S: Dots, const BLOCKS: usize, const PIXELS: usize, const SPLIT: bool> Task
    for Multiply<'_, S, BLOCKS, PIXELS, SPLIT>
{
    #[inline(always)]
    unsafe fn call(self) {
        let tile = self.0;
        // SAFETY: the caller of `run` promises every address that is formed here.
        unsafe {
            let mut ahead = tile.ahead;
            let (mut from, mut to) = (tile.x, tile.out);
            for _ in 0..tile.repeat {
                let mut sums = [[S::load(tile.bias); PIXELS]; BLOCKS];
                for n in 1..BLOCKS {
                    sums[n] = [S::load(tile.bias.add(n * S::LANES)); PIXELS];
                }
                let mut weights = tile.weights;
                for &run in tile.runs {
                    let mut x = from.add(run);
                    for _ in 0..tile.quads {
                        let mut w = [S::load(weights.cast()); BLOCKS];
                        for n in 1..BLOCKS {
                            w[n] = S::load(weights.add(n * 4 * S::LANES).cast());
                        }
                        if !tile.ahead.is_nothing() {
                            S::prefetch(ahead.alternate(1));
                        }
                        let rows = if SPLIT { PIXELS / 2 } else { PIXELS };
                        unroll!(p in rows {
                            let input = S::broadcast(x.add(p.wrapping_mul(tile.pixel)));
                            for n in 0..BLOCKS {
                                sums[n][p] = S::dot(sums[n][p], input, w[n]);
                            }
                        });
                        if SPLIT {
                            let second = x.add(tile.half);
                            unroll!(p in rows {
                                let input = S::broadcast(second.add(p.wrapping_mul(tile.pixel)));
                                for n in 0..BLOCKS {
                                    let p = rows + p;
                                    sums[n][p] = S::dot(sums[n][p], input, w[n]);
                                }
                            });
                        }
                        weights = weights.add(BLOCKS * 4 * S::LANES);
                        x = x.add(4);
                    }
                }
                let mut scale = [S::load_floats(tile.scale); BLOCKS];
                for n in 1..BLOCKS {
                    scale[n] = S::load_floats(tile.scale.add(n * S::LANES));
                }
                let pairs = PIXELS / 2;
                unroll!(pair in pairs {
                    let mut bytes = [[sums[0][0]; BLOCKS]; 2];
                    for p in 0..2 {
                        for n in 0..BLOCKS {
                            bytes[p][n] = S::requantize(sums[n][2 * pair + p], scale[n]);
                        }
                    }
                    let out = to.add(2 * pair * tile.out_pixel);
                    S::pack_two::<BLOCKS>([out, out.add(tile.out_pixel)], bytes, tile.zero);
                });
                if PIXELS % 2 == 1 {
                    let mut bytes = [sums[0][0]; BLOCKS];
                    for n in 0..BLOCKS {
                        bytes[n] = S::requantize(sums[n][PIXELS - 1], scale[n]);
                    }
                    S::pack::<BLOCKS>(to.add((PIXELS - 1) * tile.out_pixel), bytes, tile.zero);
                }
                from = from.wrapping_add(tile.next);
                to = to.wrapping_add(PIXELS * tile.out_pixel);
            }
        }
    }
}

/// Computes a tile of `blocks` registers of output channels by `pixels`; of two rows of half as many if `split`.
///
/// # Safety
///
/// The instruction set must be present, `pixels` be from 1 to [`Dots::PIXELS`] for `blocks` and even if `split`, and readable
/// or writable in full: the runs of all pixels, `weights`, `bias`, `scale`, and `blocks × LANES` bytes of each pixel of
/// `out`, which overlaps nothing else.
pub(crate) unsafe fn run<S: Dots>(blocks: usize, pixels: usize, split: bool, tile: &Tile<'_>) {
    macro_rules! select {
        ($($blocks:literal: $($pixels:literal)*, $($halves:literal)*;)*) => {
            match (blocks, pixels, split) {
                // A combination that the set has no registers for is never asked for, and not compiled either.
                $($(($blocks, $pixels, false)
                    if $pixels <= S::PIXELS[$blocks] =>
                {
                    // SAFETY: the caller's promise is the same.
                    unsafe { S::vectorize(Multiply::<S, $blocks, $pixels, false>(tile, PhantomData)) }
                })*
                $(($blocks, $halves, true)
                    if $halves <= S::PIXELS[$blocks] =>
                {
                    // SAFETY: the caller's promise is the same.
                    unsafe { S::vectorize(Multiply::<S, $blocks, $halves, true>(tile, PhantomData)) }
                })*)*
                _ => {}
            }
        };
    }
    select!(
        1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14, 2 4 6 8 10 12 14;
        2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14, 2 4 6 8 10 12 14;
        4: 1 2 3 4 5 6, 2 4 6;
    );
}
