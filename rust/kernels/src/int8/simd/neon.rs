//! NEON, with the products of signed bytes by fours where the processor has them and without.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is intrinsics whose demands are those of the trait's function around it"
)]
#![allow(clippy::cast_possible_truncation, reason = "a zero point is a byte")]

#[allow(clippy::wildcard_imports, reason = "thirty intrinsics")]
use std::arch::aarch64::*;

use super::Dots;
use crate::simd::Task;

/// 4 lanes, `sdot`.
#[derive(Clone, Copy)]
pub(crate) struct NeonDot;

/// 4 lanes, `smull` and additions of pairs.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

macro_rules! four_lanes {
    ($Set:ident, $features:literal, $pixels:literal, |$sum:ident, $x:ident, $w:ident| $dot:expr) => {
        impl Dots for $Set {
            type I = int32x4_t;
            type F = float32x4_t;
            type Narrow = Self;
            const LANES: usize = 4;
            const PIXELS: [usize; 5] = [0, 0, 0, 0, $pixels];
            const OFFSET: i32 = 128;

            #[inline(always)]
            unsafe fn load(p: *const i32) -> int32x4_t {
                unsafe { vld1q_s32(p) }
            }

            #[inline(always)]
            unsafe fn load_floats(p: *const f32) -> float32x4_t {
                unsafe { vld1q_f32(p) }
            }

            #[inline(always)]
            unsafe fn broadcast(p: *const u8) -> int32x4_t {
                unsafe { Self::shift(vdupq_n_s32(p.cast::<i32>().read_unaligned())) }
            }

            #[inline(always)]
            unsafe fn shift(x: int32x4_t) -> int32x4_t {
                unsafe { vreinterpretq_s32_u8(veorq_u8(vreinterpretq_u8_s32(x), vdupq_n_u8(128))) }
            }

            #[inline(always)]
            unsafe fn dot($sum: int32x4_t, $x: int32x4_t, $w: int32x4_t) -> int32x4_t {
                unsafe { $dot }
            }

            #[inline(always)]
            unsafe fn requantize(sum: int32x4_t, scale: float32x4_t) -> int32x4_t {
                unsafe { vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), scale)) }
            }

            #[inline(always)]
            unsafe fn weighted_sum(
                a: int32x4_t,
                b: int32x4_t,
                factors: [float32x4_t; 2],
                constant: float32x4_t,
            ) -> int32x4_t {
                unsafe {
                    let rest = vfmaq_f32(constant, vcvtq_f32_s32(b), factors[1]);
                    vcvtnq_s32_f32(vfmaq_f32(rest, vcvtq_f32_s32(a), factors[0]))
                }
            }

            #[inline(always)]
            unsafe fn pack<const BLOCKS: usize>(out: *mut u8, values: [int32x4_t; BLOCKS], zero: i32) {
                // The only number that these sets have. The tiles of others are compiled too, though never run.
                let Ok([a, b, c, d]) = <[int32x4_t; 4]>::try_from(values.as_slice()) else { return };
                unsafe {
                    let zero = vdupq_n_s16(zero as i16);
                    let low = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
                    let high = vcombine_s16(vqmovn_s32(c), vqmovn_s32(d));
                    let low = vqmovun_s16(vqaddq_s16(low, zero));
                    let high = vqmovun_s16(vqaddq_s16(high, zero));
                    vst1q_u8(out, vcombine_u8(low, high));
                }
            }

            #[inline(always)]
            unsafe fn load_bytes<const FULL: bool>(p: *const u8, _count: usize) -> int32x4_t {
                unsafe { vreinterpretq_s32_u8(vld1q_u8(p)) }
            }

            #[inline(always)]
            unsafe fn interleave(rows: [int32x4_t; 4]) -> [int32x4_t; 4] {
                unsafe {
                    let [a, b, c, d] = rows.map(|row| vreinterpretq_u8_s32(row));
                    let words = |row: uint8x16_t| vreinterpretq_u16_u8(row);
                    let (low, high) = (words(vzip1q_u8(a, b)), words(vzip2q_u8(a, b)));
                    let (low_cd, high_cd) = (words(vzip1q_u8(c, d)), words(vzip2q_u8(c, d)));
                    [
                        vreinterpretq_s32_u16(vzip1q_u16(low, low_cd)),
                        vreinterpretq_s32_u16(vzip2q_u16(low, low_cd)),
                        vreinterpretq_s32_u16(vzip1q_u16(high, high_cd)),
                        vreinterpretq_s32_u16(vzip2q_u16(high, high_cd)),
                    ]
                }
            }

            #[inline(always)]
            unsafe fn pack_four<const FULL: bool>(
                out: *mut u8,
                values: [int32x4_t; 4],
                zero: i32,
                _count: usize,
            ) {
                unsafe { Self::pack(out, values, zero) }
            }

            #[inline(always)]
            unsafe fn prefetch(p: *const u8) {
                unsafe {
                    std::arch::asm!("prfm pldl2keep, [{p}]", p = in(reg) p, options(nostack, preserves_flags, readonly));
                }
            }

            #[target_feature(enable = $features)]
            #[inline(never)]
            unsafe fn vectorize<T: Task>(task: T) {
                unsafe { task.call() }
            }

            #[inline(always)]
            fn channel(_blocks: usize, block: usize, lane: usize) -> usize {
                block * 4 + lane
            }
        }
    };
}

four_lanes!(NeonDot, "neon,dotprod", 6, |sum, x, w| {
    // The intrinsic is not stable yet.
    let mut sum = sum;
    std::arch::asm!(
        "sdot {sum:v}.4s, {x:v}.16b, {w:v}.16b",
        sum = inout(vreg) sum, x = in(vreg) x, w = in(vreg) w,
        options(pure, nomem, nostack, preserves_flags),
    );
    sum
});
// Its products take registers of their own.
four_lanes!(Neon, "neon", 4, |sum, x, w| {
    let (x, w) = (vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(w));
    let low = vpaddlq_s16(vmull_s8(vget_low_s8(x), vget_low_s8(w)));
    let high = vpaddlq_s16(vmull_high_s8(x, w));
    vaddq_s32(sum, vpaddq_s32(low, high))
});
