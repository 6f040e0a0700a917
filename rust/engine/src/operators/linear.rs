//! `QuantizeLinear` and `DequantizeLinear`.
//!
//! tract's own want constant scales, multiply by the inverse of the scale, which now and then gives the byte beside the
//! right one, and move over other operators while tract optimises, so that the products of bytes around them are no
//! longer to be seen.

use tandem_kernels::{self as kernels, ByteSet, KernelError, Quantization, Restorer, Saver};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::native::{Function, native};
use crate::scale_index::ScaleIndex;

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

pub(super) fn quantize(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    Ok((native(Quantize(Linear::of(node)?)), vec![]))
}

pub(super) fn dequantize(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    Ok((native(Dequantize(Linear::of(node)?)), vec![]))
}

#[derive(Clone, Copy, Debug)]
struct Linear {
    axis: i64,
    block: i64,
}

impl Linear {
    fn of(node: &NodeProto) -> TractResult<Self> {
        let axis = node.get_attr_opt("axis")?.unwrap_or(1);
        Ok(Self { axis, block: node.get_attr_opt("block_size")?.unwrap_or(0) })
    }

    fn save(self, to: &mut Saver) {
        to.bytes(&self.axis.to_le_bytes());
        to.bytes(&self.block.to_le_bytes());
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let mut number = || {
            let bytes = from.bytes()?.try_into();
            bytes.map(i64::from_le_bytes).map_err(|_| KernelError::Saved { detail: "an axis is no number" })
        };
        Ok(Self { axis: number()?, block: number()? })
    }

    fn index(self, values: &Tensor, scales: &Tensor, zeros: Option<&&Tensor>) -> TractResult<ScaleIndex> {
        if let Some(zeros) = zeros {
            ensure!(
                zeros.shape() == scales.shape(),
                "zero points {:?} of scales {:?}",
                zeros.shape(),
                scales.shape()
            );
        }
        let index = ScaleIndex::new(values.shape(), scales.shape(), self.axis, self.block);
        index.with_context(|| {
            format!("scales of shape {:?} for values of {:?}", scales.shape(), values.shape())
        })
    }
}

/// The zero points as f64, in which every integer of up to 32 bits is exact.
fn zero_points(zeros: Option<&&Tensor>) -> TractResult<Option<Vec<f64>>> {
    zeros.map(|zeros| Ok(zeros.cast_to::<f64>()?.try_as_plain_ram()?.as_slice::<f64>()?.to_vec())).transpose()
}

/// Scale and zero point of a whole tensor, from the inputs of either operator, where it is of bytes and f32.
fn of_bytes(inputs: &[&Tensor]) -> Option<Quantization> {
    quantization(inputs[1], inputs.get(2).copied())
}

/// The scale and the zero point of a whole tensor, where it is of bytes and f32.
pub(crate) fn quantization(scale: &Tensor, zero: Option<&Tensor>) -> Option<Quantization> {
    let scale = scale.try_as_plain_ram().ok()?;
    let [scale] = *scale.as_slice::<f32>().ok()? else { return None };
    let Some(zero) = zero else { return Some(Quantization { scale, zero: 0 }) };
    let zero = zero.try_as_plain_ram().ok()?;
    let [zero] = *zero.as_slice::<u8>().ok()? else { return None };
    Some(Quantization { scale, zero })
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantize(Linear);

impl Quantize {
    pub(crate) fn save(self, to: &mut Saver) {
        self.0.save(to);
    }

    pub(crate) fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        Linear::restore(from).map(Self)
    }
}

impl Quantize {
    fn output(inputs: &[&TypedFact]) -> DatumType {
        inputs.get(2).map_or(DatumType::U8, |zero| zero.datum_type.unquantized())
    }
}

