//! Our operators over bytes as tract sees them.

use tandem_kernels::{
    ByteAdd, ByteConv2d, ByteMatMul, ByteMaxPool, ByteSet, KernelError, Quantization, byte_global_average,
    quantize_to_pixels, to_pixels, to_planes,
};
use tract_core::internal::*;

use super::super::Image;
use super::super::storage::Storage;
use crate::lent::elements;

/// A kernel over bytes as an operator. Interleaved images are tensors of four axes.
#[derive(Clone, Debug)]
pub(in crate::fuse) struct Bytes {
    pub(in crate::fuse) set: ByteSet,
    pub(in crate::fuse) work: Work,
    /// Of the result.
    pub(in crate::fuse) shape: Vec<usize>,
    pub(in crate::fuse) storage: Arc<Storage>,
}

/// What an operator computes. All but the last take bytes, and all give bytes.
#[derive(Clone, Debug)]
pub(in crate::fuse) enum Work {
    Conv(Arc<ByteConv2d>),
    MatMul(Arc<ByteMatMul>),
    Add(ByteAdd),
    MaxPool(Arc<ByteMaxPool>),
    GlobalAverage(Image, [Quantization; 2]),
    ToPixels(Image),
    ToPlanes(Image),
    /// Of an image of `f32`.
    Quantize(Image, Quantization),
}

/// Batch, channels, pixels.
fn flat([batch, channels, height, width]: Image) -> [usize; 3] {
    [batch, channels, height * width]
}

impl Bytes {
    fn compute(&self, inputs: &[&[u8]], out: &mut [u8]) -> Result<(), KernelError> {
        match &self.work {
            Work::Conv(conv) => conv.run(inputs[0], out),
            Work::MatMul(product) => product.run(inputs[0], out),
            Work::Add(add) => add.run(inputs[0], inputs[1], out),
            Work::MaxPool(pool) => pool.run(inputs[0], out),
            Work::GlobalAverage(image, ends) => {
                byte_global_average(self.set, flat(*image), *ends, inputs[0], out)
            }
            Work::ToPixels(image) => to_pixels(self.set, flat(*image), inputs[0], out),
            Work::ToPlanes(image) | Work::Quantize(image, _) => to_planes(flat(*image), inputs[0], out),
        }
    }
}

impl PartialEq for Bytes {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Bytes {}

impl Op for Bytes {
    fn name(&self) -> StaticName {
        match &self.work {
            Work::Conv(conv) if conv.is_depthwise() => "Tandem.ByteDepthwiseConv".into(),
            Work::Conv(_) => "Tandem.ByteConv".into(),
            Work::MatMul(_) => "Tandem.ByteMatMul".into(),
            Work::Add(_) => "Tandem.ByteAdd".into(),
            Work::MaxPool(_) => "Tandem.ByteMaxPool".into(),
            Work::GlobalAverage(..) => "Tandem.ByteGlobalAveragePool".into(),
            Work::ToPixels(_) => "Tandem.ToPixels".into(),
            Work::ToPlanes(_) => "Tandem.ToPlanes".into(),
            Work::Quantize(..) => "Tandem.Quantize".into(),
        }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Bytes {
    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut out = self.storage.take(u8::datum_type(), &self.shape)?;
        let mut view = out.try_as_plain_ram_mut()?;
        if let Work::Quantize(image, quantization) = &self.work {
            quantize_to_pixels(
                self.set,
                flat(*image),
                *quantization,
                elements(&inputs[0])?,
                view.as_slice_mut()?,
            )?;
        } else {
            let slices: TVec<&[u8]> =
                inputs.iter().map(|input| elements(input)).collect::<TractResult<_>>()?;
            self.compute(&slices, view.as_slice_mut()?)?;
        }
        Ok(tvec!(self.storage.lend(out)))
    }

    op_out_of_plan!();
}

impl TypedOp for Bytes {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(u8::fact(&self.shape)))
    }

    as_op!();
}
