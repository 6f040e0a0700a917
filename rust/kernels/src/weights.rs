//! Weights packed as the register tile reads them.

use crate::error::{KernelError, volume};
use crate::memory::{Buffer, Packed};
use crate::saved::{Numbers, Saver};
use crate::threads::{self, Disjoint};
use crate::tile::{groups, lines};

/// What reading a weight from memory takes, in multiply-adds.
const READ: usize = 8;

/// Weights as the tiles read them: `[group][input][blocks of the group × LANES]`, and the bias.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    values: Packed,
    /// Where they begin in `values`, which may have others before and behind them.
    start: usize,
    pub(crate) bias: Packed,
    /// Vectors of output channels in a group, but for the last.
    pub(crate) group_size: usize,
    /// Vectors of output channels.
    pub(crate) blocks: usize,
    /// Inputs of one output.
    pub(crate) inputs: usize,
    /// Floats of a vector.
    lanes: usize,
}

/// A matrix of weights as a model has it.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// A row for each input.
    Inputs(&'a [f32]),
    /// A row for each output. The first input is the element of that index, and so on; all in their order where there are none.
    Outputs(&'a [f32], &'a [usize]),
}

/// The sizes of packed weights.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) lanes: usize,
    /// Vectors of output channels in a group.
    pub(crate) group: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Sizes {
    fn blocks(self) -> usize {
        self.outputs.div_ceil(self.lanes)
    }
}

/// Inputs that are packed at once, over all outputs of a group, so that neither side is read or written far apart.
const PART: usize = 16;

impl Weights {
    /// Packs a matrix, or takes what was packed before.
    pub(crate) fn new(sizes: Sizes, numbers: Numbers<'_, '_, Matrix<'_>>) -> Result<Self, KernelError> {
        let values = [sizes.inputs, sizes.blocks(), sizes.lanes];
        volume("weights", &values)?;
        match numbers {
            Numbers::Given(matrix, bias) => {
                let mut packed = Buffer::zeroed(values.iter().product());
                pack(sizes, matrix, packed.as_mut_slice());
                Ok(Self::of(sizes, packed.into(), 0, padded(sizes, bias)))
            }
            Numbers::Saved(from) => {
                let packed = from.packed(&values)?;
                Ok(Self::of(sizes, packed, 0, from.packed(&values[1..])?))
            }
        }
    }

    /// Of weights that were packed already, from `start` on.
    pub(crate) fn of(sizes: Sizes, values: Packed, start: usize, bias: Packed) -> Self {
        let Sizes { lanes, group, inputs, .. } = sizes;
        Self { values, start, bias, group_size: group, blocks: sizes.blocks(), inputs, lanes }
    }

    pub(crate) fn save(&self, to: &mut Saver) {
        self.save_values(to);
        to.packed(&self.bias);
    }

    /// Without the bias, and with what lies before and behind.
    pub(crate) fn save_values(&self, to: &mut Saver) {
        to.packed(&self.values);
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.blocks.div_ceil(self.group_size.max(1))
    }

    /// The first block and the number of blocks of a group.
    pub(crate) fn group(&self, index: usize) -> (usize, usize) {
        let first = index * self.group_size;
        (first, self.group_size.min(self.blocks - first))
    }

    /// Multiply-adds of so many pixels, or what takes as long: with few pixels, to read the weights does.
    pub(crate) fn products(&self, pixels: usize) -> usize {
        self.length().saturating_mul(pixels.max(READ))
    }

    fn length(&self) -> usize {
        self.inputs * self.blocks * self.lanes
    }

    /// The weights from those of the group on that begins with block `first`.
    pub(crate) fn panel(&self, first: usize) -> &[f32] {
        &self.values.as_slice()[self.start..][first * self.lanes * self.inputs..self.length()]
    }
}

/// A bias of whole vectors.
pub(crate) fn padded(sizes: Sizes, bias: Option<&[f32]>) -> Packed {
    let mut padded = Buffer::zeroed(sizes.blocks() * sizes.lanes);
    for (to, &value) in padded.as_mut_slice().iter_mut().zip(bias.unwrap_or(&[])) {
        *to = value;
    }
    padded.into()
}

/// Packs `matrix`; what belongs to no output stays as it is.
fn pack(sizes: Sizes, matrix: Matrix<'_>, packed: &mut [f32]) {
    let Sizes { lanes, group, inputs, outputs } = sizes;
    let parts = inputs.div_ceil(PART);
    let moves = threads::moves(packed.len());
    let packed = Disjoint::new(packed);
    let groups: Vec<(usize, usize)> = groups(sizes.blocks(), group).collect();
    threads::share(groups.len() * parts, moves, |units| {
        for (group, own) in lines(units, parts) {
            let (first, count) = groups[group];
            let (begin, width) = (first * lanes * inputs, count * lanes);
            let kept = first * lanes..outputs.min(first * lanes + width);
            let rows = own.start * PART..inputs.min(own.end * PART);
            // SAFETY: the inputs of a part of a group belong to one unit.
            let panel = unsafe { packed.range(begin + rows.start * width..begin + rows.end * width) };
            match matrix {
                Matrix::Inputs(values) => {
                    let from = values.chunks_exact(outputs).skip(rows.start);
                    for (to, row) in panel.chunks_exact_mut(width).zip(from) {
                        to[..kept.len()].copy_from_slice(&row[kept.clone()]);
                    }
                }
                Matrix::Outputs(values, order) => {
                    for (index, panel) in panel.chunks_mut(PART * width).enumerate() {
                        let part = rows.start + index * PART..rows.end.min(rows.start + (index + 1) * PART);
                        for (lane, output) in kept.clone().enumerate() {
                            let row = &values[output * inputs..][..inputs];
                            let places = panel[lane..].iter_mut().step_by(width);
                            if order.is_empty() {
                                places.zip(&row[part.clone()]).for_each(|(to, &value)| *to = value);
                            } else {
                                let order = &order[part.clone()];
                                places.zip(order).for_each(|(to, &from)| *to = row[from]);
                            }
                        }
                    }
                }
            }
        }
    });
}
