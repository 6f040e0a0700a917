//! NEON of 64-bit arm: 4 lanes, 32 registers.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is one intrinsic whose demands are those of the trait's function around it"
)]

#[allow(clippy::wildcard_imports, reason = "forty intrinsics")]
use std::arch::aarch64::*;

use super::{Simd, Task};

/// 4 lanes, 32 registers. Part of every 64-bit arm processor that the target names.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const PIXELS: [usize; 5] = [0, 12, 10, 7, 5];
    const BLOCKS: usize = 2;
    const BY_ELEMENT: bool = true;
    const LOAD_PAIRS: bool = true;

    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn broadcast(p: *const f32) -> float32x4_t {
        unsafe { vld1q_dup_f32(p) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(p, v) }
    }

    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn fma_element(a: float32x4_t, b: float32x4_t, lane: usize, c: float32x4_t) -> float32x4_t {
        unsafe {
            match lane {
                0 => vfmaq_laneq_f32::<0>(c, a, b),
                1 => vfmaq_laneq_f32::<1>(c, a, b),
                2 => vfmaq_laneq_f32::<2>(c, a, b),
                _ => vfmaq_laneq_f32::<3>(c, a, b),
            }
        }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // `fmax` makes NaN of either NaN; this is what x86 does.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }

    #[inline(always)]
    unsafe fn round(a: float32x4_t) -> float32x4_t {
        unsafe { vrndnq_f32(a) }
    }

    #[inline(always)]
    unsafe fn power_of_two(n: float32x4_t) -> float32x4_t {
        unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
        }
    }

    #[inline(always)]
    unsafe fn every_second(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vuzp1q_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn interleave(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
        unsafe { [vzip1q_f32(a, b), vzip2q_f32(a, b)] }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        // The intrinsic is not stable. `prfm` of any address is harmless.
        unsafe {
            std::arch::asm!("prfm pldl2keep, [{0}]", in(reg) p, options(nostack, preserves_flags, readonly));
        }
    }

    #[inline(never)]
    unsafe fn vectorize<T: Task>(task: T) {
        unsafe { task.call() }
    }
}
