//! The steps of one direction, for a few sequences at once.

use std::marker::PhantomData;

use super::RecurrentCell;
use super::pack::Packed;
use crate::math;
use crate::simd::{Simd, Task};

/// The most sequences at once.
pub(super) const ROWS: usize = 4;

/// What the scratch memory of a course is made of, `[sequences][units, up to whole vectors]` each: the state before and after a
/// step, taking turns, then for an LSTM the cells' state, for a GRU the reset state and the update gate.
pub(super) const PARTS: usize = 4;

/// All steps of one direction for some sequences.
#[derive(Clone, Copy)]
pub(super) struct Course<'a, S> {
    pub(super) cell: RecurrentCell,
    pub(super) weights: &'a Packed,
    /// Units.
    pub(super) hidden: usize,
    pub(super) steps: usize,
    pub(super) reverse: bool,
    /// What the inputs give to the gates, `[blocks][gates][LANES]`, of the first step and sequence.
    pub(super) gates: *const f32,
    /// Floats from one sequence to the next, and from one step to the next.
    pub(super) gates_strides: [usize; 2],
    /// [`PARTS`] parts, of which the first and an LSTM's third hold the state before the first step, with noughts beyond the
    /// last unit.
    pub(super) scratch: *mut f32,
    /// Where the first step's state of the first sequence goes, or null. Sequences follow each other.
    pub(super) out: *mut f32,
    /// Floats from one step to the next.
    pub(super) out_step: usize,
    pub(super) set: PhantomData<S>,
}

/// Cuts a batch into sequences that are computed at once: the first, and how many.
pub(super) fn tiles<S: Simd>(batch: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let rows = [most::<S>(), 2, 1].into_iter().find(|&rows| rows <= batch - first)?;
        first += rows;
        Some((first - rows, rows))
    })
}

/// Sequences whose sums of four gates fit into the registers.
const fn most<S: Simd>() -> usize {
    if S::PIXELS[4] < ROWS { 2 } else { ROWS }
}

/// Which part of the scratch memory holds the state after so many steps.
pub(super) fn last_state(steps: usize) -> usize {
    steps % 2
}

/// Which part holds the cells' state of an LSTM.
pub(super) const CELLS: usize = 2;

/// Which part holds the state that a GRU has reset, and which its update gate.
const RESETS: usize = 2;
const UPDATES: usize = 3;

impl<S: Simd> Course<'_, S> {
    /// Takes all steps of `rows` sequences.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, `rows` a number that [`tiles`] gives, and readable or writable in full: the
    /// gates of all steps and rows, the scratch memory, and `out` unless null, which nobody else writes meanwhile. The
    /// weights are packed for the lanes of the set, the cell and `hidden`.
    pub(super) unsafe fn run(self, rows: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            match self.cell {
                RecurrentCell::Lstm => self.steps::<Lstm>(rows),
                RecurrentCell::Gru { reset_after: true } => self.steps::<ResetAfter>(rows),
                RecurrentCell::Gru { reset_after: false } => self.steps::<ResetBefore>(rows),
            }
        }
    }

    /// # Safety
    ///
    /// As for [`Course::run`], of units of the kind `C`.
    unsafe fn steps<C: Cell>(self, rows: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            match rows {
                1 => S::vectorize(Steps::<S, C, 1>(self, PhantomData)),
                2 => S::vectorize(Steps::<S, C, 2>(self, PhantomData)),
                // Not compiled either where it is never asked for.
                ROWS if most::<S>() == ROWS => S::vectorize(Steps::<S, C, ROWS>(self, PhantomData)),
                _ => {}
            }
        }
    }

    /// Floats of a sequence in the scratch memory.
    #[inline(always)]
    fn line(&self) -> usize {
        self.hidden.next_multiple_of(S::LANES)
    }

    /// A part of the scratch memory for `rows` sequences.
    ///
    /// # Safety
    ///
    /// It must be inside.
    #[inline(always)]
    unsafe fn part(&self, index: usize, rows: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.scratch.add(index * rows * self.line()) }
    }

    /// The gates `first` to `first + GATES` of a block of units, from the inputs of `ROWS` sequences.
    ///
    /// # Safety
    ///
    /// `gates` must be those of a step.
    #[inline(always)]
    unsafe fn load<const GATES: usize, const ROWS: usize>(
        &self,
        gates: *const f32,
        block: usize,
        first: usize,
    ) -> [[S::V; ROWS]; GATES] {
        let at = (block * self.cell.gates() + first) * S::LANES;
        // SAFETY: the block is one of the cell's, and every row has all of them.
        unsafe {
            let mut sums = [[S::splat(0.0); ROWS]; GATES];
            for gate in 0..GATES {
                for row in 0..ROWS {
                    sums[gate][row] = S::load(gates.add(row * self.gates_strides[0] + at + gate * S::LANES));
                }
            }
            sums
        }
    }
}

