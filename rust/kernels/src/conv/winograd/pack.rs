//! Transformed kernels as the products of the points read them.

use std::marker::PhantomData;

use super::Form;
use crate::memory::{Buffer, Packed};
use crate::simd::{Simd, Task};
use crate::threads::{self, Disjoint};
use crate::tile::{self, Sizes};

/// `G` of F(4,3), to be multiplied from both sides.
const LARGE: [[f64; 3]; 6] = [
    [0.25, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// `G` of F(2,3).
const SMALL: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// `G g Gᵀ` of every kernel, computed in `f64` and rounded once: for each point weights as [`tile::Weights`] has them, one
/// after the other. `kernels` is `[outputs][inputs][3][3]`.
pub(super) fn transformed<S: Simd>(form: Form, sizes: Sizes, kernels: &[f32]) -> Packed {
    let Sizes { lanes, group, inputs, outputs } = sizes;
    let blocks = outputs.div_ceil(lanes);
    let point = inputs * blocks * lanes;
    let mut packed = Buffer::zeroed(form.points() * point);
    let out = Disjoint::new(packed.as_mut_slice());
    let groups: Vec<(usize, usize)> = tile::groups(blocks, group).collect();
    // Each product of the transform counts.
    let products = kernels.len().saturating_mul(2 * form.points());
    threads::share(groups.len() * inputs, products, |units| {
        for (index, own) in tile::lines(units, inputs) {
            let (first, count) = groups[index];
            for block in first..first + count {
                let outputs = block * lanes..outputs.min((block + 1) * lanes);
                let to = first * lanes * inputs + (block - first) * lanes;
                let width = count * lanes;
                for input in own.clone() {
                    let at = to + input * width;
                    let kernels =
                        Kernels { all: kernels, inputs, input, first: outputs.start, count: outputs.len() };
                    // SAFETY: the caller holds the set that `S` stands for. Each point has room for a vector of every input
                    // and block, and this input's are written by one unit.
                    unsafe {
                        let out = out.as_mut_ptr().add(at);
                        match form {
                            Form::Small => {
                                S::vectorize(Point::<S, 4>(kernels, &SMALL, out, point, PhantomData));
                            }
                            Form::Large => {
                                S::vectorize(Point::<S, 6>(kernels, &LARGE, out, point, PhantomData));
                            }
                        }
                    }
                }
            }
        }
    });
    packed.into()
}

/// The kernels of one input and a vector of outputs.
struct Kernels<'a> {
    all: &'a [f32],
    inputs: usize,
    input: usize,
    first: usize,
    count: usize,
}

/// Transforms them into a vector for each point, `point` floats apart.
struct Point<'a, S, const N: usize>(Kernels<'a>, &'a [[f64; 3]; N], *mut f32, usize, PhantomData<S>);

/// A number for each lane.
type Lanes = [f64; 16];

impl<S: Simd, const N: usize> Task for Point<'_, S, N> {
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "rounded to f32 on purpose")]
    unsafe fn call(self) {
        let Self(kernels, matrix, out, point, _) = self;
        let mut taps: [Lanes; 9] = [[0.0; 16]; 9];
        for lane in 0..kernels.count {
            let start = ((kernels.first + lane) * kernels.inputs + kernels.input) * 9;
            for (tap, &value) in taps.iter_mut().zip(&kernels.all[start..start + 9]) {
                tap[lane] = f64::from(value);
            }
        }
        let mut half: [[Lanes; 3]; N] = [[[0.0; 16]; 3]; N];
        for (row, left) in half.iter_mut().zip(matrix) {
            for x in 0..3 {
                row[x] = combine::<S>(left, [&taps[x], &taps[3 + x], &taps[6 + x]]);
            }
        }
        for i in 0..N {
            for j in 0..N {
                let [first, second, third] = &half[i];
                let sum = combine::<S>(&matrix[j], [first, second, third]);
                for lane in 0..S::LANES {
                    // SAFETY: the caller promises a vector for each point.
                    unsafe { *out.add((i * N + j) * point + lane) = sum[lane] as f32 };
                }
            }
        }
    }
}

#[inline(always)]
fn combine<S: Simd>(factors: &[f64; 3], values: [&Lanes; 3]) -> Lanes {
    let mut sum = [0.0; 16];
    for lane in 0..S::LANES {
        sum[lane] =
            values[0][lane] * factors[0] + values[1][lane] * factors[1] + values[2][lane] * factors[2];
    }
    sum
}
