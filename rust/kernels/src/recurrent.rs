//! Recurrent layers over a whole sequence.
//!
//! What the inputs give to the gates is one matrix product over all steps and directions. Each step then multiplies the
//! state by the recurrent weights, in which the gates of one vector of units lie side by side: their sums are still in
//! registers when gates and state are computed from them.

mod course;
mod pack;

use std::marker::PhantomData;

use crate::activation::Activation;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::matmul::{MatMul, MatMulWeights};
use crate::memory::with_scratch;
use crate::saved::{Restorer, Save, Saver, UNKNOWN};
use crate::simd::{Simd, with_simd};
use crate::threads::{self, Disjoint};
use course::Course;
use pack::Packed;

/// What the units of a recurrent layer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentCell {
    /// Long short-term memory. Its gates, in the order of the weights: input, output, forget, cell.
    Lstm,
    /// Gated recurrent units. Their gates, in the order of the weights: update, reset, hidden.
    Gru {
        /// Whether the reset gate multiplies the product of the state and the hidden gate's weights, bias included, or the
        /// state before that product. ONNX calls it `linear_before_reset`.
        reset_after: bool,
    },
}

/// The order in which steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentDirection {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Reverse,
    /// Two layers beside each other, the first of them forward.
    Both,
}

/// What a recurrent layer is built for. Batch and steps are told with each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecurrentShape {
    /// Its units.
    pub cell: RecurrentCell,
    /// The order of the steps.
    pub direction: RecurrentDirection,
    /// Elements of the input of a step.
    pub inputs: usize,
    /// Units, and elements of the state.
    pub hidden: usize,
}

/// Constant weights as ONNX has them.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentWeights<'a> {
    /// `[directions][gates × hidden][inputs]`.
    pub input: &'a [f32],
    /// `[directions][gates × hidden][hidden]`.
    pub recurrent: &'a [f32],
    /// `[directions][2 × gates × hidden]`: those of the input, then those of the state.
    pub bias: Option<&'a [f32]>,
}

/// The state before the first step, `[directions][batch][hidden]`; nought where it is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecurrentStart<'a> {
    /// Of all cells.
    pub hidden: Option<&'a [f32]>,
    /// What an LSTM has besides.
    pub cell: Option<&'a [f32]>,
}

/// Where results go; those left out are not written.
#[derive(Debug, Default)]
pub struct RecurrentOutputs<'a> {
    /// The state after every step, `[steps][directions][batch][hidden]`.
    pub steps: Option<&'a mut [f32]>,
    /// The state after the last, `[directions][batch][hidden]`.
    pub hidden: Option<&'a mut [f32]>,
    /// What an LSTM has besides, after the last, `[directions][batch][hidden]`.
    pub cell: Option<&'a mut [f32]>,
}

/// A recurrent layer with its weights, ready to run over sequences of any length.
///
/// ```text
/// LSTM   i, o, f = σ(x Wᵀ + h Rᵀ + b)     g = tanh(x Wᵀ + h Rᵀ + b)        c = f c + i g    h = o tanh(c)
/// GRU    z, r = σ(x Wᵀ + h Rᵀ + b)        n = tanh(x Wᵀ + (r h) Rᵀ + b)    h = (1 − z) n + z h
/// GRU, reset after                        n = tanh(x Wᵀ + b + r (h Rᵀ + b'))
/// ```
///
/// # Example
///
/// ```
/// use tandem_kernels::*;
///
/// let shape = RecurrentShape {
///     cell: RecurrentCell::Lstm,
///     direction: RecurrentDirection::Forward,
///     inputs: 1,
///     hidden: 1,
/// };
/// let weights = RecurrentWeights { input: &[0.0; 4], recurrent: &[0.0; 4], bias: None };
/// let layer = Recurrent::new(InstructionSet::best(), shape, weights)?;
/// let start = RecurrentStart { cell: Some(&[8.0]), ..RecurrentStart::default() };
/// let mut cell = [0.0];
/// let out = RecurrentOutputs { cell: Some(&mut cell), ..RecurrentOutputs::default() };
/// // All gates are half open for three steps.
/// layer.run([3, 1], &[0.0; 3], start, out)?;
/// assert_eq!(cell, [1.0]);
/// # Ok::<(), KernelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recurrent {
    set: InstructionSet,
    shape: RecurrentShape,
    /// What the inputs give to the gates: `[directions][blocks of units][gates][LANES]`.
    input: MatMul,
    /// The recurrent weights of each direction.
    directions: Vec<Packed>,
}

impl RecurrentCell {
    /// How many sums each unit takes.
    pub fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
        }
    }
}