/// A kind of units.
trait Cell {
    /// Takes one step, from the gates that the inputs give and the state `before` to the state `after`.
    ///
    /// # Safety
    ///
    /// As for [`Course::run`]; the states are parts of the scratch memory.
    unsafe fn step<S: Simd, const ROWS: usize>(
        course: &Course<'_, S>,
        gates: *const f32,
        before: *const f32,
        after: *mut f32,
    );
}

struct Steps<'a, S, C, const ROWS: usize>(Course<'a, S>, PhantomData<C>);

impl<S: Simd, C: Cell, const ROWS: usize> Task for Steps<'_, S, C, ROWS> {
    #[inline(always)]
    unsafe fn call(self) {
        let course = self.0;
        for count in 0..course.steps {
            let at = if course.reverse { course.steps - 1 - count } else { count };
            // SAFETY: `Course::run` is promised gates and results of all steps, and all parts of the scratch memory.
            unsafe {
                let before = course.part(last_state(count), ROWS);
                let after = course.part(last_state(count + 1), ROWS);
                C::step::<S, ROWS>(&course, course.gates.add(at * course.gates_strides[1]), before, after);
                if course.out.is_null() {
                    continue;
                }
                for row in 0..ROWS {
                    let to = course.out.add(at * course.out_step + row * course.hidden);
                    std::ptr::copy_nonoverlapping(after.add(row * course.line()), to, course.hidden);
                }
            }
        }
    }
}

struct Lstm;

impl Cell for Lstm {
    #[inline(always)]
    unsafe fn step<S: Simd, const ROWS: usize>(
        course: &Course<'_, S>,
        gates: *const f32,
        before: *const f32,
        after: *mut f32,
    ) {
        let (units, line) = (course.hidden, course.line());
        let mut weights = course.weights.weights().as_ptr();
        // SAFETY: the caller's promise; the weights are packed for four gates.
        unsafe {
            let cells = course.part(CELLS, ROWS);
            for block in 0..line / S::LANES {
                let start = course.load::<4, ROWS>(gates, block, 0);
                let sums = multiply::<S, 4, ROWS>(start, weights, before, line, units);
                weights = weights.add(units * 4 * S::LANES);
                for row in 0..ROWS {
                    let at = row * line + block * S::LANES;
                    let new = math::gated_tanh::<S>(sums[0][row], sums[3][row]);
                    let cell = S::fma(math::sigmoid::<S>(sums[2][row]), S::load(cells.add(at)), new);
                    S::store(cells.add(at), cell);
                    S::store(after.add(at), math::gated_tanh::<S>(sums[1][row], cell));
                }
            }
        }
    }
}

struct ResetAfter;

impl Cell for ResetAfter {
    #[inline(always)]
    unsafe fn step<S: Simd, const ROWS: usize>(
        course: &Course<'_, S>,
        gates: *const f32,
        before: *const f32,
        after: *mut f32,
    ) {
        let (units, line) = (course.hidden, course.line());
        let (mut weights, bias) = (course.weights.weights().as_ptr(), course.weights.bias().as_ptr());
        // SAFETY: the caller's promise; the weights are packed for three gates, the bias for all blocks.
        unsafe {
            for block in 0..line / S::LANES {
                let [update, reset, input] = course.load::<3, ROWS>(gates, block, 0);
                let start = [update, reset, [S::load(bias.add(block * S::LANES)); ROWS]];
                let sums = multiply::<S, 3, ROWS>(start, weights, before, line, units);
                weights = weights.add(units * 3 * S::LANES);
                for row in 0..ROWS {
                    let at = row * line + block * S::LANES;
                    let reset = math::sigmoid::<S>(sums[1][row]);
                    let new = math::tanh::<S>(S::fma(reset, sums[2][row], input[row]));
                    let update = math::sigmoid::<S>(sums[0][row]);
                    S::store(after.add(at), blend::<S>(update, S::load(before.add(at)), new));
                }
            }
        }
    }
}

struct ResetBefore;