impl Function for Quantize {
    const NAME: &'static str = "QuantizeLinear";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let output = Self::output(inputs);
        ensure!(output.is_integer() && output.size_of() <= 2, "a zero point of {output:?}");
        Ok(tvec!(output.fact(inputs[0].shape.to_tvec())))
    }

    #[allow(clippy::cast_possible_truncation, reason = "f32 is the type in which ONNX divides")]
    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let (values, scales, zeros) = (inputs[0], inputs[1], inputs.get(2));
        let index = self.0.index(values, scales, zeros)?;
        if let Some(quantization) = of_bytes(inputs).filter(|_| values.datum_type() == f32::datum_type()) {
            let mut bytes = Tensor::zero::<u8>(values.shape())?;
            let (from, mut to) = (values.try_as_plain_ram()?, bytes.try_as_plain_ram_mut()?);
            let done = kernels::quantize(ByteSet::best(), quantization, from.as_slice()?, to.as_slice_mut()?);
            if done.is_ok() {
                return Ok(tvec!(bytes));
            }
        }
        let output = zeros.map_or(DatumType::U8, |zeros| zeros.datum_type().unquantized());
        let (low, high) = match output {
            DatumType::U8 => (0.0, f64::from(u8::MAX)),
            DatumType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            DatumType::U16 => (0.0, f64::from(u16::MAX)),
            _ => (f64::from(i16::MIN), f64::from(i16::MAX)),
        };
        let zeros = zero_points(zeros)?;
        let (values_f32, scales) = (values.cast_to::<f32>()?, scales.cast_to::<f32>()?);
        let (values_f32, scales) = (values_f32.try_as_plain_ram()?, scales.try_as_plain_ram()?);
        let scales = scales.as_slice::<f32>()?;
        let quantise = |(position, value): (usize, &f32)| {
            let index = index.of(position);
            let steps = f64::from((value / scales[index]).round_ties_even());
            (steps + zeros.as_ref().map_or(0.0, |zeros| zeros[index])).clamp(low, high)
        };
        let quantised: Vec<f64> = values_f32.as_slice::<f32>()?.iter().enumerate().map(quantise).collect();
        let quantised = Tensor::from_shape(values.shape(), &quantised)?;
        Ok(tvec!(quantised.cast_to_dt(output)?.into_owned()))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Dequantize(Linear);

impl Dequantize {
    pub(crate) fn save(self, to: &mut Saver) {
        self.0.save(to);
    }

    pub(crate) fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        Linear::restore(from).map(Self)
    }
}

impl Function for Dequantize {
    const NAME: &'static str = "DequantizeLinear";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[1].datum_type.fact(inputs[0].shape.to_tvec())))
    }

    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let (values, scales, zeros) = (inputs[0], inputs[1], inputs.get(2));
        let index = self.0.index(values, scales, zeros)?;
        if let Some(quantization) = of_bytes(inputs).filter(|_| values.datum_type() == u8::datum_type()) {
            let mut numbers = Tensor::zero::<f32>(values.shape())?;
            let (from, mut to) = (values.try_as_plain_ram()?, numbers.try_as_plain_ram_mut()?);
            kernels::dequantize(ByteSet::best(), quantization, from.as_slice()?, to.as_slice_mut()?)?;
            return Ok(tvec!(numbers));
        }
        let zeros = zero_points(zeros)?;
        let output = scales.datum_type();
        let (steps, scales) = (values.cast_to::<f64>()?, scales.cast_to::<f64>()?);
        let (steps, scales) = (steps.try_as_plain_ram()?, scales.try_as_plain_ram()?);
        let scales = scales.as_slice::<f64>()?;
        let expand = |(position, step): (usize, &f64)| {
            let index = index.of(position);
            (step - zeros.as_ref().map_or(0.0, |zeros| zeros[index])) * scales[index]
        };
        let expanded: Vec<f64> = steps.as_slice::<f64>()?.iter().enumerate().map(expand).collect();
        Ok(tvec!(Tensor::from_shape(values.shape(), &expanded)?.cast_to_dt(output)?.into_owned()))
    }
}
