//! Transformed kernels as the products of the points read them.

use std::marker::PhantomData;

use super::transform::kernel_transform;
use super::{Form, TAPS};
use crate::memory::{Buffer, Packed, with_scratch};
use crate::simd::{Simd, Task};
use crate::threads::{self, Disjoint};
use crate::tile;
use crate::weights::Sizes;

/// Inputs that are dealt out to vectors at once: what a first-level cache holds.
const PART: usize = 16;

/// `G g Gᵀ` of every kernel: for each point weights as [`crate::weights::Weights`] has them, `point` floats apart. `kernels` is
/// `[outputs][inputs][3][3]`.
pub(super) fn transformed<S: Simd>(form: Form, sizes: Sizes, kernels: &[f32], point: usize) -> Packed {
    let Sizes { lanes, group, inputs, outputs } = sizes;
    let mut packed = Buffer::zeroed(form.points() * point);
    let out = Disjoint::new(packed.as_mut_slice());
    let groups: Vec<(usize, usize)> = tile::groups(outputs.div_ceil(lanes), group).collect();
    let parts = inputs.div_ceil(PART);
    // Each product of the transform counts.
    let products = kernels.len().saturating_mul(2 * form.points());
    threads::share(groups.len() * parts, products, |units| {
        for (index, own) in tile::lines(units, parts) {
            let (first, blocks) = groups[index];
            let width = blocks * lanes;
            let row = |output: usize| &kernels[output * inputs * TAPS..][..inputs * TAPS];
            for part in own {
                let part = part * PART..inputs.min((part + 1) * PART);
                with_scratch(part.len() * TAPS * width, |taps| {
                    // What belongs to no output is nought.
                    taps.fill(0.0);
                    for (lane, output) in (first * lanes..outputs.min(first * lanes + width)).enumerate() {
                        let row = &row(output)[part.start * TAPS..part.end * TAPS];
                        taps[lane..].iter_mut().step_by(width).zip(row).for_each(|(to, &tap)| *to = tap);
                    }
                    // SAFETY: the caller holds the set that `S` stands for. Each point has room for a vector of every input and
                    // block, and a part of a group is written by one unit.
                    unsafe {
                        let out = out.as_mut_ptr().add(first * lanes * inputs + part.start * width);
                        let set = PhantomData;
                        match form {
                            Form::Small => {
                                S::vectorize(Transform::<S, 4> { taps, blocks, out, point, set });
                            }
                            Form::Large => {
                                S::vectorize(Transform::<S, 6> { taps, blocks, out, point, set });
                            }
                        }
                    }
                });
            }
        }
    });
    packed.into()
}

/// Transforms the kernels between some inputs and a group of outputs: from `[input][tap][blocks × LANES]` to
/// `[point][input][blocks × LANES]`.
struct Transform<'a, S, const N: usize> {
    taps: &'a [f32],
    blocks: usize,
    out: *mut f32,
    /// Floats from one point to the next.
    point: usize,
    set: PhantomData<S>,
}

impl<S: Simd, const N: usize> Task for Transform<'_, S, N> {
    #[inline(always)]
    unsafe fn call(self) {
        let width = self.blocks * S::LANES;
        for (input, taps) in self.taps.chunks_exact(TAPS * width).enumerate() {
            for block in 0..self.blocks {
                let at = block * S::LANES;
                // SAFETY: the caller promises the instruction set, and a vector for each point; the taps of each input are whole
                // vectors.
                unsafe {
                    let taps = taps.as_ptr().add(at);
                    let mut half = [[S::splat(0.0); 3]; N];
                    for x in 0..3 {
                        let column = [0, 3, 6].map(|row| S::load(taps.add((row + x) * width)));
                        let column = kernel_transform::<S, N>(&column);
                        for i in 0..N {
                            half[i][x] = column[i];
                        }
                    }
                    for i in 0..N {
                        let row = kernel_transform::<S, N>(&half[i]);
                        for j in 0..N {
                            S::store(self.out.add((i * N + j) * self.point + input * width + at), row[j]);
                        }
                    }
                }
            }
        }
    }
}
