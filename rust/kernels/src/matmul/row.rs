//! One row times a constant matrix. No weight is used twice, so what counts is how fast they come.

use std::marker::PhantomData;

use crate::activation::{Bend, Ending};
use crate::simd::{Simd, Task};

/// Vectors of outputs in a group.
pub(super) const BLOCKS: usize = 2;

/// Groups that are computed side by side: one alone has two sums, each of which waits for its last product, and its weights come from
/// one place, of which a processor fetches less ahead than of several.
pub(super) const GROUPS: usize = 4;

/// How far ahead weights are fetched, in floats.
const AHEAD: usize = 256;

/// Floats of a line of a cache.
const LINE: usize = 16;

/// The outputs of [`GROUPS`] groups.
pub(super) struct Row<'a, S> {
    pub(super) x: &'a [f32],
    /// `[group][input][BLOCKS × LANES]`.
    pub(super) weights: &'a [f32],
    /// A number for each output.
    pub(super) bias: &'a [f32],
    /// As many, or null.
    pub(super) residual: *const f32,
    pub(super) out: *mut f32,
    pub(super) ending: Ending,
    pub(super) set: PhantomData<S>,
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
