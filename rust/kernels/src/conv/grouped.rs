//! Convolutions in groups: as many dense ones, each over some whole blocks of channels.
//!
//! Groups that fill no blocks are computed together, with weights of nought between them: an infinity or NaN in one then reaches the
//! others too.

use super::{Conv2d, ConvInput, ConvShape, Form};
use crate::activation::Ending;
use crate::error::{KernelError, volume};
use crate::isa::InstructionSet;
use crate::saved::{Numbers, Restorer, Save, Saver, UNKNOWN};

/// The most groups that are computed as one, where the channels of fewer do not fill blocks: the products between different groups
/// are in vain.
const MERGED: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Grouped {
    ending: Ending,
    /// In the order of their channels, all of one shape.
    parts: Vec<Conv2d>,
}

/// The shape of each of the dense convolutions, of one image; `None` where there is no such.
pub(super) fn part(set: InstructionSet, shape: &ConvShape) -> Option<ConvShape> {
    let groups = shape.groups;
    let channels = [shape.in_channels, shape.out_channels].map(|channels| channels / groups);
    let fills = |count: usize| channels.iter().all(|own| (count * own).is_multiple_of(set.lanes()));
    let merged = (1..=groups.min(MERGED))
        .find(|&count| groups.is_multiple_of(count) && (fills(count) || count == groups))?;
    let [in_channels, out_channels] = channels.map(|own| merged * own);
    Some(ConvShape { batch: 1, in_channels, out_channels, groups: 1, ..*shape })
}

impl Grouped {
    /// `form` is of each of the dense convolutions.
    pub(super) fn new(
        set: InstructionSet,
        shape: &ConvShape,
        form: Option<Form>,
        ending: Ending,
        numbers: Numbers<'_, '_, &[f32]>,
    ) -> Result<Self, KernelError> {
        let part = part(set, shape)
            .ok_or_else(|| shape.refused_groups("the channels of at most 8 must fill blocks"))?;
        let parts = 0..shape.out_channels / part.out_channels;
        let parts: Result<Vec<Conv2d>, _> = match numbers {
            Numbers::Given(weights, bias) => {
                let dense = |index: usize| {
                    let outputs = index * part.out_channels..(index + 1) * part.out_channels;
                    let kernels = kernels(shape, &part, outputs.start, weights)?;
                    let bias = bias.map(|bias| &bias[outputs]);
                    let numbers = Numbers::Given(&*kernels, bias);
                    Conv2d::build(set, part, ConvInput::Blocked, form, ending, numbers)
                };
                parts.map(dense).collect()
            }
            Numbers::Saved(from) => parts.map(|_| restore(set, &part, from)).collect(),
        };
        Ok(Self { ending, parts: parts? })
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.ending(self.ending);
        self.parts.iter().for_each(|part| part.save(to));
    }

    /// Runs over one image.
    pub(super) fn run(
        &self,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        for (index, part) in self.parts.iter().enumerate() {
            let (input, output) = (part.input_len, part.output_len);
            let own = index * output..(index + 1) * output;
            let residual = residual.map(|residual| &residual[own.clone()]);
            part.run(&x[index * input..(index + 1) * input], residual, &mut out[own])?;
        }
        Ok(())
    }
}

/// The kernels of a dense convolution whose first output is `first`: those between different groups are nought.
fn kernels(
    shape: &ConvShape,
    part: &ConvShape,
    first: usize,
    weights: &[f32],
) -> Result<Vec<f32>, KernelError> {
    let [height, width] = shape.kernel;
    let own = shape.in_channels / shape.groups * height * width;
    let all = part.in_channels * height * width;
    let mut kernels = vec![0.0; volume("weights", &[part.out_channels, all])?];
    for (output, row) in kernels.chunks_exact_mut(all).enumerate() {
        let group = output / (shape.out_channels / shape.groups);
        row[group * own..(group + 1) * own].copy_from_slice(&weights[(first + output) * own..][..own]);
    }
    Ok(kernels)
}

/// One of the dense convolutions as it was saved.
fn restore(set: InstructionSet, part: &ConvShape, from: &mut Restorer<'_>) -> Result<Conv2d, KernelError> {
    let conv = Conv2d::restore(from)?;
    let is_blocked = match &conv.algorithm {
        super::Algorithm::Direct(direct) => direct.input() == ConvInput::Blocked,
        super::Algorithm::Winograd(_) => true,
        _ => false,
    };
    if conv.shape == *part && conv.set == set && is_blocked { Ok(conv) } else { Err(UNKNOWN) }
}
