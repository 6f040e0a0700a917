//! Softmax and layer normalisation over rows.

use std::marker::PhantomData;

use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::math;
use crate::saved::{Restorer, Save, Saver};
use crate::simd::{Simd, Task, with_simd};
use crate::threads;

/// `e^(x − m) ÷ Σ e^(x − m)` of each row of `columns` elements, `m` being the row's largest. Relative error below 1e-6.
///
/// NaN in a row makes all of it NaN, and so does a row of −∞.
pub fn softmax(set: InstructionSet, columns: usize, x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
    check_length("out", out, x.len())?;
    if x.is_empty() {
        return Ok(());
    }
    if columns == 0 || !x.len().is_multiple_of(columns) {
        return Err(KernelError::parameter("columns", columns, "the elements must be whole rows"));
    }
    threads::share_rows(out, columns, threads::moves(x.len()), |first, out| {
        let x = &x[first * columns..][..out.len()];
        // SAFETY: holding the set proves the instructions; both slices are the same number of whole rows.
        with_simd!(set, S => unsafe {
            if columns <= NARROW {
                S::vectorize(NarrowSoftmax::<S>(columns, x, out, PhantomData));
            } else {
                S::vectorize(Softmax::<S>(columns, x, out, PhantomData));
            }
        });
    });
    Ok(())
}

/// The longest row that is computed beside others, each in its own lane: one by one, rows that do not fill a vector take ten times
/// as long.
const NARROW: usize = 16;

/// No more lanes than that.
const MOST_LANES: usize = 16;

/// Rows of at most [`NARROW`] elements.
struct NarrowSoftmax<'a, S>(usize, &'a [f32], &'a mut [f32], PhantomData<S>);

impl<S: Simd> Task for NarrowSoftmax<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(columns, x, out, _) = self;
        let mut turned = [0.0; NARROW * MOST_LANES];
        let rows = columns * S::LANES;
        for (x, out) in x.chunks(rows).zip(out.chunks_mut(rows)) {
            for (row, x) in x.chunks_exact(columns).enumerate() {
                for (column, x) in x.iter().enumerate() {
                    turned[column * S::LANES + row] = *x;
                }
            }
            // SAFETY: `turned` has a vector for each of the columns.
            unsafe {
                let values = turned.as_mut_ptr();
                let mut largest = S::splat(f32::NEG_INFINITY);
                for column in 0..columns {
                    largest = S::max(S::load(values.add(column * S::LANES)), largest);
                }
                let mut total = S::splat(0.0);
                for column in 0..columns {
                    let value = values.add(column * S::LANES);
                    let power = math::exp::<S>(S::sub(S::load(value), largest));
                    S::store(value, power);
                    total = S::add(total, power);
                }
                for column in 0..columns {
                    let value = values.add(column * S::LANES);
                    S::store(value, S::div(S::load(value), total));
                }
            }
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                for (column, out) in out.iter_mut().enumerate() {
                    *out = turned[column * S::LANES + row];
                }
            }
        }
    }
}

struct Softmax<'a, S>(usize, &'a [f32], &'a mut [f32], PhantomData<S>);

impl<S: Simd> Task for Softmax<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(columns, x, out, _) = self;
        let (whole, rest) = (columns / S::LANES * S::LANES, columns % S::LANES);
        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
            let (x, out) = (x.as_ptr(), out.as_mut_ptr());
            // SAFETY: `whole` vectors and `rest` elements are a row.
            unsafe {
                let mut largest = S::load_part(x.add(whole), rest, f32::NEG_INFINITY);
                for i in (0..whole).step_by(S::LANES) {
                    largest = S::max(S::load(x.add(i)), largest);
                }
                let largest = S::splat(S::largest(largest));
                let mut sum = S::splat(0.0);
                for i in (0..whole).step_by(S::LANES) {
                    let power = math::exp::<S>(S::sub(S::load(x.add(i)), largest));
                    S::store(out.add(i), power);
                    sum = S::add(sum, power);
                }
                let mut total = S::sum(sum);
                let last = math::exp::<S>(S::sub(S::load_part(x.add(whole), rest, 0.0), largest));
                total += S::to_array(last)[..rest].iter().sum::<f32>();
                let total = S::splat(total);
                for i in (0..whole).step_by(S::LANES) {
                    S::store(out.add(i), S::div(S::load(out.add(i)), total));
                }
                S::store_part(out.add(whole), rest, S::div(last, total));
            }
        }
    }
}