impl Cell for ResetBefore {
    #[inline(always)]
    unsafe fn step<S: Simd, const ROWS: usize>(
        course: &Course<'_, S>,
        gates: *const f32,
        before: *const f32,
        after: *mut f32,
    ) {
        let (units, line) = (course.hidden, course.line());
        let mut weights = course.weights.weights().as_ptr();
        // SAFETY: the caller's promise; the weights are packed for two gates and then for one.
        unsafe {
            let (resets, updates) = (course.part(RESETS, ROWS), course.part(UPDATES, ROWS));
            for block in 0..line / S::LANES {
                let start = course.load::<2, ROWS>(gates, block, 0);
                let sums = multiply::<S, 2, ROWS>(start, weights, before, line, units);
                weights = weights.add(units * 2 * S::LANES);
                for row in 0..ROWS {
                    let at = row * line + block * S::LANES;
                    S::store(updates.add(at), math::sigmoid::<S>(sums[0][row]));
                    let reset = math::sigmoid::<S>(sums[1][row]);
                    S::store(resets.add(at), S::mul(reset, S::load(before.add(at))));
                }
            }
            for block in 0..line / S::LANES {
                let start = course.load::<1, ROWS>(gates, block, 2);
                let sums = multiply::<S, 1, ROWS>(start, weights, resets, line, units);
                weights = weights.add(units * S::LANES);
                for row in 0..ROWS {
                    let at = row * line + block * S::LANES;
                    let new = math::tanh::<S>(sums[0][row]);
                    let update = S::load(updates.add(at));
                    S::store(after.add(at), blend::<S>(update, S::load(before.add(at)), new));
                }
            }
        }
    }
}

/// `update × before + (1 − update) × new`.
///
/// # Safety
///
/// As for the functions of [`Simd`].
#[inline(always)]
unsafe fn blend<S: Simd>(update: S::V, before: S::V, new: S::V) -> S::V {
    // SAFETY: the caller's promise is the same.
    unsafe { S::fma(update, S::sub(before, new), new) }
}

/// Sums that are computed beside each other for each result, so that a multiply-add need not wait for the one before.
const fn chains(results: usize) -> usize {
    match results {
        0..4 => 4,
        4..8 => 2,
        _ => 1,
    }
}

/// `start + Σ state[row, i] × weights[i][gate]`.
///
/// # Safety
///
/// As for the functions of [`Simd`]. `weights` are `[units][GATES][LANES]`, `state` is `ROWS` rows of `units`, `line` floats
/// apart, each with whole vectors.
#[inline(always)]
unsafe fn multiply<S: Simd, const GATES: usize, const ROWS: usize>(
    start: [[S::V; ROWS]; GATES],
    mut weights: *const f32,
    state: *const f32,
    line: usize,
    units: usize,
) -> [[S::V; ROWS]; GATES] {
    // Four units at a time, each with its number as a constant.
    macro_rules! unrolled {
        ($sums:ident, $unit:ident, $x:ident: $($lane:literal)*) => {
            $({
                let sums = &mut $sums[$lane % const { chains(GATES * ROWS) }];
                let mut w = [S::splat(0.0); GATES];
                for gate in 0..GATES {
                    w[gate] = S::load(weights.add(($lane * GATES + gate) * S::LANES));
                }
                for row in 0..ROWS {
                    if S::BY_ELEMENT {
                        for gate in 0..GATES {
                            sums[gate][row] = S::fma_element(w[gate], $x[row], $lane, sums[gate][row]);
                        }
                    } else {
                        let x = S::broadcast(state.add(row * line + $unit + $lane));
                        for gate in 0..GATES {
                            sums[gate][row] = S::fma(w[gate], x, sums[gate][row]);
                        }
                    }
                }
            })*
        };
    }
    // SAFETY: the caller promises the units of all rows, and weights for each.
    unsafe {
        let nought = [[S::splat(0.0); ROWS]; GATES];
        let mut sums = [start, nought, nought, nought];
        let whole = units / 4 * 4;
        for unit in (0..whole).step_by(4) {
            let mut x = [S::splat(0.0); ROWS];
            if S::BY_ELEMENT {
                for row in 0..ROWS {
                    x[row] = S::load(state.add(row * line + unit));
                }
            }
            unrolled!(sums, unit, x: 0 1 2 3);
            weights = weights.add(4 * GATES * S::LANES);
        }
        for unit in whole..units {
            for row in 0..ROWS {
                let x = S::broadcast(state.add(row * line + unit));
                for gate in 0..GATES {
                    let w = S::load(weights.add(gate * S::LANES));
                    sums[0][gate][row] = S::fma(w, x, sums[0][gate][row]);
                }
            }
            weights = weights.add(GATES * S::LANES);
        }
        let [mut total, rest @ ..] = sums;
        for sums in rest.iter().take(const { chains(GATES * ROWS) - 1 }) {
            for gate in 0..GATES {
                for row in 0..ROWS {
                    total[gate][row] = S::add(total[gate][row], sums[gate][row]);
                }
            }
        }
        total
    }
}
