//! Resizing of blocked images: every output is a mean of two rows and two columns with weights.

use std::marker::PhantomData;

use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::memory::with_scratch;
use crate::saved::{Restorer, Save, Saver};
use crate::simd::{Simd, Task, with_simd};
use crate::threads;

/// Where one row or column of an output comes from: `first × weights[0] + second × weights[1]`. Where the second weight is nought,
/// the second is not read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// The first row or column of the input.
    pub first: usize,
    /// The second one.
    pub second: usize,
    /// Of the two.
    pub weights: [f32; 2],
}

impl Tap {
    /// One row or column as it is.
    pub fn copy(of: usize) -> Self {
        Self { first: of, second: of, weights: [1.0, 0.0] }
    }

    #[allow(clippy::float_cmp, reason = "exactly 1 and nought are copies")]
    fn is_copy(&self) -> bool {
        self.weights == [1.0, 0.0]
    }
}

/// A resizing, ready to run over blocked images. Rows are weighted first, then columns.
#[derive(Clone, Debug)]
pub struct Resample2d {
    set: InstructionSet,
    /// Batch and channels.
    images: [usize; 2],
    /// Of the input.
    size: [usize; 2],
    rows: Vec<Tap>,
    columns: Vec<Tap>,
    input_len: usize,
    output_len: usize,
}

impl Resample2d {
    /// From images of `size` to ones with a row and a column for each of the taps.
    pub fn new(
        set: InstructionSet,
        images: [usize; 2],
        size: [usize; 2],
        [rows, columns]: [Vec<Tap>; 2],
    ) -> Result<Self, KernelError> {
        for (what, taps, size) in [("a row", &rows, size[0]), ("a column", &columns, size[1])] {
            if let Some(tap) = taps.iter().find(|tap| tap.first >= size || tap.second >= size) {
                let got = format!("{} or {} of {size}", tap.first, tap.second);
                return Err(KernelError::parameter(what, got, "it must lie inside the image"));
            }
        }
        let [batch, channels] = images;
        let input_len = blocked_len(set, batch, channels, volume("the input", &size)?)?;
        let pixels = volume("the output", &[rows.len(), columns.len()])?;
        let output_len = blocked_len(set, batch, channels, pixels)?;
        Ok(Self { set, images, size, rows, columns, input_len, output_len })
    }

    /// Runs over a whole batch.
    pub fn run(&self, x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.input_len)?;
        check_length("out", out, self.output_len)?;
        if out.is_empty() {
            return Ok(());
        }
        let lanes = self.set.lanes();
        let line = self.columns.len() * lanes;
        let image = self.size[0] * self.size[1] * lanes;
        threads::share_rows(out, line, threads::moves(out.len()), |first, out| {
            with_scratch(self.size[1] * lanes, |scratch| {
                // SAFETY: holding the set proves the instructions; the slices are rows of blocks of the sizes that the taps were
                // checked against.
                with_simd!(self.set, S => unsafe {
                    S::vectorize(Lines::<S> { resample: self, x, image, first, out, scratch, set: PhantomData });
                });
            });
        });
        Ok(())
    }
}

impl Save for Resample2d {
    fn save(&self, to: &mut Saver) {
        to.set(self.set);
        to.sizes(self.images);
        to.sizes(self.size);
        for taps in [&self.rows, &self.columns] {
            to.size(taps.len());
            for tap in taps {
                to.sizes([tap.first, tap.second]);
                tap.weights.iter().for_each(|&weight| to.float(weight));
            }
        }
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, images, size) = (from.set()?, from.sizes()?, from.sizes()?);
        let taps = [restore_taps(from)?, restore_taps(from)?];
        Self::new(set, images, size, taps)
    }
}

fn restore_taps(from: &mut Restorer<'_>) -> Result<Vec<Tap>, KernelError> {
    let count = from.size()?;
    let tap = |_| {
        let [first, second] = from.sizes()?;
        Ok(Tap { first, second, weights: [from.float()?, from.float()?] })
    };
    (0..count).map(tap).collect()
}

/// Some rows of the output, the first of which is `first` of all blocks' rows.
struct Lines<'a, S> {
    resample: &'a Resample2d,
    x: &'a [f32],
    /// Floats of a block of the input.
    image: usize,
    first: usize,
    out: &'a mut [f32],
    /// Room for a row of the input.
    scratch: &'a mut [f32],
    set: PhantomData<S>,
}

impl<S: Simd> Task for Lines<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { resample, x, image, first, out, scratch, .. } = self;
        let (rows, columns) = (&resample.rows, &resample.columns);
        let width = resample.size[1] * S::LANES;
        for (index, out) in (first..).zip(out.chunks_exact_mut(columns.len() * S::LANES)) {
            let block = &x[index / rows.len() * image..][..image];
            let tap = &rows[index % rows.len()];
            let above = &block[tap.first * width..][..width];
            let below = &block[tap.second * width..][..width];
            let row = if tap.is_copy() {
                above.as_ptr()
            } else {
                // SAFETY: all three are a row.
                unsafe { mix::<S>(tap, [above.as_ptr(), below.as_ptr()], scratch) };
                scratch.as_ptr()
            };
            for (tap, out) in columns.iter().zip(out.chunks_exact_mut(S::LANES)) {
                // SAFETY: the taps lie inside the row, `out` is a vector.
                unsafe {
                    let left = S::load(row.add(tap.first * S::LANES));
                    let mut value = left;
                    if !tap.is_copy() {
                        value = S::mul(left, S::splat(tap.weights[0]));
                        if tap.weights[1] != 0.0 {
                            let right = S::load(row.add(tap.second * S::LANES));
                            value = S::fma(right, S::splat(tap.weights[1]), value);
                        }
                    }
                    S::store(out.as_mut_ptr(), value);
                }
            }
        }
    }
}

/// The weighted sum of two rows.
///
/// # Safety
///
/// The instruction set must be present; the rows have as many floats as `out`, whole vectors.
#[inline(always)]
unsafe fn mix<S: Simd>(tap: &Tap, [above, below]: [*const f32; 2], out: &mut [f32]) {
    // SAFETY: the caller's promise.
    unsafe {
        let weights = tap.weights.map(|weight| S::splat(weight));
        for (i, out) in out.chunks_exact_mut(S::LANES).enumerate() {
            let mut value = S::mul(S::load(above.add(i * S::LANES)), weights[0]);
            if tap.weights[1] != 0.0 {
                value = S::fma(S::load(below.add(i * S::LANES)), weights[1], value);
            }
            S::store(out.as_mut_ptr(), value);
        }
    }
}
