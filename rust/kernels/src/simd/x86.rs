//! AVX-512 and AVX2 with FMA.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is one intrinsic whose demands are those of the trait's function around it"
)]

#[allow(clippy::wildcard_imports, reason = "forty intrinsics")]
use std::arch::x86_64::*;

use super::{Simd, Task};

/// 16 lanes, 32 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// 8 lanes, 16 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// What the two sets have in common: the same functions under other names.
macro_rules! shared {
    ($V:ty, $set1:ident, $loadu:ident, $storeu:ident, $fmadd:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $max:ident, $min:ident) => {
        type V = $V;
        #[inline(always)]
        unsafe fn splat(x: f32) -> $V {
            unsafe { $set1(x) }
        }
        #[inline(always)]
        unsafe fn broadcast(p: *const f32) -> $V {
            unsafe { $set1(*p) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> $V {
            unsafe { $loadu(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: $V) {
            unsafe { $storeu(p, v) }
        }
        #[inline(always)]
        unsafe fn fma(a: $V, b: $V, c: $V) -> $V {
            unsafe { $fmadd(a, b, c) }
        }
        #[inline(always)]
        unsafe fn add(a: $V, b: $V) -> $V {
            unsafe { $add(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: $V, b: $V) -> $V {
            unsafe { $sub(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: $V, b: $V) -> $V {
            unsafe { $mul(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: $V, b: $V) -> $V {
            unsafe { $div(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: $V, b: $V) -> $V {
            unsafe { $max(a, b) }
        }
        #[inline(always)]
        unsafe fn min(a: $V, b: $V) -> $V {
            unsafe { $min(a, b) }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
        }
    };
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const PIXELS: [usize; 5] = [0, 14, 14, 8, 6];
    const BLOCKS: usize = 2;

    shared!(
        __m512,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_max_ps,
        _mm512_min_ps
    );

    #[inline(always)]
    unsafe fn round(a: __m512) -> __m512 {
        unsafe { _mm512_roundscale_ps::<0>(a) }
    }

    #[inline(always)]
    unsafe fn power_of_two(n: __m512) -> __m512 {
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    unsafe fn every_second(a: __m512, b: __m512) -> __m512 {
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(a, even, b)
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m512, b: __m512) -> [__m512; 2] {
        unsafe {
            let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
            [_mm512_permutex2var_ps(a, first, b), _mm512_permutex2var_ps(a, second, b)]
        }
    }

    #[inline(always)]
    unsafe fn sum(v: __m512) -> f32 {
        unsafe { Avx2::sum(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v))) }
    }

    #[inline(always)]
    unsafe fn largest(v: __m512) -> f32 {
        unsafe { Avx2::largest(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v))) }
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2")]
    #[inline(never)]
    unsafe fn vectorize<T: Task>(task: T) {
        unsafe { task.call() }
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const PIXELS: [usize; 5] = [0, 12, 6, 4, 2];
    const BLOCKS: usize = 2;

    shared!(
        __m256,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_max_ps,
        _mm256_min_ps
    );

    #[inline(always)]
    unsafe fn round(a: __m256) -> __m256 {
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    unsafe fn power_of_two(n: __m256) -> __m256 {
        unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    unsafe fn every_second(a: __m256, b: __m256) -> __m256 {
        unsafe {
            // In each half, two of `a` and two of `b`.
            let mixed = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(mixed))
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m256, b: __m256) -> [__m256; 2] {
        unsafe {
            // In turns, of the first and of the second half of each half.
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            [_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high)]
        }
    }

    #[inline(always)]
    unsafe fn sum(v: __m256) -> f32 {
        unsafe { halve(v, |a, b| _mm_add_ps(a, b)) }
    }

    #[inline(always)]
    unsafe fn largest(v: __m256) -> f32 {
        unsafe { halve(v, |a, b| _mm_max_ps(a, b)) }
    }

    #[target_feature(enable = "avx2,fma,bmi2")]
    #[inline(never)]
    unsafe fn vectorize<T: Task>(task: T) {
        unsafe { task.call() }
    }
}

/// Joins the elements by halves, as [`super::halve`] does.
#[inline(always)]
unsafe fn halve(v: __m256, join: impl Fn(__m128, __m128) -> __m128) -> f32 {
    unsafe {
        let four = join(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = join(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(join(two, _mm_movehdup_ps(two)))
    }
}
