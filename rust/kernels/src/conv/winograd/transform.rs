//! The transforms of tiles in Winograd's algorithm.

use crate::simd::Simd;

/// `Bᵀ d` for F(2,3) and F(4,3), by `N`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(super) unsafe fn input_transform<S: Simd, const N: usize>(d: &[S::V; N]) -> [S::V; N] {
    let mut out = *d;
    // SAFETY: the caller's promise is the same.
    unsafe {
        if N == 4 {
            out[0] = S::sub(d[0], d[2]);
            out[1] = S::add(d[1], d[2]);
            out[2] = S::sub(d[2], d[1]);
            out[3] = S::sub(d[1], d[3]);
        } else {
            let four = S::splat(4.0);
            let (minus_four, minus_five) = (S::splat(-4.0), S::splat(-5.0));
            let even = S::fma(minus_four, d[2], d[4]);
            let odd = S::fma(minus_four, d[1], d[3]);
            let inner = S::sub(d[4], d[2]);
            let outer = S::mul(S::splat(2.0), S::sub(d[3], d[1]));
            out[0] = S::fma(four, d[0], S::fma(minus_five, d[2], d[4]));
            out[1] = S::add(even, odd);
            out[2] = S::sub(even, odd);
            out[3] = S::add(inner, outer);
            out[4] = S::sub(inner, outer);
            out[5] = S::fma(four, d[1], S::fma(minus_five, d[3], d[5]));
        }
    }
    out
}

/// `Aᵀ m` for F(2,3) and F(4,3), by `N`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(super) unsafe fn output_transform<S: Simd, const M: usize, const N: usize>(m: &[S::V; N]) -> [S::V; M] {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let mut out = [S::splat(0.0); M];
        if N == 4 {
            out[0] = S::add(S::add(m[0], m[1]), m[2]);
            out[1] = S::sub(S::sub(m[1], m[2]), m[3]);
        } else {
            let (near, near_odd) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
            let (far, far_odd) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
            out[0] = S::add(S::add(m[0], near), far);
            out[1] = S::fma(S::splat(2.0), far_odd, near_odd);
            out[2] = S::fma(S::splat(4.0), far, near);
            out[3] = S::add(S::fma(S::splat(8.0), far_odd, near_odd), m[5]);
        }
        out
    }
}
