//! AVX-512 VNNI, AVX-VNNI and AVX2.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is intrinsics whose demands are those of the trait's function around it"
)]
#![allow(clippy::cast_possible_truncation, reason = "a zero point is a byte")]

#[allow(clippy::wildcard_imports, reason = "forty intrinsics")]
use std::arch::x86_64::*;

use super::Dots;
use crate::simd::Task;

/// 16 lanes.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni;

/// 8 lanes of a processor with AVX-512 VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni256;

/// 8 lanes.
#[derive(Clone, Copy)]
pub(crate) struct AvxVnni;

/// 8 lanes, products by `pmaddwd` over halves: exact, where `pmaddubsw` would saturate.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

impl Dots for Avx512Vnni {
    type I = __m512i;
    type F = __m512;
    type Narrow = Avx512Vnni256;
    const LANES: usize = 16;
    const PIXELS: [usize; 5] = [0, 10, 8, 0, 4];

    #[inline(always)]
    unsafe fn load(p: *const i32) -> __m512i {
        unsafe { _mm512_loadu_si512(p.cast()) }
    }

    #[inline(always)]
    unsafe fn load_floats(p: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn broadcast(p: *const u8) -> __m512i {
        unsafe { _mm512_set1_epi32(p.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn shift(x: __m512i) -> __m512i {
        x
    }

    #[inline(always)]
    unsafe fn dot(sum: __m512i, x: __m512i, w: __m512i) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sum, x, w) }
    }

    #[inline(always)]
    unsafe fn requantize(sum: __m512i, scale: __m512) -> __m512i {
        unsafe { _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale)) }
    }

    #[inline(always)]
    unsafe fn weighted_sum(a: __m512i, b: __m512i, factors: [__m512; 2], constant: __m512) -> __m512i {
        unsafe {
            let rest = _mm512_fmadd_ps(_mm512_cvtepi32_ps(b), factors[1], constant);
            _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_cvtepi32_ps(a), factors[0], rest))
        }
    }

    #[inline(always)]
    unsafe fn pack<const BLOCKS: usize>(out: *mut u8, values: [__m512i; BLOCKS], zero: i32) {
        unsafe {
            if BLOCKS == 1 {
                let values = _mm512_add_epi32(values[0], _mm512_set1_epi32(zero));
                let values = _mm512_max_epi32(values, _mm512_setzero_si512());
                _mm_storeu_si128(out.cast(), _mm512_cvtusepi32_epi8(values));
            } else if BLOCKS == 4 {
                let values = [values[0], values[1], values[BLOCKS - 2], values[BLOCKS - 1]];
                Self::pack_four::<true>(out, values, zero, 64);
            } else {
                let words = _mm512_packs_epi32(values[0], values[BLOCKS - 1]);
                let words = _mm512_adds_epi16(words, _mm512_set1_epi16(zero as i16));
                let words = _mm512_max_epi16(words, _mm512_setzero_si512());
                _mm256_storeu_si256(out.cast(), _mm512_cvtusepi16_epi8(words));
            }
        }
    }

    #[inline(always)]
    unsafe fn pack_two<const BLOCKS: usize>(out: [*mut u8; 2], values: [[__m512i; BLOCKS]; 2], zero: i32) {
        unsafe {
            if BLOCKS == 2 {
                // One pack fewer for each pixel than two by themselves.
                let zero = _mm512_set1_epi16(zero as i16);
                let first = _mm512_adds_epi16(_mm512_packs_epi32(values[0][0], values[0][BLOCKS - 1]), zero);
                let second = _mm512_adds_epi16(_mm512_packs_epi32(values[1][0], values[1][BLOCKS - 1]), zero);
                let bytes = _mm512_packus_epi16(first, second);
                let bytes = permute_quads(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
                _mm256_storeu_si256(out[0].cast(), _mm512_castsi512_si256(bytes));
                _mm256_storeu_si256(out[1].cast(), _mm512_extracti64x4_epi64::<1>(bytes));
            } else {
                Self::pack(out[0], values[0], zero);
                Self::pack(out[1], values[1], zero);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_bytes<const FULL: bool>(p: *const u8, count: usize) -> __m512i {
        unsafe {
            if FULL {
                _mm512_loadu_si512(p.cast())
            } else {
                _mm512_maskz_loadu_epi8(u64::MAX >> (64 - count), p.cast())
            }
        }
    }

    #[inline(always)]
    unsafe fn interleave([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        unsafe {
            let (low, high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
            let (low_cd, high_cd) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
            [
                _mm512_unpacklo_epi16(low, low_cd),
                _mm512_unpackhi_epi16(low, low_cd),
                _mm512_unpacklo_epi16(high, high_cd),
                _mm512_unpackhi_epi16(high, high_cd),
            ]
        }
    }

    #[inline(always)]
    unsafe fn pack_four<const FULL: bool>(out: *mut u8, values: [__m512i; 4], zero: i32, count: usize) {
        unsafe {
            let zero = _mm512_set1_epi16(zero as i16);
            let low = _mm512_adds_epi16(_mm512_packs_epi32(values[0], values[1]), zero);
            let high = _mm512_adds_epi16(_mm512_packs_epi32(values[2], values[3]), zero);
            let bytes = _mm512_packus_epi16(low, high);
            if FULL {
                _mm512_storeu_si512(out.cast(), bytes);
            } else {
                _mm512_mask_storeu_epi8(out.cast(), u64::MAX >> (64 - count), bytes);
            }
        }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const u8) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,bmi2")]
    #[inline(never)]
    unsafe fn vectorize<T: Task>(task: T) {
        unsafe { task.call() }
    }

    #[inline(always)]
    fn channel(blocks: usize, block: usize, lane: usize) -> usize {
        if blocks == 1 { lane } else { lane / 4 * 4 * blocks + block * 4 + lane % 4 }
    }
}

/// Eight bytes at a time from where `order` says. LLVM would make five instructions of the intrinsic and the stores of both halves.
///
/// # Safety
///
/// The processor must have AVX-512.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn permute_quads(order: __m512i, bytes: __m512i) -> __m512i {
    let permuted;
    unsafe {
        std::arch::asm!(
            "vpermq {permuted}, {order}, {bytes}",
            permuted = lateout(zmm_reg) permuted, order = in(zmm_reg) order, bytes = in(zmm_reg) bytes,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    permuted
}

/// What the sets of 8 lanes have in common: all but the product.
macro_rules! eight_lanes {
    ($Set:ident, $pixels:literal, $features:literal, |$sum:ident, $x:ident, $w:ident| $dot:expr) => {
        impl Dots for $Set {
            type I = __m256i;
            type F = __m256;
            type Narrow = Self;
            const LANES: usize = 8;
            const PIXELS: [usize; 5] = [0, 0, $pixels, 0, 0];

            #[inline(always)]
            unsafe fn load(p: *const i32) -> __m256i {
                unsafe { _mm256_loadu_si256(p.cast()) }
            }

            #[inline(always)]
            unsafe fn load_floats(p: *const f32) -> __m256 {
                unsafe { _mm256_loadu_ps(p) }
            }

            #[inline(always)]
            unsafe fn broadcast(p: *const u8) -> __m256i {
                unsafe { _mm256_set1_epi32(p.cast::<i32>().read_unaligned()) }
            }

            #[inline(always)]
            unsafe fn shift(x: __m256i) -> __m256i {
                x
            }

            #[inline(always)]
            unsafe fn dot($sum: __m256i, $x: __m256i, $w: __m256i) -> __m256i {
                unsafe { $dot }
            }

            #[inline(always)]
            unsafe fn requantize(sum: __m256i, scale: __m256) -> __m256i {
                unsafe { _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale)) }
            }

            #[inline(always)]
            unsafe fn weighted_sum(
                a: __m256i,
                b: __m256i,
                factors: [__m256; 2],
                constant: __m256,
            ) -> __m256i {
                unsafe {
                    let rest = _mm256_fmadd_ps(_mm256_cvtepi32_ps(b), factors[1], constant);
                    _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(a), factors[0], rest))
                }
            }

            #[inline(always)]
            unsafe fn pack<const BLOCKS: usize>(out: *mut u8, values: [__m256i; BLOCKS], zero: i32) {
                unsafe {
                    let words = _mm256_packs_epi32(values[0], values[BLOCKS - 1]);
                    let words = _mm256_adds_epi16(words, _mm256_set1_epi16(zero as i16));
                    let bytes = _mm256_permute4x64_epi64::<0x08>(_mm256_packus_epi16(words, words));
                    _mm_storeu_si128(out.cast(), _mm256_castsi256_si128(bytes));
                }
            }

            #[inline(always)]
            unsafe fn pack_two<const BLOCKS: usize>(
                out: [*mut u8; 2],
                values: [[__m256i; BLOCKS]; 2],
                zero: i32,
            ) {
                unsafe {
                    let zero = _mm256_set1_epi16(zero as i16);
                    let first =
                        _mm256_adds_epi16(_mm256_packs_epi32(values[0][0], values[0][BLOCKS - 1]), zero);
                    let second =
                        _mm256_adds_epi16(_mm256_packs_epi32(values[1][0], values[1][BLOCKS - 1]), zero);
                    let bytes = _mm256_permute4x64_epi64::<0xd8>(_mm256_packus_epi16(first, second));
                    _mm_storeu_si128(out[0].cast(), _mm256_castsi256_si128(bytes));
                    _mm_storeu_si128(out[1].cast(), _mm256_extracti128_si256::<1>(bytes));
                }
            }

            #[inline(always)]
            unsafe fn load_bytes<const FULL: bool>(p: *const u8, _count: usize) -> __m256i {
                unsafe {
                    if FULL {
                        _mm256_loadu_si256(p.cast())
                    } else {
                        // Sixteen or thirty-two.
                        _mm256_zextsi128_si256(_mm_loadu_si128(p.cast()))
                    }
                }
            }

            #[inline(always)]
            unsafe fn interleave([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
                unsafe {
                    let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
                    let (low_cd, high_cd) = (_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d));
                    [
                        _mm256_unpacklo_epi16(low, low_cd),
                        _mm256_unpackhi_epi16(low, low_cd),
                        _mm256_unpacklo_epi16(high, high_cd),
                        _mm256_unpackhi_epi16(high, high_cd),
                    ]
                }
            }

            #[inline(always)]
            unsafe fn pack_four<const FULL: bool>(
                out: *mut u8,
                values: [__m256i; 4],
                zero: i32,
                _count: usize,
            ) {
                unsafe {
                    let zero = _mm256_set1_epi16(zero as i16);
                    let low = _mm256_adds_epi16(_mm256_packs_epi32(values[0], values[1]), zero);
                    let high = _mm256_adds_epi16(_mm256_packs_epi32(values[2], values[3]), zero);
                    let bytes = _mm256_packus_epi16(low, high);
                    if FULL {
                        _mm256_storeu_si256(out.cast(), bytes);
                    } else {
                        _mm_storeu_si128(out.cast(), _mm256_castsi256_si128(bytes));
                    }
                }
            }

            #[inline(always)]
            unsafe fn prefetch(p: *const u8) {
                unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
            }

            #[target_feature(enable = $features)]
            #[inline(never)]
            unsafe fn vectorize<T: Task>(task: T) {
                unsafe { task.call() }
            }

            #[inline(always)]
            fn channel(_blocks: usize, block: usize, lane: usize) -> usize {
                lane / 4 * 8 + block * 4 + lane % 4
            }
        }
    };
}

eight_lanes!(Avx512Vnni256, 6, "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,bmi2", |sum, x, w| {
    _mm256_dpbusd_epi32(sum, x, w)
});
eight_lanes!(AvxVnni, 6, "avx2,fma,bmi2,avxvnni", |sum, x, w| _mm256_dpbusd_avx_epi32(sum, x, w));
eight_lanes!(Avx2, 4, "avx2,fma,bmi2", |sum, x, w| {
    let even_w = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(w));
    let even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(255)), even_w);
    let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(x), _mm256_srai_epi16::<8>(w));
    _mm256_add_epi32(sum, _mm256_add_epi32(even, odd))
});
