//! Functions of a vector.
//!
//! All of them take NaN to NaN.

use crate::simd::Simd;

/// `2^x`, relative error below 3e-7; 0 from −126.5 down, held at 2^126 from 126 up.
///
/// `x = n + f` with `|f| ≤ 1/2`; `2^f` by the minimax polynomial of degree 5 (relative error 7.5e-8), `2^n` by its bits.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn exp2<S: Simd>(x: S::V) -> S::V {
    const TERMS: [f32; 5] = [0.009_675_542, 0.055_507_13, 0.240_221_2, 0.693_146_94, 1.000_000_1];
    // SAFETY: the caller's promise is the same.
    unsafe {
        let x = S::clamp(x, S::splat(-127.0), S::splat(126.0));
        let whole = S::round(x);
        let part = S::sub(x, whole);
        let mut power = S::splat(0.001_327_647_1);
        for term in TERMS {
            power = S::fma(power, part, S::splat(term));
        }
        S::mul(power, S::power_of_two(whole))
    }
}

/// `e^x`, relative error below 3e-7 plus `|x|` × 6e-8.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe { exp2::<S>(S::mul(x, S::splat(std::f32::consts::LOG2_E))) }
}

/// `1 ÷ (1 + e^−x)`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let one = S::splat(1.0);
        let power = exp2::<S>(S::mul(x, S::splat(-std::f32::consts::LOG2_E)));
        S::div(one, S::add(one, power))
    }
}

/// `tanh(x)` as a numerator and a denominator, by the rational function of Eigen's `generic_fast_tanh_float`: exact to a few
/// units in the last place on −8 to 8, 1 beyond. The denominator lies between 0.004 and 1.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
unsafe fn tanh_parts<S: Simd>(x: S::V) -> (S::V, S::V) {
    const LIMIT: f32 = 7.998_811_7;
    const ABOVE: [f32; 6] =
        [2.000_188e-13, -8.604_672e-11, 5.122_297_1e-8, 1.485_722_35e-5, 6.372_619_3e-4, 4.893_524_6e-3];
    const BELOW: [f32; 3] = [1.185_347_1e-4, 2.268_434_7e-3, 4.893_525e-3];
    // SAFETY: the caller's promise is the same.
    unsafe {
        let x = S::clamp(x, S::splat(-LIMIT), S::splat(LIMIT));
        let square = S::mul(x, x);
        let mut above = S::splat(-2.760_768_4e-16);
        for term in ABOVE {
            above = S::fma(above, square, S::splat(term));
        }
        let mut below = S::splat(1.198_258_4e-6);
        for term in BELOW {
            below = S::fma(below, square, S::splat(term));
        }
        (S::mul(x, above), below)
    }
}

/// `tanh(x)`, relative error below 1e-6.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let (above, below) = tanh_parts::<S>(x);
        S::div(above, below)
    }
}

/// `sigmoid(gate) × tanh(x)`, with a single division.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn gated_tanh<S: Simd>(gate: S::V, x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let (above, below) = tanh_parts::<S>(x);
        let power = exp2::<S>(S::mul(gate, S::splat(-std::f32::consts::LOG2_E)));
        S::div(above, S::fma(below, power, below))
    }
}

/// `x × min(1, max(0, x ÷ 6 + 1 ÷ 2))`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn hard_swish<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let gate = S::fma(x, S::splat(1.0 / 6.0), S::splat(0.5));
        S::mul(x, S::clamp(gate, S::splat(0.0), S::splat(1.0)))
    }
}

/// `erf(z)` by the rational function of Eigen's `generic_fast_erf_float`, which is exact to a few units in the last
/// place on −4 to 4 and 1 beyond.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
unsafe fn erf<S: Simd>(z: S::V) -> S::V {
    const ABOVE: [f32; 6] =
        [2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2];
    const BELOW: [f32; 4] = [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    // SAFETY: the caller's promise is the same.
    unsafe {
        let z = S::clamp(z, S::splat(-4.0), S::splat(4.0));
        let square = S::mul(z, z);
        let mut above = S::splat(-2.726_142_3e-10);
        for term in ABOVE {
            above = S::fma(above, square, S::splat(term));
        }
        let mut below = S::splat(-1.456_607_2e-5);
        for term in BELOW {
            below = S::fma(below, square, S::splat(term));
        }
        // The quotient ends one unit short of 1, which a large factor would show.
        let nearly = S::mul(S::div(S::mul(z, above), below), S::splat(1.0 + f32::EPSILON));
        S::clamp(nearly, S::splat(-1.0), S::splat(1.0))
    }
}

/// `x ÷ 2 × (1 + erf(x ÷ √2))`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn gelu<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let erf = erf::<S>(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
        let half = S::mul(x, S::splat(0.5));
        S::fma(half, erf, half)
    }
}
