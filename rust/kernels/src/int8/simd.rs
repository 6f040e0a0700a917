//! One trait for products of bytes, so that each kernel is written once and compiled for every instruction set.

#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

use crate::simd::Task;

/// Vectors of `i32` that products of bytes are summed in.
///
/// A register also holds four bytes in each lane. Sixteen lanes or more, in one register or several, become the bytes of
/// an output; which lane becomes which byte is told by [`Dots::channel`] and [`Dots::channel_of_four`].
///
/// # Safety
///
/// Every function is safe to call only where the processor has the instruction set, which [`super::ByteSet`]
/// establishes, and inside [`Dots::vectorize`]. Those with pointers read or write what they say, in any alignment.
pub(crate) trait Dots: Copy + Send + Sync + 'static {
    /// A register of `i32`, or of four bytes in each lane.
    type I: Copy;
    /// A register of `f32`.
    type F: Copy;
    /// A set of half the lanes, for a few channels.
    type Narrow: Dots;
    /// Lanes of a register.
    const LANES: usize;
    /// Pixels of a tile, by its registers of output channels; nought where there is no such tile. Sixteen channels have one.
    const PIXELS: [usize; 5];
    /// What [`Dots::broadcast`] takes from each byte, for products of signed bytes alone.
    const OFFSET: i32 = 0;

    /// `LANES` numbers from `p` on.
    unsafe fn load(p: *const i32) -> Self::I;
    /// `LANES` numbers from `p` on.
    unsafe fn load_floats(p: *const f32) -> Self::F;
    /// Four bytes from `p` on in each lane, less [`Dots::OFFSET`].
    unsafe fn broadcast(p: *const u8) -> Self::I;
    /// Four bytes in each lane, less [`Dots::OFFSET`].
    unsafe fn shift(x: Self::I) -> Self::I;
    /// `sum` and the four products of each lane's bytes, those of `w` signed.
    unsafe fn dot(sum: Self::I, x: Self::I, w: Self::I) -> Self::I;
    /// `sum × scale`, to the nearest, ties to even. The result must fit.
    unsafe fn requantize(sum: Self::I, scale: Self::F) -> Self::I;
    /// `a × factors[0] + (b × factors[1] + constant)`, each bracket rounded once, to the nearest integer, ties to even. The
    /// result must fit.
    unsafe fn weighted_sum(a: Self::I, b: Self::I, factors: [Self::F; 2], constant: Self::F) -> Self::I;
    /// Writes `BLOCKS × LANES` bytes: numbers and `zero`, held between 0 and 255.
    unsafe fn pack<const BLOCKS: usize>(out: *mut u8, values: [Self::I; BLOCKS], zero: i32);
    /// [`Dots::pack`] of two pixels.
    #[inline(always)]
    unsafe fn pack_two<const BLOCKS: usize>(out: [*mut u8; 2], values: [[Self::I; BLOCKS]; 2], zero: i32) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            Self::pack(out[0], values[0], zero);
            Self::pack(out[1], values[1], zero);
        }
    }
    /// Bytes from `p` on: four in each lane, or the first `count`, a multiple of sixteen, unless `FULL`.
    unsafe fn load_bytes<const FULL: bool>(p: *const u8, count: usize) -> Self::I;
    /// The bytes of four rows side by side, channel by channel, in four registers.
    unsafe fn interleave(rows: [Self::I; 4]) -> [Self::I; 4];
    /// Writes four bytes for each lane, or the first `count` unless `FULL`: numbers and `zero`, held between 0 and 255.
    unsafe fn pack_four<const FULL: bool>(out: *mut u8, values: [Self::I; 4], zero: i32, count: usize);
    /// Brings the line of `p` towards the second-level cache. Any address is allowed.
    unsafe fn prefetch(p: *const u8);
    /// Runs `task` with the instruction set switched on.
    unsafe fn vectorize<T: Task>(task: T);

    /// Which byte of [`Dots::pack`] a lane becomes.
    fn channel(blocks: usize, block: usize, lane: usize) -> usize;
    /// Which byte of [`Dots::pack_four`] a lane becomes; [`Dots::interleave`] puts the bytes of that channel there.
    #[inline(always)]
    fn channel_of_four(block: usize, lane: usize) -> usize {
        lane / 4 * 16 + block * 4 + lane % 4
    }
}

/// Runs an expression with `$S` standing for the vectors of a [`super::ByteSet`].
macro_rules! with_dots {
    ($set:expr, $S:ident => $body:expr) => {
        match $set.kind() {
            #[cfg(target_arch = "x86_64")]
            crate::int8::set::Kind::Avx512Vnni => {
                type $S = crate::int8::simd::x86::Avx512Vnni;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            crate::int8::set::Kind::AvxVnni => {
                type $S = crate::int8::simd::x86::AvxVnni;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            crate::int8::set::Kind::Avx2 => {
                type $S = crate::int8::simd::x86::Avx2;
                $body
            }
            #[cfg(target_arch = "aarch64")]
            crate::int8::set::Kind::NeonDot => {
                type $S = crate::int8::simd::neon::NeonDot;
                $body
            }
            #[cfg(target_arch = "aarch64")]
            crate::int8::set::Kind::Neon => {
                type $S = crate::int8::simd::neon::Neon;
                $body
            }
            crate::int8::set::Kind::Portable => {
                type $S = crate::int8::simd::portable::Portable;
                $body
            }
        }
    };
}
pub(crate) use with_dots;
