//! A kernel of 3×3: a column of three rows is interleaved once, and serves the outputs on both sides of it too, whose sums
//! roll along.

use std::hint::black_box;
use std::marker::PhantomData;

use super::{Source, four};
use crate::int8::simd::Dots;
use crate::simd::Task;

pub(super) struct Rolling<'a, S, const FULL: bool, const STRIDE: usize> {
    pub(super) source: Source<'a>,
    pub(super) zero: i32,
    /// The first row of `out`.
    pub(super) first: usize,
    pub(super) out: &'a mut [u8],
    pub(super) set: PhantomData<S>,
}

impl<S: Dots, const FULL: bool, const STRIDE: usize> Task for Rolling<'_, S, FULL, STRIDE> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { source, zero, first, out, .. } = self;
        let Source { part, shape, outside, .. } = source;
        let (size, width, out_width) = (outside.len(), shape.input[1], shape.output[1]);
        let rows = out.len() / (out_width * size).max(1);
        let (bytes, count) = (part.weights.as_bytes().as_ptr(), part.count);
        // SAFETY: rows inside the image are read at columns inside it, rows outside at their only pixel; `count` channels
        // from the block's first lie inside a pixel, and so does what is written.
        unsafe {
            let column = |column: usize| bytes.add(column * 16 * S::LANES).cast();
            let w = [four::<S>(column(0)), four::<S>(column(1)), four::<S>(column(2))];
            let bias = four::<S>(part.bias.as_ptr());
            let mut scale = [S::load_floats(part.scale.as_ptr()); 4];
            for block in 1..4 {
                scale[block] = S::load_floats(part.scale.as_ptr().add(block * S::LANES));
            }
            // In memory, where it is rarely wanted. And the compiler, which learns too late which other registers it must keep on the
            // stack, would keep them at multiples of sixteen bytes, so that each met two lines of the cache, were there nothing
            // with the alignment of a register.
            let beyond = source.beyond::<S, FULL>();
            let beyond = black_box(&beyond);
            let left = shape.padding[1];
            for row in first..first + rows {
                let rows = source.rows::<3>(row, 0);
                // The column at `$at` of the padded image.
                macro_rules! column {
                    ($at:expr) => {{
                        let at = ($at).wrapping_sub(left);
                        if at < width {
                            let [a, b, c] = rows.map(
                                #[inline(always)]
                                |(row, pixel)| row.add(at.wrapping_mul(pixel)),
                            );
                            source.interleaved::<S, FULL>([a, b, c, c])
                        } else {
                            *beyond
                        }
                    }};
                }
                macro_rules! add {
                    ($sums:ident, $column:ident, $tap:literal) => {
                        for block in 0..4 {
                            $sums[block] = S::dot($sums[block], $column[block], w[$tap][block]);
                        }
                    };
                }
                let mut to = out.as_mut_ptr().add((row - first) * out_width * size + part.channel);
                macro_rules! finish {
                    ($sums:ident) => {{
                        let mut bytes = $sums;
                        for block in 0..4 {
                            bytes[block] = S::requantize($sums[block], scale[block]);
                        }
                        S::pack_four::<FULL>(to, bytes, zero, count);
                        to = to.add(size);
                    }};
                }
                let mut sums = bias;
                if STRIDE == 1 {
                    let mut next = bias;
                    let first = column!(0_usize);
                    add!(sums, first, 0);
                    let second = column!(1_usize);
                    add!(sums, second, 1);
                    add!(next, second, 0);
                    for position in 0..out_width {
                        let third = column!(position + 2);
                        let mut after = bias;
                        add!(sums, third, 2);
                        add!(next, third, 1);
                        add!(after, third, 0);
                        finish!(sums);
                        sums = next;
                        next = after;
                    }
                } else {
                    let first = column!(0_usize);
                    add!(sums, first, 0);
                    for position in 0..out_width {
                        let second = column!(2 * position + 1);
                        add!(sums, second, 1);
                        let third = column!(2 * position + 2);
                        let mut after = bias;
                        add!(sums, third, 2);
                        add!(after, third, 0);
                        finish!(sums);
                        sums = after;
                    }
                }
            }
        }
    }
}
