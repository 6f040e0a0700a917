//! Plain Rust in vectors of four, for processors without a set of their own, for Miri and as a check on the others.

use super::{Simd, Task};

/// 4 lanes; a compiler makes SSE2 of them where there is nothing else.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn zip(a: [f32; 4], b: [f32; 4], f: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const PIXELS: [usize; 5] = [0, 8, 6, 4, 2];
    const BLOCKS: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn broadcast(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller promises an element at `p`.
        [unsafe { *p }; 4]
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller promises four elements from `p` on; the read needs no alignment.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller promises room for four elements from `p` on; the write needs no alignment.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }

    /// Rounds twice: a fused product without an instruction for it is a call of the C library.
    #[inline(always)]
    unsafe fn fma(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        zip(zip(a, b, |a, b| a * b), c, |product, c| product + c)
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn max(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn round(a: [f32; 4]) -> [f32; 4] {
        a.map(f32::round_ties_even)
    }

    #[inline(always)]
    unsafe fn power_of_two(n: [f32; 4]) -> [f32; 4] {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "an integer from −127 to 127, or any number will do"
        )]
        n.map(|n| f32::from_bits((n as i32).wrapping_add(127).cast_unsigned() << 23))
    }

    #[inline(always)]
    unsafe fn every_second(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0], a[2], b[0], b[2]]
    }

    #[inline(always)]
    unsafe fn interleave(a: [f32; 4], b: [f32; 4]) -> [[f32; 4]; 2] {
        [[a[0], b[0], a[1], b[1]], [a[2], b[2], a[3], b[3]]]
    }

    #[inline(always)]
    unsafe fn prefetch(_p: *const f32) {}

    #[inline(never)]
    unsafe fn vectorize<T: Task>(task: T) {
        // SAFETY: the caller's promise is the task's; no instructions beyond the target's are used.
        unsafe { task.call() }
    }
}
