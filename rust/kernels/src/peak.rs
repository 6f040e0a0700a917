//! The most that the processor can do, as a measure for everything else.

use std::hint::black_box;
use std::marker::PhantomData;

use crate::isa::InstructionSet;
use crate::simd::{Simd, Task, with_simd};

/// Chains that hide the latency of a multiply-add on any processor so far.
const CHAINS: usize = 12;

/// Computes `rounds` links of independent chains of multiply-adds in registers and gives the number of products in
/// them: what a benchmark divides by its time to know the peak. It reads and writes no memory.
pub fn peak_products(set: InstructionSet, rounds: usize) -> usize {
    // SAFETY: holding the set proves the instructions.
    with_simd!(set, S => unsafe {
        S::vectorize(Chains::<S>(rounds, PhantomData));
        rounds.saturating_mul(CHAINS * S::LANES)
    })
}

struct Chains<S>(usize, PhantomData<S>);

impl<S: Simd> Task for Chains<S> {
    #[inline(always)]
    unsafe fn call(self) {
        // SAFETY: the caller promises the instruction set.
        unsafe {
            let (factor, term) = (S::splat(black_box(0.999)), S::splat(black_box(1e-3)));
            let mut sums = [S::splat(1.0); CHAINS];
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = S::fma(*sum, factor, term);
                }
            }
            for sum in sums {
                black_box(S::sum(sum));
            }
        }
    }
}
