//! One row times a constant matrix. No weight is used twice, so what counts is how fast they come.

use std::marker::PhantomData;
use std::ops::Range;

use super::MatMul;
use crate::activation::{Bend, Ending};
use crate::simd::{Simd, Task};

/// Vectors of outputs in a group.
const BLOCKS: usize = 2;

/// Groups that are computed side by side: one alone has two sums, each of which waits for its last product, and its weights come from
/// one place, of which a processor fetches less ahead than of several.
const GROUPS: usize = 4;

/// How far ahead weights are fetched, in floats.
const AHEAD: usize = 256;

/// Floats of a line of a cache.
const LINE: usize = 16;

impl MatMul {
    /// The outputs of one row of as many of some groups as are computed side by side. Gives the first that is not.
    ///
    /// # Safety
    ///
    /// As for [`MatMul::product`]; nobody else writes the outputs of the groups.
    pub(super) unsafe fn row<S: Simd>(
        &self,
        groups: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        out: *mut f32,
    ) -> usize {
        let width = self.weights.group_size * S::LANES;
        let mut first = groups.start;
        if self.weights.group_size != BLOCKS {
            return first;
        }
        while first + GROUPS <= groups.end && (first + GROUPS) * width <= self.outputs {
            let column = first * width;
            // SAFETY: the groups are whole, and so are their vectors of outputs.
            unsafe {
                S::vectorize(Row::<S> {
                    x: &x[..self.inputs],
                    weights: self.weights.panel(first * self.weights.group_size),
                    bias: &self.weights.bias.as_slice()[column..],
                    residual: residual.map_or(std::ptr::null(), |residual| residual[column..].as_ptr()),
                    out: out.wrapping_add(column),
                    ending: self.ending,
                    set: PhantomData,
                });
            }
            first += GROUPS;
        }
        first
    }
}

/// The outputs of [`GROUPS`] groups.
struct Row<'a, S> {
    x: &'a [f32],
    /// `[group][input][BLOCKS × LANES]`.
    weights: &'a [f32],
    /// A number for each output.
    bias: &'a [f32],
    /// As many, or null.
    residual: *const f32,
    out: *mut f32,
    ending: Ending,
    set: PhantomData<S>,
}

impl<S: Simd> Task for Row<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { x, weights, bias, residual, out, ending, .. } = self;
        let width = BLOCKS * S::LANES;
        // SAFETY: the caller promises the weights of all inputs of the groups, and their outputs' bias, residual and room.
        unsafe {
            let mut sums = [[S::splat(0.0); BLOCKS]; GROUPS];
            for group in 0..GROUPS {
                for n in 0..BLOCKS {
                    let at = group * width + n * S::LANES;
                    sums[group][n] = S::load(bias.as_ptr().add(at));
                    if !residual.is_null() {
                        sums[group][n] = S::add(sums[group][n], S::load(residual.add(at)));
                    }
                }
            }
            for (i, x) in x.iter().enumerate() {
                let x = S::broadcast(x);
                for group in 0..GROUPS {
                    let weights = weights.as_ptr().add((group * self.x.len() + i) * width);
                    for n in 0..BLOCKS {
                        let weights = weights.add(n * S::LANES);
                        if n * S::LANES % LINE == 0 {
                            S::prefetch(weights.wrapping_add(AHEAD));
                        }
                        sums[group][n] = S::fma(S::load(weights), x, sums[group][n]);
                    }
                }
            }
            let (low, high) = (S::splat(ending.low), S::splat(ending.high));
            for group in 0..GROUPS {
                for n in 0..BLOCKS {
                    S::store(out.add(group * width + n * S::LANES), S::clamp(sums[group][n], low, high));
                }
            }
            if let Some(curve) = ending.curve {
                S::vectorize(Bend::<S> {
                    values: out,
                    block: 0,
                    blocks: 1,
                    pixel: S::LANES,
                    pixels: GROUPS * BLOCKS,
                    curve,
                    set: PhantomData,
                });
            }
        }
    }
}
