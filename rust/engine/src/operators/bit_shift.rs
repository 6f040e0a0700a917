//! `BitShift`: a shift by a negative or too large amount shifts every bit out.

use tract_core::broadcast::multi_broadcast;
use tract_core::ndarray::Zip;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::native::{Function, native};

pub(super) fn bit_shift(
    _context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let left = match node.get_attr::<&str>("direction")? {
        "LEFT" => true,
        "RIGHT" => false,
        other => bail!("direction is {other:?}, expected LEFT or RIGHT"),
    };
    Ok((native(BitShift { left }), vec![]))
}

#[derive(Clone, Debug)]
struct BitShift {
    left: bool,
}

/// Shifts of one integer type.
trait Shift: Datum + Copy {
    fn shift(self, by: Self, left: bool) -> Self;
}

macro_rules! shifts {
    ($($integer:ty: $sign:expr),* $(,)?) => {$(
        impl Shift for $integer {
            fn shift(self, by: Self, left: bool) -> Self {
                let by = u32::try_from(by).unwrap_or(u32::MAX);
                let sign: fn($integer) -> $integer = $sign;
                if left {
                    self.checked_shl(by).unwrap_or(0)
                } else {
                    self.checked_shr(by).unwrap_or_else(|| sign(self))
                }
            }
        }
    )*};
}

// Shifted out on the right, a negative number leaves -1, every other 0.
shifts! {
    u8: |_| 0, u16: |_| 0, u32: |_| 0, u64: |_| 0,
    i8: |value| value >> 7, i16: |value| value >> 15, i32: |value| value >> 31, i64: |value| value >> 63,
}

fn shift<T: Shift>(values: &Tensor, amounts: &Tensor, left: bool) -> TractResult<Tensor> {
    let shape = multi_broadcast(&[values.shape(), amounts.shape()])?;
    let values = values.broadcast_to_shape(&shape)?;
    let amounts = amounts.broadcast_to_shape(&shape)?;
    let (values, amounts) = (values.to_plain_array_view::<T>()?, amounts.to_plain_array_view::<T>()?);
    Ok(Zip::from(&values).and(&amounts).map_collect(|&value, &by| value.shift(by, left)).into_tensor())
}

impl Function for BitShift {
    const NAME: &'static str = "BitShift";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let &[values, amounts] = inputs else { bail!("{} inputs, expected 2", inputs.len()) };
        ensure!(values.datum_type == amounts.datum_type, "values and amounts of different types");
        ensure!(values.datum_type.is_integer(), "elements of {:?}, expected integers", values.datum_type);
        let shape = multi_broadcast(&[values.shape.to_tvec(), amounts.shape.to_tvec()])?;
        Ok(tvec!(values.datum_type.fact(shape)))
    }

    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let (values, amounts) = (inputs[0], inputs[1]);
        Ok(tvec!(match values.datum_type() {
            DatumType::U8 => shift::<u8>(values, amounts, self.left)?,
            DatumType::U16 => shift::<u16>(values, amounts, self.left)?,
            DatumType::U32 => shift::<u32>(values, amounts, self.left)?,
            DatumType::U64 => shift::<u64>(values, amounts, self.left)?,
            DatumType::I8 => shift::<i8>(values, amounts, self.left)?,
            DatumType::I16 => shift::<i16>(values, amounts, self.left)?,
            DatumType::I32 => shift::<i32>(values, amounts, self.left)?,
            DatumType::I64 => shift::<i64>(values, amounts, self.left)?,
            other => bail!("elements of {other:?}"),
        }))
    }
}
