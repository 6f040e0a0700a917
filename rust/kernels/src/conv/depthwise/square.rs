//! Square kernels of 3 and 5: a run of columns loads each input of a row once.

use super::{Block, COLUMNS};
use crate::simd::{Simd, Task, unroll};
use crate::tile;

/// All pixels of some rows of one block of channels, for a kernel of `KERNEL` × `KERNEL` whose columns lie side by side and a
/// stride of `STRIDE` columns. No output has half of the kernel or more beyond the left or right edge.
pub(super) struct Square<'a, S, const KERNEL: usize, const STRIDE: usize>(pub(super) Block<'a, S>);

impl<S: Simd, const KERNEL: usize, const STRIDE: usize> Task for Square<'_, S, KERNEL, STRIDE> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(block) = self;
        let out = block.out.as_mut_ptr();
        let (shape, height) = (block.shape, block.shape.input[0]);
        let tiles = tile::split(shape.output[1], COLUMNS);
        for (row, oy) in block.rows.clone().enumerate() {
            let mut lines = [block.noughts.as_ptr(); KERNEL];
            for (ky, line) in lines.iter_mut().enumerate() {
                let y = (oy * shape.stride[0] + ky * shape.dilation[0]).wrapping_sub(shape.padding[0]);
                if y < height {
                    *line = block.row(y);
                }
            }
            for (ox, count) in tiles.clone() {
                let at = (row * shape.output[1] + ox) * S::LANES;
                macro_rules! select {
                    ($($count:literal)*) => {
                        match count {
                            // SAFETY: `count` columns of the output row; the lines are rows of the image or noughts.
                            $($count => unsafe { square::<S, $count, KERNEL, STRIDE>(&block, &lines, ox * STRIDE, at, out) },)*
                            _ => {}
                        }
                    };
                }
                select!(1 2 3 4 5 6 7 8);
            }
        }
    }
}

/// `COUNT` columns of an output row, `at` floats from the beginning of `out`, the first of whose inputs is `left` columns from the
/// left edge of the padding.
///
/// # Safety
///
/// The instruction set must be present, `lines` the rows of the input or noughts, and the columns inside the output row.
#[inline(always)]
unsafe fn square<S: Simd, const COUNT: usize, const KERNEL: usize, const STRIDE: usize>(
    block: &Block<'_, S>,
    lines: &[*const f32; KERNEL],
    left: usize,
    at: usize,
    out: *mut f32,
) {
    let (width, padding) = (block.shape.input[1], block.shape.padding[1]);
    let (inputs, half) = ((COUNT - 1) * STRIDE + KERNEL, KERNEL / 2);
    let residual = block.residual.map_or(std::ptr::null(), |residual| residual[at..].as_ptr());
    // SAFETY: a column is read where it lies inside the row, and a nought where it does not: only the outer half of the
    // kernel reaches past an edge. The output has room for the columns.
    unsafe {
        let mut sums = block.begin::<COUNT>(residual);
        for ky in 0..KERNEL {
            let weight = |kx: usize| S::load(block.weights.as_ptr().add((ky * KERNEL + kx) * S::LANES));
            let load = |i: usize, inside: bool| {
                let column = (left + i).wrapping_sub(padding).wrapping_mul(S::LANES);
                S::load(if inside { lines[ky].wrapping_add(column) } else { block.noughts.as_ptr() })
            };
            if S::LOAD_PAIRS {
                let mut row = [S::splat(0.0); (COLUMNS - 1) * 2 + 5];
                for i in 0..half {
                    row[i] = load(i, left + i >= padding);
                }
                for i in half..inputs - half {
                    row[i] = load(i, true);
                }
                for i in inputs - half..inputs {
                    row[i] = load(i, left + i < width + padding);
                }
                for kx in 0..KERNEL {
                    let weight = weight(kx);
                    for t in 0..COUNT {
                        sums[t] = S::fma(weight, row[t * STRIDE + kx], sums[t]);
                    }
                }
                continue;
            }
            let mut weights = [S::splat(0.0); KERNEL];
            for kx in 0..KERNEL {
                weights[kx] = weight(kx);
            }
            unroll!(i in inputs {
                let inside = (i >= half || left + i >= padding) && (i + half < inputs || left + i < width + padding);
                let x = load(i, inside);
                unroll!(kx in KERNEL {
                    // The output that this tap brings the input to.
                    if i >= kx && (i - kx).is_multiple_of(STRIDE) && (i - kx) / STRIDE < COUNT {
                        sums[(i - kx) / STRIDE] = S::fma(weights[kx], x, sums[(i - kx) / STRIDE]);
                    }
                });
            });
        }
        block.end(out.add(at), &sums);
    }
}
