//! Our operators as tract sees them.

use tandem_kernels::{
    Activation, Attention, Combination, Conv2d, FeedForward, InstructionSet, InvertedResidual, KernelError,
    LayerNorm, MatMul, Pool2d, PoolKind, PooledConv2d, Resample2d, UpConv2d, activate, combine, gate,
    global_average, global_average_blocked, join_channels, softmax, to_blocked, to_channels_last, to_planar,
};
use tract_core::internal::*;

use super::Image;
use super::storage::Storage;
use crate::lent::elements;

/// A kernel as an operator. Images in blocks of channels are tensors of five axes.
#[derive(Clone, Debug)]
pub(super) struct Fused {
    pub(super) set: InstructionSet,
    pub(super) work: Work,
    /// Of the result.
    pub(super) shape: Vec<usize>,
    pub(super) storage: Arc<Storage>,
}

/// What an operator computes.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Of an image and perhaps a residual.
    Conv(Arc<Conv2d>),
    /// Of an image.
    PooledConv(Arc<PooledConv2d>),
    /// Of an image and perhaps a residual.
    Block(Arc<InvertedResidual>),
    /// Of rows and perhaps a residual.
    MatMul(Arc<MatMul>),
    /// Of rows and perhaps a residual.
    FeedForward(Arc<FeedForward>),
    /// Of queries, keys, values and perhaps a mask.
    Attention(Arc<Attention>),
    LayerNorm(Arc<LayerNorm>),
    /// Over rows of that many elements.
    Softmax(usize),
    Pool(Arc<Pool2d>, PoolKind),
    GlobalAverage {
        image: Image,
        /// Whether the result is an image of one pixel in blocks.
        blocked: bool,
    },
    /// Of an image.
    UpConv(Arc<UpConv2d>),
    /// Of an image.
    Resample(Arc<Resample2d>),
    /// Of an image.
    Activate(Activation),
    /// Of two images.
    Combine(Combination, Activation),
    /// Of an image and a factor for each of its channels.
    Gate(Image, Activation),
    /// Of images with so many channels each, and pixels in all of them.
    Join(Vec<usize>, [usize; 2]),
    ToChannelsLast(Image),
    ToBlocked(Image),
    ToPlanar(Image),
}

impl Fused {
    fn compute(&self, inputs: &[&[f32]], out: &mut [f32]) -> Result<(), KernelError> {
        let flat = |[batch, channels, height, width]: Image| [batch, channels, height * width];
        match &self.work {
            Work::Conv(conv) => conv.run(inputs[0], inputs.get(1).copied(), out),
            Work::PooledConv(conv) => conv.run(inputs[0], out),
            Work::Block(block) => block.run(inputs[0], inputs.get(1).copied(), out),
            Work::MatMul(product) => product.run(inputs[0], inputs.get(1).copied(), out),
            Work::FeedForward(layer) => layer.run(inputs[0], inputs.get(1).copied(), out),
            Work::Attention(attention) => {
                attention.run(inputs[0], inputs[1], inputs[2], inputs.get(3).copied(), out)
            }
            Work::LayerNorm(norm) => norm.run(inputs[0], None, out),
            Work::Softmax(columns) => softmax(self.set, *columns, inputs[0], out),
            Work::Pool(pool, _) => pool.run(inputs[0], out),
            Work::GlobalAverage { image, blocked: false } => {
                global_average(self.set, flat(*image), inputs[0], out)
            }
            Work::GlobalAverage { image, .. } => {
                global_average_blocked(self.set, flat(*image), inputs[0], out)
            }
            Work::UpConv(conv) => conv.run(inputs[0], out),
            Work::Resample(resample) => resample.run(inputs[0], out),
            Work::Activate(activation) => activate(self.set, *activation, inputs[0], out),
            Work::Combine(combination, activation) => {
                combine(self.set, *combination, *activation, [inputs[0], inputs[1]], out)
            }
            Work::Gate(image, activation) => {
                gate(self.set, flat(*image), *activation, [inputs[0], inputs[1]], out)
            }
            Work::Join(channels, size) => {
                let parts: TVec<(usize, &[f32])> =
                    channels.iter().copied().zip(inputs.iter().copied()).collect();
                join_channels(self.set, *size, &parts, out)
            }
            Work::ToChannelsLast(image) => to_channels_last(self.set, flat(*image), inputs[0], out),
            Work::ToBlocked(image) => to_blocked(self.set, flat(*image), inputs[0], out),
            Work::ToPlanar(image) => to_planar(self.set, flat(*image), inputs[0], out),
        }
    }
}

impl PartialEq for Fused {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Fused {}

impl Op for Fused {
    fn name(&self) -> StaticName {
        match &self.work {
            Work::Conv(conv) if conv.algorithm() == "depthwise" => "Tandem.DepthwiseConv".into(),
            Work::Conv(_) => "Tandem.Conv".into(),
            Work::PooledConv(_) => "Tandem.PooledConv".into(),
            Work::Block(block) if block.expands() => "Tandem.InvertedResidual".into(),
            Work::Block(_) => "Tandem.SeparableConv".into(),
            Work::MatMul(_) => "Tandem.MatMul".into(),
            Work::FeedForward(_) => "Tandem.FeedForward".into(),
            Work::Attention(_) => "Tandem.Attention".into(),
            Work::LayerNorm(_) => "Tandem.LayerNormalization".into(),
            Work::Softmax(_) => "Tandem.Softmax".into(),
            Work::Pool(_, PoolKind::Max) => "Tandem.MaxPool".into(),
            Work::Pool(..) => "Tandem.AveragePool".into(),
            Work::GlobalAverage { .. } => "Tandem.GlobalAveragePool".into(),
            Work::UpConv(_) => "Tandem.ConvTranspose".into(),
            Work::Resample(_) => "Tandem.Resize".into(),
            Work::Activate(_) => "Tandem.Activation".into(),
            Work::Combine(Combination::Add, _) => "Tandem.Add".into(),
            Work::Combine(..) => "Tandem.Mul".into(),
            Work::Gate(..) => "Tandem.Gate".into(),
            Work::Join(..) => "Tandem.Concat".into(),
            Work::ToChannelsLast(_) => "Tandem.ToChannelsLast".into(),
            Work::ToBlocked(_) => "Tandem.ToBlocked".into(),
            Work::ToPlanar(_) => "Tandem.ToPlanar".into(),
        }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Fused {
    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let slices: TVec<&[f32]> = inputs.iter().map(|input| elements(input)).collect::<TractResult<_>>()?;
        let mut out = self.storage.take(f32::datum_type(), &self.shape)?;
        self.compute(&slices, out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
        Ok(tvec!(self.storage.lend(out)))
    }

    op_out_of_plan!();
}

impl TypedOp for Fused {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}
