//! One vector trait, so that each kernel is written once and compiled for every instruction set.

#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// A piece of work that is compiled with the instructions of a [`Simd`].
pub(crate) trait Task {
    /// Does it. Implementations are `#[inline(always)]`: only so do they become code of the caller's instruction set.
    ///
    /// # Safety
    ///
    /// As the task's own documentation says; the instruction set must be present.
    unsafe fn call(self);
}

/// Vectors of `f32` of one instruction set.
///
/// # Safety
///
/// Every function is safe to call only where the processor has the instruction set, which
/// [`crate::InstructionSet`] establishes, and inside [`Simd::vectorize`]. Those with pointers read or write
/// [`Simd::LANES`] elements (one for `broadcast`), in any alignment.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// A register.
    type V: Copy;
    /// Elements of a register.
    const LANES: usize;
    /// Pixels of a register tile with 1, 2, 3 and 4 vectors of output channels: as many as there are registers for.
    const PIXELS: [usize; 5];
    /// Vectors of output channels in a tile whose image is wide.
    const BLOCKS: usize;
    /// Whether a product with one element of a register costs no broadcast (`fmla` by element).
    const BY_ELEMENT: bool = false;
    /// Whether two loads side by side are one instruction (`ldp`), and there are registers for a row of inputs.
    const LOAD_PAIRS: bool = false;

    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::V;
    /// All lanes `*p`.
    unsafe fn broadcast(p: *const f32) -> Self::V;
    /// The elements from `p` on.
    unsafe fn load(p: *const f32) -> Self::V;
    /// Writes the elements from `p` on.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// `a × b + c`, rounded once where the instruction set can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a × b[lane] + c`, for sets with [`Simd::BY_ELEMENT`].
    #[inline(always)]
    unsafe fn fma_element(_a: Self::V, _b: Self::V, _lane: usize, c: Self::V) -> Self::V {
        c
    }
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a × b`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a ÷ b`, correctly rounded.
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where one of them is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where one of them is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::V) -> Self::V;
    /// `2^n` for integers from −127 (whose result is 0) to 127; anything else gives some number.
    unsafe fn power_of_two(n: Self::V) -> Self::V;
    /// Every second element of `a`, beginning with the first, then of `b`.
    unsafe fn every_second(a: Self::V, b: Self::V) -> Self::V;
    /// The elements of `a` and `b` in turns: of the first halves, and of the second.
    unsafe fn interleave(a: Self::V, b: Self::V) -> [Self::V; 2];
    /// Brings the line of `p` towards the second-level cache. Any address is allowed.
    unsafe fn prefetch(p: *const f32);
    /// Runs `task` with the instruction set switched on.
    unsafe fn vectorize<T: Task>(task: T);

    /// `v` held between `low` and `high`; NaN stays NaN.
    #[inline(always)]
    unsafe fn clamp(v: Self::V, low: Self::V, high: Self::V) -> Self::V {
        // SAFETY: the caller's promise is the same.
        unsafe { Self::min(high, Self::max(low, v)) }
    }

    /// The first `count` elements from `p` on, the others `fill`.
    #[inline(always)]
    unsafe fn load_part(p: *const f32, count: usize, fill: f32) -> Self::V {
        let mut elements = [fill; 16];
        // SAFETY: the caller promises `count` elements, fewer than there are lanes.
        unsafe {
            std::ptr::copy_nonoverlapping(p, elements.as_mut_ptr(), count);
            Self::load(elements.as_ptr())
        }
    }

    /// Writes the first `count` elements from `p` on.
    #[inline(always)]
    unsafe fn store_part(p: *mut f32, count: usize, v: Self::V) {
        // SAFETY: the caller promises room for `count` elements, fewer than there are lanes.
        unsafe { std::ptr::copy_nonoverlapping(Self::to_array(v).as_ptr(), p, count) }
    }

    /// The elements as an array, `LANES` of them from the start.
    #[inline(always)]
    unsafe fn to_array(v: Self::V) -> [f32; 16] {
        let mut elements = [0.0; 16];
        // SAFETY: no set has more than 16 lanes.
        unsafe { Self::store(elements.as_mut_ptr(), v) };
        elements
    }

    /// Rows of a square to its columns; there are [`Simd::LANES`] of both, and what is behind them stays.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::V; 16]) -> [Self::V; 16] {
        let mut rows = rows;
        let mut width = 1;
        while width < Self::LANES {
            let before = rows;
            for i in 0..Self::LANES / 2 {
                // SAFETY: the caller's promise is the same.
                let pair = unsafe { Self::interleave(before[i], before[i + Self::LANES / 2]) };
                [rows[2 * i], rows[2 * i + 1]] = pair;
            }
            width *= 2;
        }
        rows
    }

    /// The sum of the elements: of halves, of their halves and so on, in every set.
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        // SAFETY: the caller's promise is the same.
        halve(unsafe { Self::to_array(v) }, Self::LANES, |a, b| a + b)
    }

    /// The largest element, where none is NaN.
    #[inline(always)]
    unsafe fn largest(v: Self::V) -> f32 {
        // SAFETY: the caller's promise is the same.
        halve(unsafe { Self::to_array(v) }, Self::LANES, f32::max)
    }
}

/// Joins the first `width` elements, a power of two, by halves.
#[inline(always)]
fn halve(mut elements: [f32; 16], mut width: usize, join: impl Fn(f32, f32) -> f32) -> f32 {
    while width > 1 {
        width /= 2;
        for i in 0..width {
            elements[i] = join(elements[i], elements[i + width]);
        }
    }
    elements[0]
}

/// Repeats `$body` for every number below `$count`, of which there are 19 at most, each time as a constant. A loop is the same as long
/// as LLVM unrolls it, which it refuses from a certain size on, or with conditions in it; the accumulators then lie in memory, and a
/// product takes three times as long.
macro_rules! unroll {
    ($number:ident in $count:ident $body:block) => {
        unroll!($number in $count $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18);
    };
    ($number:ident in $count:ident $body:block, $($constant:literal)*) => {
        $(if $constant < $count {
            let $number: usize = $constant;
            $body
        })*
    };
}
pub(crate) use unroll;

/// Runs an expression with `$S` standing for the vectors of an [`crate::InstructionSet`].
macro_rules! with_simd {
    ($set:expr, $S:ident => $body:expr) => {
        match $set.kind() {
            #[cfg(target_arch = "x86_64")]
            crate::isa::Kind::Avx512 => {
                type $S = crate::simd::x86::Avx512;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            crate::isa::Kind::Avx2 => {
                type $S = crate::simd::x86::Avx2;
                $body
            }
            #[cfg(target_arch = "aarch64")]
            crate::isa::Kind::Neon => {
                type $S = crate::simd::neon::Neon;
                $body
            }
            crate::isa::Kind::Portable => {
                type $S = crate::simd::portable::Portable;
                $body
            }
        }
    };
}
pub(crate) use with_simd;