impl RecurrentDirection {
    /// How many layers lie beside each other.
    pub fn count(self) -> usize {
        match self {
            Self::Forward | Self::Reverse => 1,
            Self::Both => 2,
        }
    }

    /// Whether the layer of that index goes from the last step to the first.
    fn is_reverse(self, index: usize) -> bool {
        self == Self::Reverse || index == 1
    }
}

impl RecurrentShape {
    /// Fails where it has no units or inputs, or where its packed weights would be larger than any memory.
    fn check(&self, set: InstructionSet) -> Result<(), KernelError> {
        let Self { cell, direction, inputs, hidden } = *self;
        if inputs == 0 || hidden == 0 {
            let got = format!("{inputs} and {hidden}");
            return Err(KernelError::parameter("inputs and units", got, "both must be at least 1"));
        }
        volume("the gates", &[cell.gates(), hidden])?;
        let units = [hidden.div_ceil(set.lanes()), set.lanes(), inputs.max(hidden)];
        volume("the packed weights", &[&[direction.count(), cell.gates()], &units[..]].concat())?;
        Ok(())
    }
}

impl Recurrent {
    /// Checks the sizes and packs the weights.
    pub fn new(
        set: InstructionSet,
        shape: RecurrentShape,
        weights: RecurrentWeights<'_>,
    ) -> Result<Self, KernelError> {
        shape.check(set)?;
        let RecurrentShape { cell, direction, inputs, hidden } = shape;
        let (directions, lanes) = (direction.count(), set.lanes());
        let sums = volume("the gates", &[cell.gates(), hidden])?;
        check_length("input weights", weights.input, volume("input weights", &[directions, sums, inputs])?)?;
        let length = volume("recurrent weights", &[directions, sums, hidden])?;
        check_length("recurrent weights", weights.recurrent, length)?;
        if let Some(bias) = weights.bias {
            check_length("bias", bias, directions * 2 * sums)?;
        }
        let rows = pack::input_rows(lanes, &shape, weights.input);
        let bias = weights.bias.map(|bias| pack::input_bias(lanes, &shape, bias));
        let outputs = rows.len() / inputs;
        let input = MatMul::new(
            set,
            [inputs, outputs],
            MatMulWeights::Transposed(&rows),
            bias.as_deref(),
            Activation::None,
        )?;
        let directions = (0..directions).map(|index| {
            let own = &weights.recurrent[index * sums * hidden..][..sums * hidden];
            let bias = weights.bias.map(|bias| &bias[(2 * index + 1) * sums..][..sums]);
            Packed::new(lanes, &shape, own, bias)
        });
        Ok(Self { set, shape, input, directions: directions.collect() })
    }

    /// What it was built for.
    pub fn shape(&self) -> &RecurrentShape {
        &self.shape
    }

    /// Multiply-adds of so many steps of so many sequences.
    pub fn products(&self, steps: usize, batch: usize) -> usize {
        let RecurrentShape { cell, direction, inputs, hidden } = self.shape;
        [batch, direction.count(), cell.gates(), hidden, inputs + hidden]
            .into_iter()
            .fold(steps, usize::saturating_mul)
    }

    /// Runs over `steps` of `batch` sequences, all of the same length: `x` is `[steps][batch][inputs]`.
    pub fn run(
        &self,
        [steps, batch]: [usize; 2],
        x: &[f32],
        start: RecurrentStart<'_>,
        out: RecurrentOutputs<'_>,
    ) -> Result<(), KernelError> {
        let RecurrentShape { cell, direction, inputs, hidden } = self.shape;
        if cell != RecurrentCell::Lstm && (start.cell.is_some() || out.cell.is_some()) {
            return Err(KernelError::parameter("the cell's state", "there", "only an LSTM has one"));
        }
        let rows = volume("x", &[steps, batch])?;
        check_length("x", x, volume("x", &[rows, inputs])?)?;
        let states = volume("a state", &[direction.count(), batch, hidden])?;
        for (what, state) in [("the first state", start.hidden), ("the first cell's state", start.cell)] {
            state.map_or(Ok(()), |state| check_length(what, state, states))?;
        }
        if let Some(all) = &out.steps {
            check_length("the states", all, volume("the states", &[steps, states])?)?;
        }
        for (what, state) in [("the last state", &out.hidden), ("the last cell's state", &out.cell)] {
            state.as_ref().map_or(Ok(()), |state| check_length(what, state, states))?;
        }
        let [_, outputs] = self.input.sizes();
        let length = volume("the gates", &[rows, outputs])?;
        volume("scratch memory", &[course::PARTS * course::ROWS, hidden.next_multiple_of(64)])?;
        with_scratch(length, |gates| {
            self.input.run(x, None, gates)?;
            with_simd!(self.set, S => self.courses::<S>([steps, batch], gates, start, out));
            Ok(())
        })
    }

