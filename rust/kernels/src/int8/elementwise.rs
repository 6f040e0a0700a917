//! From numbers to bytes and back, and the sum of two tensors of bytes.

use std::marker::PhantomData;

use super::Quantization;
use super::conv::hold;
use super::set::ByteSet;
use super::simd::{Dots, with_dots};
use crate::error::{KernelError, check_length};
use crate::saved::{Restorer, Save, Saver};
use crate::simd::Task;
use crate::threads;

/// `round(x ÷ scale) + zero`, ties to even, held between 0 and 255, of each number. NaN becomes 0.
pub fn quantize(
    set: ByteSet,
    quantization: Quantization,
    x: &[f32],
    out: &mut [u8],
) -> Result<(), KernelError> {
    quantization.check("the output")?;
    check_length("out", out, x.len())?;
    threads::share_rows(out, 1, threads::moves(x.len()), |first, out| {
        let x = &x[first..][..out.len()];
        // SAFETY: holding `set` proves the instructions.
        with_dots!(set, S => unsafe { S::vectorize(Quantize(quantization, x, out)) });
    });
    Ok(())
}

/// `(q − zero) × scale` of each byte.
pub fn dequantize(
    set: ByteSet,
    quantization: Quantization,
    x: &[u8],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("out", out, x.len())?;
    threads::share_rows(out, 1, threads::moves(x.len()), |first, out| {
        let x = &x[first..][..out.len()];
        // SAFETY: holding `set` proves the instructions.
        with_dots!(set, S => unsafe { S::vectorize(Dequantize(quantization, x, out)) });
    });
    Ok(())
}

/// The byte for `x`.
#[inline(always)]
pub(super) fn quantize_one(x: f32, scale: f32, zero: u8) -> u8 {
    to_byte(x / scale, zero)
}

/// `round(x) + zero`, ties to even, held between 0 and 255; NaN becomes 0.
///
/// A conversion that saturates, as `as` does, would keep LLVM from using vectors.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the low byte is what is wanted")]
pub(super) fn to_byte(x: f32, zero: u8) -> u8 {
    /// Added to a small number, it leaves the number's integer in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let (low, high) = (-f32::from(zero), 255.0 - f32::from(zero));
    let x = if x > low { x } else { low };
    let x = if x < high { x } else { high };
    (x + MAGIC).to_bits().wrapping_add(u32::from(zero)) as u8
}

struct Quantize<'a>(Quantization, &'a [f32], &'a mut [u8]);

impl Task for Quantize<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let Quantization { scale, zero } = self.0;
        for (byte, &value) in self.2.iter_mut().zip(self.1) {
            *byte = quantize_one(value, scale, zero);
        }
    }
}

struct Dequantize<'a>(Quantization, &'a [u8], &'a mut [f32]);

impl Task for Dequantize<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let (scale, zero) = (self.0.scale, i32::from(self.0.zero));
        for (value, &byte) in self.2.iter_mut().zip(self.1) {
            *value = (i32::from(byte) - zero) as f32 * scale;
        }
    }
}

/// The sum of two tensors of bytes, each with its own scale and zero point, as bytes of a third.
///
/// `round(a × ra + (b × rb + (zero − (ra × za + rb × zb))))` with `ra` and `rb` the inputs' scales over the output's,
/// each bracket rounded once: what ONNX Runtime's `QLinearAdd` computes.
#[derive(Clone, Copy, Debug)]
pub struct ByteAdd {
    set: ByteSet,
    factors: [f32; 2],
    constant: f32,
    limits: [u8; 2],
}

impl ByteAdd {
    /// Of `inputs` into `output`, whose bytes are held between `limits`.
    pub fn new(
        set: ByteSet,
        inputs: [Quantization; 2],
        output: Quantization,
        limits: [u8; 2],
    ) -> Result<Self, KernelError> {
        inputs[0].check("the first input")?;
        inputs[1].check("the second input")?;
        output.check("the output")?;
        let factors = inputs.map(|input| input.scale / output.scale);
        let zeros = factors[0] * f32::from(inputs[0].zero) + factors[1] * f32::from(inputs[1].zero);
        let constant = f32::from(output.zero) - zeros;
        let largest = 256.0 * (factors[0].abs() + factors[1].abs()) + constant.abs();
        // Numbers that are no `i32` are not rounded alike by all sets. NaN is not less either.
        if !largest.is_finite() || largest > 2e9 {
            return Err(KernelError::parameter("the scales", "far apart", "a sum must be an i32"));
        }
        Ok(Self { set, factors, constant, limits })
    }

    /// Adds element by element.
    pub fn run(&self, a: &[u8], b: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
        check_length("b", b, a.len())?;
        check_length("out", out, a.len())?;
        threads::share_rows(out, 1, threads::moves(a.len()) / 2, |first, out| {
            let own = first..first + out.len();
            let (a, b) = (&a[own.clone()], &b[own]);
            // SAFETY: holding the set proves the instructions.
            with_dots!(self.set, S => unsafe { S::vectorize(Add::<S>(self, a, b, out, PhantomData)) });
            hold(self.set, self.limits, out);
        });
        Ok(())
    }
}

impl Save for ByteAdd {
    fn save(&self, to: &mut Saver) {
        to.byte_set(self.set);
        self.factors.into_iter().chain([self.constant]).for_each(|factor| to.float(factor));
        to.limits(self.limits);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let set = from.byte_set()?;
        let (factors, constant) = ([from.float()?, from.float()?], from.float()?);
        Ok(Self { set, factors, constant, limits: from.limits()? })
    }
}

/// The most lanes of a set.
const LANES: usize = 16;

struct Add<'a, S>(&'a ByteAdd, &'a [u8], &'a [u8], &'a mut [u8], PhantomData<S>);

impl<S: Dots> Task for Add<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(add, a, b, out, _) = self;
        let [first, second] = add.factors;
        let own = [[first; LANES], [second; LANES], [add.constant; LANES]];
        let size = 4 * S::LANES;
        let whole = out.len() - out.len() % size;
        // SAFETY: a set has at most so many lanes; `size` bytes follow from each position below `whole` in all three slices.
        unsafe {
            let [first, second, constant] = own.map(|number| S::load_floats(number.as_ptr()));
            let nought = S::load([0; LANES].as_ptr());
            for at in (0..whole).step_by(size) {
                let widen = |from: &[u8]| {
                    S::interleave([
                        S::load_bytes::<true>(from.as_ptr().add(at), size),
                        nought,
                        nought,
                        nought,
                    ])
                };
                let (a, mut b) = (widen(a), widen(b));
                for block in 0..4 {
                    b[block] = S::weighted_sum(a[block], b[block], [first, second], constant);
                }
                S::pack_four::<true>(out.as_mut_ptr().add(at), b, 0, size);
            }
        }
        for ((out, &a), &b) in out[whole..].iter_mut().zip(&a[whole..]).zip(&b[whole..]) {
            let sum = f32::from(a).mul_add(first, f32::from(b).mul_add(second, add.constant));
            *out = to_byte(sum, 0);
        }
    }
}
