//! The transforms of Winograd's algorithm along one side of a tile or kernel.

use crate::simd::Simd;

/// `G g` for F(2,3) and F(4,3), by `N`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
pub(super) unsafe fn kernel_transform<S: Simd, const N: usize>(g: &[S::V; 3]) -> [S::V; N] {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let mut out = [g[0]; N];
        let outer = S::add(g[0], g[2]);
        if N == 4 {
            let half = S::splat(0.5);
            let (outer, inner) = (S::mul(half, outer), S::mul(half, g[1]));
            out[1] = S::add(outer, inner);
            out[2] = S::sub(outer, inner);
        } else {
            let sixth = S::splat(1.0 / 6.0);
            let inner = S::mul(sixth, g[1]);
            out[0] = S::mul(S::splat(0.25), g[0]);
            out[1] = S::fma(S::splat(-1.0 / 6.0), outer, S::sub(S::splat(0.0), inner));
            out[2] = S::fma(S::splat(-1.0 / 6.0), outer, inner);
            let outer = S::fma(S::splat(1.0 / 24.0), g[0], S::mul(sixth, g[2]));
            let inner = S::splat(1.0 / 12.0);
            out[3] = S::fma(inner, g[1], outer);
            out[4] = S::fma(S::splat(-1.0 / 12.0), g[1], outer);
        }
        out[N - 1] = g[2];
        out
    }
}

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