    /// All steps of all directions and sequences; the slices are as long as [`Recurrent::run`] demands.
    fn courses<S: Simd>(
        &self,
        [steps, batch]: [usize; 2],
        gates: &[f32],
        start: RecurrentStart<'_>,
        out: RecurrentOutputs<'_>,
    ) {
        let RecurrentShape { cell, direction, hidden, .. } = self.shape;
        let (directions, line) = (direction.count(), hidden.next_multiple_of(S::LANES));
        let own = cell.gates() * line;
        let tiles: Vec<(usize, usize)> = course::tiles::<S>(batch).collect();
        let all = out.steps.map(Disjoint::new);
        let ends = [(out.hidden, course::last_state(steps)), (out.cell, course::CELLS)];
        let ends = ends.map(|(out, part)| (out.map(Disjoint::new), part));
        let unit = |index: usize, first: usize, rows: usize, scratch: &mut [f32]| {
            let from = (index * batch + first) * hidden;
            for (start, part) in [(start.hidden, 0), (start.cell, course::CELLS)] {
                let part = &mut scratch[part * rows * line..][..rows * line];
                part.fill(0.0);
                let start = start.into_iter().flat_map(|start| start[from..].chunks_exact(hidden));
                part.chunks_exact_mut(line)
                    .zip(start)
                    .for_each(|(to, from)| to[..hidden].copy_from_slice(from));
            }
            let course = Course::<S> {
                cell,
                weights: &self.directions[index],
                hidden,
                steps,
                reverse: direction.is_reverse(index),
                gates: gates.as_ptr().wrapping_add(first * directions * own + index * own),
                gates_strides: [directions * own, batch * directions * own],
                scratch: scratch.as_mut_ptr(),
                out: all.as_ref().map_or(std::ptr::null_mut(), |all| all.as_mut_ptr().wrapping_add(from)),
                out_step: directions * batch * hidden,
                set: PhantomData,
            };
            // SAFETY: holding the set proves the instructions. The slices are as long as the sizes demand, and these
            // sequences of this direction belong to this unit.
            unsafe { course.run(rows) };
            for (end, part) in ends.iter().filter_map(|(end, part)| Some((end.as_ref()?, part))) {
                // SAFETY: as above.
                let end = unsafe { end.range(from..from + rows * hidden) };
                let part = scratch[part * rows * line..].chunks_exact(line);
                end.chunks_exact_mut(hidden)
                    .zip(part)
                    .for_each(|(to, from)| to.copy_from_slice(&from[..hidden]));
            }
        };
        threads::share(directions * tiles.len(), self.products(steps, batch), |units| {
            for index in units {
                let (first, rows) = tiles[index % tiles.len()];
                with_scratch(course::PARTS * rows * line, |scratch| {
                    unit(index / tiles.len(), first, rows, scratch);
                });
            }
        });
    }
}

impl Save for Recurrent {
    fn save(&self, to: &mut Saver) {
        let RecurrentShape { cell, direction, inputs, hidden } = self.shape;
        to.set(self.set);
        to.byte(match cell {
            RecurrentCell::Lstm => 0,
            RecurrentCell::Gru { reset_after: false } => 1,
            RecurrentCell::Gru { reset_after: true } => 2,
        });
        to.byte(match direction {
            RecurrentDirection::Forward => 0,
            RecurrentDirection::Reverse => 1,
            RecurrentDirection::Both => 2,
        });
        to.sizes([inputs, hidden]);
        self.input.save(to);
        self.directions.iter().for_each(|direction| direction.save(to));
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let set = from.set()?;
        let cell = match from.byte()? {
            0 => RecurrentCell::Lstm,
            1 => RecurrentCell::Gru { reset_after: false },
            2 => RecurrentCell::Gru { reset_after: true },
            _ => return Err(UNKNOWN),
        };
        let direction = match from.byte()? {
            0 => RecurrentDirection::Forward,
            1 => RecurrentDirection::Reverse,
            2 => RecurrentDirection::Both,
            _ => return Err(UNKNOWN),
        };
        let [inputs, hidden] = from.sizes()?;
        let shape = RecurrentShape { cell, direction, inputs, hidden };
        shape.check(set)?;
        let input = MatMul::restore(from)?;
        if input.sizes() != [inputs, pack::count(set.lanes(), &shape)] {
            return Err(KernelError::Saved { detail: "its product does not suit its units" });
        }
        let own = |_| Packed::restore(set.lanes(), &shape, from);
        let directions = (0..direction.count()).map(own).collect::<Result<_, _>>()?;
        Ok(Self { set, shape, input, directions })
    }
}
