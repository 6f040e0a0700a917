//! Activations, fused into the kernels before them.

use std::marker::PhantomData;

use crate::error::KernelError;
use crate::isa::InstructionSet;
use crate::math;
use crate::simd::{Simd, Task, with_simd};

/// A function of one value that a kernel applies to its results.
///
/// NaN stays NaN in all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// The value itself.
    None,
    /// `max(0, x)`.
    Relu,
    /// `min(high, max(low, x))`; Relu6 is 0 to 6.
    Clip {
        /// The least result.
        low: f32,
        /// The largest result, at least `low`.
        high: f32,
    },
    /// `1 ÷ (1 + e^−x)`, within 3e-7.
    Sigmoid,
    /// `x ÷ (1 + e^−x)`, also called Swish, within 3e-7 of `max(1, |x|)`.
    Silu,
    /// `x × min(1, max(0, x ÷ 6 + 1 ÷ 2))`.
    HardSwish,
    /// `x ÷ 2 × (1 + erf(x ÷ √2))`, within 1e-6 of `max(1, |x|)`.
    Gelu,
}

/// How a kernel ends: limits that are applied in registers, and what is applied to the stored tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) curve: Option<Curve>,
}

/// The activations that take more than a few instructions. Inside a register tile they would need more registers than
/// there are and slow the product down six times, so they run over the tile just stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    Sigmoid,
    Silu,
    HardSwish,
    Gelu,
}

impl Activation {
    pub(crate) fn check(self) -> Result<(), KernelError> {
        match self {
            Self::Clip { low, high } if low.is_nan() || high.is_nan() || low > high => {
                let got = format!("{low} to {high}");
                Err(KernelError::parameter("clip", got, "the first must be at most the second"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn ending(self) -> Ending {
        let (low, high) = match self {
            Self::Relu => (0.0, f32::INFINITY),
            Self::Clip { low, high } => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        let curve = match self {
            Self::Sigmoid => Some(Curve::Sigmoid),
            Self::Silu => Some(Curve::Silu),
            Self::HardSwish => Some(Curve::HardSwish),
            Self::Gelu => Some(Curve::Gelu),
            Self::None | Self::Relu | Self::Clip { .. } => None,
        };
        Ending { low, high, curve }
    }

    /// Applies it to every element of `values`.
    pub fn apply(self, set: InstructionSet, values: &mut [f32]) -> Result<(), KernelError> {
        self.check()?;
        let ending = self.ending();
        with_simd!(set, S => {
            let whole = values.len() / S::LANES * S::LANES;
            let (body, rest) = values.split_at_mut(whole);
            let mut last = [0.0; 16];
            last[..rest.len()].copy_from_slice(rest);
            // SAFETY: holding `set` proves the instructions; both slices are whole vectors.
            unsafe {
                S::vectorize(Run::<S>(body.as_mut_ptr(), whole, ending, PhantomData));
                S::vectorize(Run::<S>(last.as_mut_ptr(), S::LANES, ending, PhantomData));
            }
            rest.copy_from_slice(&last[..rest.len()]);
        });
        Ok(())
    }
}

/// Applies an ending in place to a number of elements that is a multiple of the lanes.
struct Run<S>(*mut f32, usize, Ending, PhantomData<S>);

impl<S: Simd> Task for Run<S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(values, count, ending, _) = self;
        // SAFETY: the vectors lie inside the `count` elements that the caller promises.
        unsafe {
            let (low, high) = (S::splat(ending.low), S::splat(ending.high));
            for i in (0..count).step_by(S::LANES) {
                S::store(values.add(i), S::clamp(S::load(values.add(i)), low, high));
            }
            if let Some(curve) = ending.curve {
                Bend::<S> {
                    values,
                    block: 0,
                    blocks: 1,
                    pixel: S::LANES,
                    pixels: count / S::LANES,
                    curve,
                    set: PhantomData,
                }
                .call();
            }
        }
    }
}

/// Applies a curve in place to `blocks` × `pixels` vectors.
pub(crate) struct Bend<S> {
    pub(crate) values: *mut f32,
    /// Floats from one block to the next.
    pub(crate) block: usize,
    pub(crate) blocks: usize,
    /// Floats from one pixel to the next.
    pub(crate) pixel: usize,
    pub(crate) pixels: usize,
    pub(crate) curve: Curve,
    pub(crate) set: PhantomData<S>,
}

impl<S: Simd> Task for Bend<S> {
    #[inline(always)]
    unsafe fn call(self) {
        macro_rules! over {
            ($function:expr) => {
                for block in 0..self.blocks {
                    for pixel in 0..self.pixels {
                        // SAFETY: the caller promises all blocks and pixels.
                        unsafe {
                            let p = self.values.add(block * self.block + pixel * self.pixel);
                            S::store(p, $function(S::load(p)));
                        }
                    }
                }
            };
        }
        match self.curve {
            Curve::Sigmoid => over!(math::sigmoid::<S>),
            Curve::Silu => over!(|x| S::mul(x, math::sigmoid::<S>(x))),
            Curve::HardSwish => over!(math::hard_swish::<S>),
            Curve::Gelu => over!(math::gelu::<S>),
        }
    }
}
