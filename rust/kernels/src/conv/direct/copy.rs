//! A copy of a convolution's input, with noughts around it and its columns dealt out by their phase.

use std::marker::PhantomData;

use super::super::ConvShape;
use crate::error::{KernelError, volume};
use crate::simd::{Simd, Task};

/// A copy of the input in which the pixels of an output row lie side by side for every tap.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    /// The phases that some tap reads: (column + padding) mod stride.
    phases: Vec<usize>,
    /// Pixels of one phase of a row.
    width: usize,
    /// Floats of the whole copy.
    pub(super) length: usize,
}

impl Copy {
    pub(super) fn new(shape: &ConvShape, channels: usize) -> Result<Self, KernelError> {
        let stride = shape.stride[1];
        let mut phases: Vec<usize> = (0..shape.kernel[1]).map(|kx| kx * shape.dilation[1] % stride).collect();
        phases.sort_unstable();
        phases.dedup();
        let width = shape.output[1] + (shape.kernel[1] - 1) * shape.dilation[1] / stride;
        shape.check_copy(volume("a padded input", &[shape.input[0], phases.len(), width])?)?;
        let length = volume("a padded input", &[channels, shape.input[0], phases.len(), width])?;
        Ok(Self { phases, width, length })
    }

    /// Pixels of a row, of all phases.
    pub(super) fn row(&self) -> usize {
        self.phases.len() * self.width
    }

    /// Where a row of the copy has a column of the padded input.
    pub(super) fn place(&self, column: usize, stride: usize) -> usize {
        let slot = self.phases.iter().position(|&phase| phase == column % stride).unwrap_or(0);
        slot * self.width + column / stride
    }
}

/// Fills rows of the copy of one image, from the row `first` of its planes on.
pub(super) struct Fill<'a, S> {
    pub(super) copy: &'a Copy,
    pub(super) shape: &'a ConvShape,
    pub(super) lanes: usize,
    pub(super) x: &'a [f32],
    pub(super) first: usize,
    pub(super) out: &'a mut [f32],
    pub(super) set: PhantomData<S>,
}

impl<S: Simd> Task for Fill<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { copy, shape, lanes, x, first, out, .. } = self;
        let (stride, padding, width) = (shape.stride[1], shape.padding[1], shape.input[1]);
        // A row that no output reads, as every second one of a pointwise convolution of stride 2, is left as it is.
        let rows: Vec<bool> = (0..shape.input[0]).map(|row| reads_row(shape, row)).collect();
        let mut targets = out.chunks_exact_mut(copy.width * lanes);
        for (index, row) in x.chunks_exact(width * lanes).enumerate().skip(first) {
            for &phase in &copy.phases {
                let Some(target) = targets.next() else { return };
                if !rows[index % shape.input[0]] {
                    continue;
                }
                // The columns of this phase that lie inside the image.
                let first = padding.saturating_sub(phase).div_ceil(stride).min(copy.width);
                let end = (width + padding).saturating_sub(phase).div_ceil(stride).min(copy.width).max(first);
                let (before, rest) = target.split_at_mut(first * lanes);
                let (inside, after) = rest.split_at_mut((end - first) * lanes);
                before.fill(0.0);
                after.fill(0.0);
                if inside.is_empty() {
                    continue;
                }
                let row = &row[(first * stride + phase - padding) * lanes..];
                if stride == 1 {
                    inside.copy_from_slice(&row[..inside.len()]);
                } else if lanes == 1 && stride == 2 {
                    // SAFETY: the caller's promise is the same.
                    unsafe { every_second::<S>(row, inside) };
                } else {
                    for (to, from) in inside.chunks_exact_mut(lanes).zip(row.chunks(lanes * stride)) {
                        to.copy_from_slice(&from[..lanes]);
                    }
                }
            }
        }
    }
}

/// Every second number of `from`, beginning with the first. The last may end it.
///
/// # Safety
///
/// The instruction set must be present.
#[inline(always)]
unsafe fn every_second<S: Simd>(from: &[f32], to: &mut [f32]) {
    // Both vectors are inside, though behind the last number none may be.
    let whole = (to.len() - 1) / S::LANES * S::LANES;
    let (some, rest) = to.split_at_mut(whole);
    for (to, from) in some.chunks_exact_mut(S::LANES).zip(from.chunks_exact(2 * S::LANES)) {
        // SAFETY: the pieces are one vector and two.
        unsafe {
            let [first, second] = [0, S::LANES].map(|at| S::load(from.as_ptr().add(at)));
            S::store(to.as_mut_ptr(), S::every_second(first, second));
        }
    }
    for (to, from) in rest.iter_mut().zip(from[2 * whole..].chunks(2)) {
        *to = from[0];
    }
}

/// Whether some output reads a row of the input.
fn reads_row(shape: &ConvShape, row: usize) -> bool {
    (0..shape.kernel[0]).any(|ky| {
        let start = (row + shape.padding[0]).checked_sub(ky * shape.dilation[0]);
        start.is_some_and(|start| start % shape.stride[0] == 0 && start / shape.stride[0] < shape.output[0])
    })
}
