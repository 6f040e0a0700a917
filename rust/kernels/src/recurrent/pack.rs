//! Weights as the steps read them.

use super::{RecurrentCell, RecurrentShape};
use crate::error::KernelError;
use crate::memory::{self, Buffer};
use crate::saved::{Restorer, Saver};

/// The recurrent weights of one direction.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// For each product of a step, one after the other: `[blocks of units][units][gates of the product][LANES]`. A GRU that
    /// resets the state before it is multiplied takes two products, the second for its hidden gate.
    weights: memory::Packed,
    /// What a GRU that resets afterwards adds to the product for the hidden gate.
    bias: memory::Packed,
}

impl Packed {
    /// Of `[gates × hidden][hidden]` and, where there is one, the bias of the state, `[gates × hidden]`.
    pub(super) fn new(lanes: usize, shape: &RecurrentShape, recurrent: &[f32], bias: Option<&[f32]>) -> Self {
        let hidden = shape.hidden;
        let padded = hidden.next_multiple_of(lanes);
        let products: &[&[usize]] = match shape.cell {
            RecurrentCell::Lstm => &[&[0, 1, 2, 3]],
            RecurrentCell::Gru { reset_after: true } => &[&[0, 1, 2]],
            RecurrentCell::Gru { reset_after: false } => &[&[0, 1], &[2]],
        };
        let mut weights = Buffer::zeroed(shape.cell.gates() * padded * hidden);
        let mut packed = weights.as_mut_slice();
        for gates in products {
            let width = gates.len() * lanes;
            for first in (0..hidden).step_by(lanes) {
                let (block, rest) = packed.split_at_mut(hidden * width);
                packed = rest;
                for (index, gate) in gates.iter().enumerate() {
                    for (lane, unit) in (first..hidden.min(first + lanes)).enumerate() {
                        let row = &recurrent[(gate * hidden + unit) * hidden..][..hidden];
                        let column = block[index * lanes + lane..].iter_mut().step_by(width);
                        column.zip(row).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
        let mut own = Buffer::zeroed(padded);
        if let Some(bias) = bias.filter(|_| resets_after(shape)) {
            own.as_mut_slice()[..hidden].copy_from_slice(&bias[2 * hidden..]);
        }
        Self { weights: weights.into(), bias: own.into() }
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.packed(&self.weights);
        to.packed(&self.bias);
    }

    pub(super) fn restore(
        lanes: usize,
        shape: &RecurrentShape,
        from: &mut Restorer<'_>,
    ) -> Result<Self, KernelError> {
        let padded = shape.hidden.next_multiple_of(lanes);
        let weights = from.packed(&[shape.cell.gates(), padded, shape.hidden])?;
        Ok(Self { weights, bias: from.packed(&[padded])? })
    }

    pub(super) fn weights(&self) -> &[f32] {
        self.weights.as_slice()
    }

    /// One for each unit, up to whole vectors.
    pub(super) fn bias(&self) -> &[f32] {
        self.bias.as_slice()
    }
}

fn resets_after(shape: &RecurrentShape) -> bool {
    shape.cell == RecurrentCell::Gru { reset_after: true }
}

/// How many sums the inputs give: `[directions][blocks of units][gates][lanes]`.
pub(super) fn count(lanes: usize, shape: &RecurrentShape) -> usize {
    shape.direction.count() * shape.cell.gates() * shape.hidden.next_multiple_of(lanes)
}

/// Every sum: direction, gate, unit, and its place among them.
fn places(lanes: usize, shape: &RecurrentShape) -> impl Iterator<Item = [usize; 4]> {
    let (gates, hidden) = (shape.cell.gates(), shape.hidden);
    (0..shape.direction.count() * gates * hidden).map(move |index| {
        let (direction, gate, unit) = (index / hidden / gates, index / hidden % gates, index % hidden);
        let block = direction * hidden.div_ceil(lanes) + unit / lanes;
        [direction, gate, unit, (block * gates + gate) * lanes + unit % lanes]
    })
}

/// The weights of the inputs, a row for each place; `input` is `[directions][gates × hidden][inputs]`.
pub(super) fn input_rows(lanes: usize, shape: &RecurrentShape, input: &[f32]) -> Vec<f32> {
    let mut rows = vec![0.0; count(lanes, shape) * shape.inputs];
    for ([.., place], row) in places(lanes, shape).zip(input.chunks_exact(shape.inputs)) {
        rows[place * shape.inputs..][..shape.inputs].copy_from_slice(row);
    }
    rows
}

/// What is added to the sums of the inputs, one for each place; `bias` is `[directions][2 × gates × hidden]`. That of the state is
/// among it, but for the hidden gate of a GRU that resets afterwards.
pub(super) fn input_bias(lanes: usize, shape: &RecurrentShape, bias: &[f32]) -> Vec<f32> {
    let (gates, hidden) = (shape.cell.gates(), shape.hidden);
    let mut sums = vec![0.0; count(lanes, shape)];
    for [direction, gate, unit, place] in places(lanes, shape) {
        let own = &bias[2 * direction * gates * hidden..];
        let apart = gate == 2 && resets_after(shape);
        let state = if apart { 0.0 } else { own[(gates + gate) * hidden + unit] };
        sums[place] = own[gate * hidden + unit] + state;
    }
    sums
}
