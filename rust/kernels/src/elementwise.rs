//! Element by element over images, or over whatever has the same places: activations, sums, products, gates.

use std::marker::PhantomData;

use crate::activation::{Activation, Bend, Ending};
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::simd::{Simd, Task, with_simd};
use crate::threads::{self, Disjoint};

/// Floats that stay in the first-level cache between an operation and the curve behind it: a multiple of all lanes.
const PIECE: usize = 1 << 10;

/// What becomes of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
}

/// `out = activation(x)`; both of any length, and the same.
pub fn activate(
    set: InstructionSet,
    activation: Activation,
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    activation.check()?;
    check_length("x", x, out.len())?;
    over_pieces(set, Operation::None, activation, [x, x], out);
    Ok(())
}

/// `out = activation(x + y)` or `activation(x × y)`; all of any length, and the same.
pub fn combine(
    set: InstructionSet,
    combination: Combination,
    activation: Activation,
    [x, y]: [&[f32]; 2],
    out: &mut [f32],
) -> Result<(), KernelError> {
    activation.check()?;
    check_length("x", x, out.len())?;
    check_length("y", y, out.len())?;
    let operation = match combination {
        Combination::Add => Operation::Add,
        Combination::Multiply => Operation::Multiply,
    };
    over_pieces(set, operation, activation, [x, y], out);
    Ok(())
}

/// `out = activation(x × gate)` over a blocked image of `[batch, channels, pixels]` and one of `[batch, channels, 1]`: each
/// channel by its own factor.
pub fn gate(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    activation: Activation,
    [x, gate]: [&[f32]; 2],
    out: &mut [f32],
) -> Result<(), KernelError> {
    activation.check()?;
    let length = blocked_len(set, batch, channels, pixels)?;
    check_length("x", x, length)?;
    check_length("out", out, length)?;
    check_length("gate", gate, blocked_len(set, batch, channels, 1)?)?;
    let lanes = set.lanes();
    let row = volume("a block", &[pixels, lanes])?;
    let ending = activation.ending();
    threads::share_rows(out, row, threads::moves(length), |first, out| {
        let rows = x.chunks_exact(row.max(1)).zip(gate.chunks_exact(lanes)).skip(first);
        for ((x, gate), out) in rows.zip(out.chunks_exact_mut(row.max(1))) {
            let operation = Operation::Multiply;
            // SAFETY: holding the set proves the instructions; `x` and `out` are whole vectors, and the factor is one.
            with_simd!(set, S => unsafe {
                let (x, y, count, out) = (x.as_ptr(), gate.as_ptr(), out.len(), out.as_mut_ptr());
                S::vectorize(Run::<S> { operation, x, y, step: 0, out, count, ending, set: PhantomData });
            });
        }
    });
    Ok(())
}

/// Every block of `row` floats times its factors, in place.
pub(crate) fn gate_blocks(set: InstructionSet, row: usize, gate: &[f32], values: &mut [f32]) {
    let lanes = set.lanes();
    threads::share_rows(values, row, threads::moves(values.len()), |first, values| {
        for (gate, values) in gate.chunks_exact(lanes).skip(first).zip(values.chunks_exact_mut(row.max(1))) {
            let (operation, ending) = (Operation::Multiply, Activation::None.ending());
            // SAFETY: holding the set proves the instructions; the values are whole vectors, and the factor is one.
            with_simd!(set, S => unsafe {
                let (y, count, out) = (gate.as_ptr(), values.len(), values.as_mut_ptr());
                S::vectorize(Run::<S> { operation, x: out, y, step: 0, out, count, ending, set: PhantomData });
            });
        }
    });
}

/// What is done before the activation.
#[derive(Clone, Copy)]
enum Operation {
    None,
    Add,
    Multiply,
}

/// All of them have one length.
fn over_pieces(
    set: InstructionSet,
    operation: Operation,
    activation: Activation,
    [x, y]: [&[f32]; 2],
    out: &mut [f32],
) {
    let ending = activation.ending();
    let length = out.len();
    let out = Disjoint::new(out);
    threads::share(length.div_ceil(PIECE), threads::moves(length), |pieces| {
        let own = pieces.start * PIECE..length.min(pieces.end * PIECE);
        let (x, y) = (&x[own.clone()], &y[own.clone()]);
        // SAFETY: the pieces of a unit are no other's.
        let out = unsafe { out.range(own) };
        with_simd!(set, S => {
            let whole = out.len() / S::LANES * S::LANES;
            let rest = out.len() - whole;
            let (mut ends, mut last) = ([[0.0; 16]; 2], [0.0; 16]);
            ends[0][..rest].copy_from_slice(&x[whole..]);
            ends[1][..rest].copy_from_slice(&y[whole..]);
            let run = |x: *const f32, y: *const f32, out: *mut f32, count: usize| {
                Run::<S> { operation, x, y, step: S::LANES, out, count, ending, set: PhantomData }
            };
            // SAFETY: holding the set proves the instructions; all are whole vectors, the last of them on its own.
            unsafe {
                S::vectorize(run(x.as_ptr(), y.as_ptr(), out.as_mut_ptr(), whole));
                if rest > 0 {
                    S::vectorize(run(ends[0].as_ptr(), ends[1].as_ptr(), last.as_mut_ptr(), S::LANES));
                }
            }
            out[whole..].copy_from_slice(&last[..rest]);
        });
    });
}

/// `count` elements, a multiple of the lanes.
struct Run<S> {
    operation: Operation,
    x: *const f32,
    y: *const f32,
    /// Floats from one vector of `y` to the next.
    step: usize,
    out: *mut f32,
    count: usize,
    ending: Ending,
    set: PhantomData<S>,
}

impl<S: Simd> Task for Run<S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { operation, x, y, step, out, count, ending, .. } = self;
        // SAFETY: the vectors lie inside the `count` elements that the caller promises.
        unsafe {
            let (low, high) = (S::splat(ending.low), S::splat(ending.high));
            for first in (0..count).step_by(PIECE) {
                let own = (first..count.min(first + PIECE)).step_by(S::LANES);
                macro_rules! over {
                    ($function:expr) => {
                        for i in own {
                            S::store(out.add(i), S::clamp($function(i), low, high));
                        }
                    };
                }
                match operation {
                    Operation::None => over!(|i| S::load(x.add(i))),
                    Operation::Add => {
                        over!(|i| S::add(S::load(x.add(i)), S::load(y.add(i / S::LANES * step))))
                    }
                    Operation::Multiply => {
                        over!(|i| S::mul(S::load(x.add(i)), S::load(y.add(i / S::LANES * step))))
                    }
                }
                if let Some(curve) = ending.curve {
                    Bend::<S> {
                        values: out.add(first),
                        block: 0,
                        blocks: 1,
                        pixel: S::LANES,
                        pixels: (count - first).min(PIECE) / S::LANES,
                        curve,
                        set: PhantomData,
                    }
                    .call();
                }
            }
        }
    }
}