/// Layer normalisation over rows: `(x − mean) ÷ √(variance + epsilon) × scale + bias`.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    set: InstructionSet,
    scale: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl LayerNorm {
    /// For rows of as many elements as `scale` and `bias` have.
    pub fn new(set: InstructionSet, scale: &[f32], bias: &[f32], epsilon: f32) -> Result<Self, KernelError> {
        check_length("bias", bias, scale.len())?;
        if scale.is_empty() {
            return Err(KernelError::parameter("columns", 0, "it must be at least 1"));
        }
        Ok(Self { set, scale: scale.to_vec(), bias: bias.to_vec(), epsilon })
    }

    /// Normalises each row of `x`; `residual` is added first.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        let columns = self.scale.len();
        volume("x", &[x.len()])?;
        check_length("out", out, x.len())?;
        if let Some(residual) = residual {
            check_length("residual", residual, x.len())?;
        }
        if !x.len().is_multiple_of(columns) {
            return Err(KernelError::parameter("x", x.len(), "it must be whole rows"));
        }
        threads::share_rows(out, columns, threads::moves(x.len()), |first, out| {
            let own = first * columns..first * columns + out.len();
            let (x, residual) = (&x[own.clone()], residual.map(|residual| &residual[own]));
            // SAFETY: holding the set proves the instructions; the slices are the same number of whole rows.
            with_simd!(self.set, S => unsafe {
                S::vectorize(Normalize::<S>(self, x, residual, out, PhantomData));
            });
        });
        Ok(())
    }
}

struct Normalize<'a, S>(&'a LayerNorm, &'a [f32], Option<&'a [f32]>, &'a mut [f32], PhantomData<S>);

impl<S: Simd> Task for Normalize<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(norm, x, residual, out, _) = self;
        let columns = norm.scale.len();
        let (whole, rest) = (columns / S::LANES * S::LANES, columns % S::LANES);
        let (scale, bias) = (norm.scale.as_ptr(), norm.bias.as_ptr());
        for (row, out) in out.chunks_exact_mut(columns).enumerate() {
            let x = x[row * columns..][..columns].as_ptr();
            let residual = residual.map(|residual| residual[row * columns..][..columns].as_ptr());
            let out = out.as_mut_ptr();
            // SAFETY: `whole` vectors and `rest` elements are a row.
            unsafe {
                let mut sum = S::splat(0.0);
                for i in (0..whole).step_by(S::LANES) {
                    let mut value = S::load(x.add(i));
                    if let Some(residual) = residual {
                        value = S::add(value, S::load(residual.add(i)));
                    }
                    S::store(out.add(i), value);
                    sum = S::add(sum, value);
                }
                let mut last = S::load_part(x.add(whole), rest, 0.0);
                if let Some(residual) = residual {
                    last = S::add(last, S::load_part(residual.add(whole), rest, 0.0));
                }
                let mean = S::splat((S::sum(sum) + S::sum(last)) / columns as f32);
                let mut squares = S::splat(0.0);
                for i in (0..whole).step_by(S::LANES) {
                    let distance = S::sub(S::load(out.add(i)), mean);
                    squares = S::fma(distance, distance, squares);
                }
                let last = S::sub(last, mean);
                let tail = S::to_array(last)[..rest].iter().map(|distance| distance * distance).sum::<f32>();
                let variance = (S::sum(squares) + tail) / columns as f32;
                let factor = S::splat(1.0 / (variance + norm.epsilon).sqrt());
                for i in (0..whole).step_by(S::LANES) {
                    let value = S::mul(S::sub(S::load(out.add(i)), mean), factor);
                    S::store(out.add(i), S::fma(value, S::load(scale.add(i)), S::load(bias.add(i))));
                }
                let scale = S::load_part(scale.add(whole), rest, 0.0);
                let bias = S::load_part(bias.add(whole), rest, 0.0);
                S::store_part(out.add(whole), rest, S::fma(S::mul(last, factor), scale, bias));
            }
        }
    }
}

impl Save for LayerNorm {
    fn save(&self, to: &mut Saver) {
        to.set(self.set);
        to.size(self.scale.len());
        to.floats(&self.scale);
        to.floats(&self.bias);
        to.float(self.epsilon);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, columns) = (from.set()?, from.size()?);
        let (scale, bias) = (from.floats(columns)?, from.floats(columns)?);
        Self::new(set, &scale, &bias, from.float()?)
    }
}
