//! Plain Rust, four lanes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers are held between 0 and 255 first, or are what fits"
)]

use super::Dots;
use crate::simd::Task;

/// Four lanes of plain numbers.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Dots for Portable {
    type I = [i32; 4];
    type F = [f32; 4];
    type Narrow = Self;
    const LANES: usize = 4;
    const PIXELS: [usize; 5] = [0, 0, 0, 0, 2];

    #[inline(always)]
    unsafe fn load(p: *const i32) -> [i32; 4] {
        // SAFETY: the caller promises four numbers.
        unsafe { p.cast::<[i32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_floats(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller promises four numbers.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn broadcast(p: *const u8) -> [i32; 4] {
        // SAFETY: the caller promises four bytes.
        unsafe { [p.cast::<i32>().read_unaligned(); 4] }
    }

    #[inline(always)]
    unsafe fn shift(x: [i32; 4]) -> [i32; 4] {
        x
    }

    #[inline(always)]
    unsafe fn dot(mut sum: [i32; 4], x: [i32; 4], w: [i32; 4]) -> [i32; 4] {
        for lane in 0..4 {
            let (x, w) = (x[lane].to_ne_bytes(), w[lane].to_ne_bytes());
            for i in 0..4 {
                sum[lane] += i32::from(x[i]) * i32::from(w[i].cast_signed());
            }
        }
        sum
    }

    #[inline(always)]
    unsafe fn requantize(sum: [i32; 4], scale: [f32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| (sum[lane] as f32 * scale[lane]).round_ties_even() as i32)
    }

    #[inline(always)]
    unsafe fn weighted_sum(a: [i32; 4], b: [i32; 4], factors: [[f32; 4]; 2], constant: [f32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| {
            let rest = (b[lane] as f32).mul_add(factors[1][lane], constant[lane]);
            (a[lane] as f32).mul_add(factors[0][lane], rest).round_ties_even() as i32
        })
    }

    #[inline(always)]
    unsafe fn pack<const BLOCKS: usize>(out: *mut u8, values: [[i32; 4]; BLOCKS], zero: i32) {
        for (block, values) in values.iter().enumerate() {
            for lane in 0..4 {
                let byte = values[lane].saturating_add(zero).clamp(0, 255) as u8;
                // SAFETY: the caller promises room for all lanes.
                unsafe { *out.add(block * 4 + lane) = byte };
            }
        }
    }

    #[inline(always)]
    unsafe fn load_bytes<const FULL: bool>(p: *const u8, _count: usize) -> [i32; 4] {
        // SAFETY: the caller promises sixteen bytes.
        unsafe { Self::load(p.cast()) }
    }

    #[inline(always)]
    unsafe fn interleave(rows: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
        let rows = rows.map(|row| row.map(i32::to_ne_bytes));
        std::array::from_fn(|block| {
            std::array::from_fn(|lane| i32::from_ne_bytes(rows.map(|row| row[block][lane])))
        })
    }

    #[inline(always)]
    unsafe fn pack_four<const FULL: bool>(out: *mut u8, values: [[i32; 4]; 4], zero: i32, _count: usize) {
        // SAFETY: the caller promises sixteen bytes.
        unsafe { Self::pack(out, values, zero) }
    }

    #[inline(always)]
    unsafe fn prefetch(_p: *const u8) {}

    #[inline(always)]
    unsafe fn vectorize<T: Task>(task: T) {
        // SAFETY: the caller promises what the task wants.
        unsafe { task.call() }
    }

    #[inline(always)]
    fn channel(_blocks: usize, block: usize, lane: usize) -> usize {
        block * 4 + lane
    }
}
