//! Any kernel: four rows of it are one product, for every column.
//!
//! The columns of a row of the output are interleaved first, so that those which several outputs read are so once.

use std::marker::PhantomData;

use super::{Source, four};
use crate::conv::ConvShape;
use crate::int8::simd::Dots;
use crate::simd::Task;

pub(super) struct Window<'a, S, const FULL: bool, const POSITIONS: usize> {
    pub(super) source: Source<'a>,
    pub(super) zero: i32,
    /// The first row of `out`.
    pub(super) first: usize,
    pub(super) out: &'a mut [u8],
    /// As many numbers as [`columns_len`] says.
    pub(super) columns: &'a mut [f32],
    pub(super) set: PhantomData<S>,
}

/// Columns of the input, padded, that a row of the output reads.
fn columns(shape: &ConvShape) -> usize {
    (shape.output[1].max(1) - 1) * shape.stride[1] + (shape.kernel[1] - 1) * shape.dilation[1] + 1
}

/// Numbers of `[stack][column][4][LANES]`.
pub(super) fn columns_len<S: Dots>(shape: &ConvShape) -> Option<usize> {
    columns(shape).checked_mul(shape.kernel[0].div_ceil(4))?.checked_mul(4 * S::LANES)
}

impl<S: Dots, const FULL: bool, const POSITIONS: usize> Task for Window<'_, S, FULL, POSITIONS> {
    #[inline(always)]
    unsafe fn call(mut self) {
        let Source { part, shape, outside, .. } = self.source;
        let (size, width) = (outside.len(), shape.output[1]);
        let row_size = width * size;
        for row in 0..self.out.len() / row_size.max(1) {
            // SAFETY: the caller promises that the columns of a row of the output have room, and that the image is as large as
            // its shape says.
            unsafe {
                self.interleave(self.first + row);
                let mut to = self.out.as_mut_ptr().add(row * row_size + part.channel);
                let mut position = 0;
                while position + POSITIONS <= width {
                    self.positions::<POSITIONS>(position, to);
                    to = to.add(POSITIONS * size);
                    position += POSITIONS;
                }
                while position < width {
                    self.positions::<1>(position, to);
                    to = to.add(size);
                    position += 1;
                }
            }
        }
    }
}

impl<S: Dots, const FULL: bool, const POSITIONS: usize> Window<'_, S, FULL, POSITIONS> {
    /// Writes the columns that a row of the output reads.
    ///
    /// # Safety
    ///
    /// As for [`Task::call`].
    #[inline(always)]
    unsafe fn interleave(&mut self, row: usize) {
        let source = self.source;
        let Source { shape, .. } = source;
        let mut to = self.columns.as_mut_ptr().cast::<S::I>();
        // SAFETY: rows inside the image are read at columns inside it, rows outside at their only pixel. There is room for all
        // columns of all stacks.
        unsafe {
            let beyond = source.beyond::<S, FULL>();
            for stack in (0..shape.kernel[0]).step_by(4) {
                let rows = source.rows::<4>(row, stack);
                for column in 0..columns(shape) {
                    let at = column.wrapping_sub(shape.padding[1]);
                    let mut column = beyond;
                    if at < shape.input[1] {
                        let mut pixels = [rows[0].0; 4];
                        for (address, (row, pixel)) in pixels.iter_mut().zip(rows) {
                            *address = row.add(at * pixel);
                        }
                        column = source.interleaved::<S, FULL>(pixels);
                    }
                    for block in column {
                        to.write_unaligned(block);
                        to = to.add(1);
                    }
                }
            }
        }
    }

    /// Computes `COUNT` outputs side by side from the columns.
    ///
    /// # Safety
    ///
    /// As for [`Task::call`]; the columns are written, and `to` is the first output.
    #[inline(always)]
    unsafe fn positions<const COUNT: usize>(&self, position: usize, to: *mut u8) {
        let Source { part, shape, outside, .. } = self.source;
        let (stride, size) = (shape.stride[1], outside.len());
        let mut weights = part.weights.as_bytes().as_ptr();
        let all = self.columns.as_ptr().cast::<i32>();
        // SAFETY: a position's columns are among those of the row; the weights, starting sums and scales are those of the part.
        unsafe {
            let mut sums = [four::<S>(part.bias.as_ptr()); COUNT];
            for stack in 0..shape.kernel[0].div_ceil(4) {
                for tap in 0..shape.kernel[1] {
                    let column = stack * columns(shape) + position * stride + tap * shape.dilation[1];
                    let from = all.add(column * 4 * S::LANES);
                    for block in 0..4 {
                        let w = S::load(weights.add(block * 4 * S::LANES).cast());
                        for (index, sums) in sums.iter_mut().enumerate() {
                            let x = S::load(from.add((index * stride * 4 + block) * S::LANES));
                            sums[block] = S::dot(sums[block], x, w);
                        }
                    }
                    weights = weights.add(16 * S::LANES);
                }
            }
            for (index, sums) in sums.into_iter().enumerate() {
                let mut bytes = sums;
                for block in 0..4 {
                    let scale = S::load_floats(part.scale.as_ptr().add(block * S::LANES));
                    bytes[block] = S::requantize(sums[block], scale);
                }
                S::pack_four::<FULL>(to.add(index * size), bytes, self.zero, part.count);
            }
        }
    }
}
