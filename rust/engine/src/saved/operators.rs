//! tract's operators as bytes: those that are left beside ours in the networks that people run on phones.

use tandem_kernels::{KernelError, Restorer, Saver};
use tract_core::internal::*;
use tract_core::ops::array::{Gather, MultiBroadcastTo, Slice, TypedConcat};
use tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_core::ops::cast::Cast;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_core::ops::identity::Identity;
use tract_core::ops::logic::{And, CompEq, CompGT, CompGTE, CompLT, CompLTE, CompNE, Iff, Not, Or, Xor};
use tract_core::ops::math::*;
use tract_core::ops::nn::{HardSwish, LeakyRelu, Reduce, Reducer, Sigmoid, Silu, Softmax, SoftmaxKind};

use super::damaged;
use crate::operators::{Dequantize, Native, Quantize};

const AXIS: u8 = 0;
const BINARY: u8 = 1;
const CAST: u8 = 2;
const CONCAT: u8 = 3;
const DEQUANTIZE: u8 = 4;
const EINSUM: u8 = 5;
const ELEMENT_WISE: u8 = 6;
const GATHER: u8 = 7;
const IDENTITY: u8 = 8;
const LEAKY_RELU: u8 = 9;
const BROADCAST: u8 = 10;
const QUANTIZE: u8 = 11;
const REDUCE: u8 = 12;
const SLICE: u8 = 13;
const SOFTMAX: u8 = 14;
const WHERE: u8 = 15;

/// Adds an operator; `None` where it is none of these.
pub(super) fn save(op: &dyn TypedOp, to: &mut Saver) -> Option<()> {
    if let Some(op) = op.downcast_ref::<AxisOp>() {
        to.byte(AXIS);
        save_axis(op, to)?;
    } else if let Some(op) = op.downcast_ref::<TypedBinOp>() {
        to.byte(BINARY);
        to.byte(binary_tag(op.0.as_ref())?);
        save_optional_type(op.1, to)?;
    } else if let Some(op) = op.downcast_ref::<Cast>() {
        to.byte(CAST);
        save_type(op.to, to)?;
    } else if let Some(op) = op.downcast_ref::<TypedConcat>() {
        to.byte(CONCAT);
        to.size(op.axis);
    } else if let Some(op) = op.downcast_ref::<Native<Dequantize>>() {
        to.byte(DEQUANTIZE);
        op.function().save(to);
    } else if let Some(op) = op.downcast_ref::<EinSum>() {
        to.byte(EINSUM);
        to.bytes(op.axes.to_string().as_bytes());
        save_type(op.operating_dt, to)?;
        op.q_params.is_none().then_some(())?;
    } else if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
        save_element_wise(op, to)?;
    } else if let Some(op) = op.downcast_ref::<Gather>() {
        to.byte(GATHER);
        to.size(op.axis);
        save_optional_type(op.output_type, to)?;
    } else if op.is::<Identity>() {
        to.byte(IDENTITY);
    } else if op.is::<Iff>() {
        to.byte(WHERE);
    } else if let Some(op) = op.downcast_ref::<MultiBroadcastTo>() {
        to.byte(BROADCAST);
        to.list(op.shape.as_concrete()?);
    } else if let Some(op) = op.downcast_ref::<Native<Quantize>>() {
        to.byte(QUANTIZE);
        op.function().save(to);
    } else if let Some(op) = op.downcast_ref::<Reduce>() {
        to.byte(REDUCE);
        to.list(&op.axes);
        to.byte(u8::try_from(REDUCERS.iter().position(|reducer| *reducer == op.reducer)?).ok()?);
    } else if let Some(op) = op.downcast_ref::<Slice>() {
        to.byte(SLICE);
        to.sizes([op.axis, op.start.to_usize().ok()?, op.end.to_usize().ok()?]);
    } else if let Some(op) = op.downcast_ref::<Softmax>() {
        to.byte(SOFTMAX);
        to.list(&op.axes);
        (op.kind == SoftmaxKind::Softmax && op.quant_output_dt.is_none()).then_some(())?;
    } else {
        return None;
    }
    Some(())
}

/// The operator that [`save`] added.
pub(super) fn restore(from: &mut Restorer<'_>) -> Result<Box<dyn TypedOp>, KernelError> {
    Ok(match from.byte()? {
        AXIS => Box::new(restore_axis(from)?),
        BINARY => Box::new(TypedBinOp(binary(from.byte()?)?, restore_optional_type(from)?)),
        CAST => Box::new(Cast { to: restore_type(from)? }),
        CONCAT => Box::new(TypedConcat { axis: from.size()? }),
        DEQUANTIZE => Box::new(Native::new(Dequantize::restore(from)?)),
        EINSUM => {
            let axes = str::from_utf8(from.bytes()?).map_err(|_| damaged())?;
            let axes = axes.parse().map_err(|_| damaged())?;
            Box::new(EinSum { axes, operating_dt: restore_type(from)?, q_params: None })
        }
        ELEMENT_WISE => Box::new(ElementWiseOp(element_wise(from.byte()?)?, restore_optional_type(from)?)),
        GATHER => Box::new(Gather { axis: from.size()?, output_type: restore_optional_type(from)? }),
        IDENTITY => Box::new(Identity),
        WHERE => Box::new(Iff),
        LEAKY_RELU => {
            let leaky = LeakyRelu { alpha: from.float()? };
            Box::new(ElementWiseOp(Box::new(leaky), restore_optional_type(from)?))
        }
        BROADCAST => Box::new(MultiBroadcastTo { shape: from.list()?.into() }),
        QUANTIZE => Box::new(Native::new(Quantize::restore(from)?)),
        REDUCE => {
            let axes = from.list()?.into();
            let reducer = *REDUCERS.get(usize::from(from.byte()?)).ok_or_else(damaged)?;
            Box::new(Reduce { axes, reducer })
        }
        SLICE => {
            let [axis, start, end] = from.sizes()?;
            Box::new(Slice::new(axis, start, end))
        }
        SOFTMAX => {
            let axes = from.list()?.into();
            Box::new(Softmax { axes, quant_output_dt: None, kind: SoftmaxKind::Softmax })
        }
        _ => return Err(damaged()),
    })
}

fn save_axis(op: &AxisOp, to: &mut Saver) -> Option<()> {
    let sizes = |dims: &[TDim]| dims.iter().map(|dim| dim.to_usize().ok()).collect::<Option<Vec<usize>>>();
    match op {
        AxisOp::Add(axis) => {
            to.byte(0);
            to.size(*axis);
        }
        AxisOp::Rm(axis) => {
            to.byte(1);
            to.size(*axis);
        }
        AxisOp::Move(from, into) => {
            to.byte(2);
            to.sizes([*from, *into]);
        }
        AxisOp::Reshape(at, before, after) => {
            to.byte(3);
            to.size(*at);
            to.list(&sizes(before)?);
            to.list(&sizes(after)?);
        }
    }
    Some(())
}

fn restore_axis(from: &mut Restorer<'_>) -> Result<AxisOp, KernelError> {
    let dims = |sizes: Vec<usize>| sizes.iter().map(ToDim::to_dim).collect();
    Ok(match from.byte()? {
        0 => AxisOp::Add(from.size()?),
        1 => AxisOp::Rm(from.size()?),
        2 => AxisOp::Move(from.size()?, from.size()?),
        3 => AxisOp::Reshape(from.size()?, dims(from.list()?), dims(from.list()?)),
        _ => return Err(damaged()),
    })
}

fn save_element_wise(op: &ElementWiseOp, to: &mut Saver) -> Option<()> {
    if let Some(leaky) = op.0.downcast_ref::<LeakyRelu>() {
        to.byte(LEAKY_RELU);
        to.float(leaky.alpha);
    } else {
        to.byte(ELEMENT_WISE);
        to.byte(element_wise_tag(op.0.as_ref())?);
    }
    save_optional_type(op.1, to)
}

const REDUCERS: [Reducer; 7] = [
    Reducer::Max,
    Reducer::Min,
    Reducer::Prod,
    Reducer::Sum,
    Reducer::MeanOfSquares,
    Reducer::All,
    Reducer::Any,
];

/// A tag for each operator without parameters, and the way back.
macro_rules! tagged {
    ($trait:ident, $tag:ident, $restore:ident: $($number:literal $op:ident,)*) => {
        fn $tag(op: &dyn $trait) -> Option<u8> {
            $(if op.is::<$op>() {
                return Some($number);
            })*
            None
        }

        fn $restore(tag: u8) -> Result<Box<dyn $trait>, KernelError> {
            Ok(match tag {
                $($number => Box::new($op {}),)*
                _ => return Err(damaged()),
            })
        }
    };
}

tagged!(BinMiniOp, binary_tag, binary:
    0 Add, 1 Sub, 2 Mul, 3 Div, 4 Min, 5 Max, 6 Pow, 7 And, 8 Or, 9 Xor, 10 CompEq, 11 CompNE, 12 CompLT, 13 CompGT, 14 CompLTE,
    15 CompGTE,
);

tagged!(ElementWiseMiniOp, element_wise_tag, element_wise:
    0 Abs, 1 Exp, 2 Ln, 3 Square, 4 Sqrt, 5 Recip, 6 Rsqrt, 7 Ceil, 8 Floor, 9 Round, 10 RoundHalfToEven, 11 Cos, 12 Sin,
    13 Tanh, 14 Erf, 15 Neg, 16 Sign, 17 Sigmoid, 18 HardSwish, 19 Silu, 20 Not,
);

/// The element types of plain memory.
const TYPES: [DatumType; 12] = [
    DatumType::Bool,
    DatumType::U8,
    DatumType::U16,
    DatumType::U32,
    DatumType::U64,
    DatumType::I8,
    DatumType::I16,
    DatumType::I32,
    DatumType::I64,
    DatumType::F16,
    DatumType::F32,
    DatumType::F64,
];

/// No type at all.
const NONE: u8 = 255;

pub(super) fn save_type(datum_type: DatumType, to: &mut Saver) -> Option<()> {
    let tag = TYPES.iter().position(|known| *known == datum_type)?;
    to.byte(u8::try_from(tag).ok()?);
    Some(())
}

pub(super) fn restore_type(from: &mut Restorer<'_>) -> Result<DatumType, KernelError> {
    TYPES.get(usize::from(from.byte()?)).copied().ok_or_else(damaged)
}

fn save_optional_type(datum_type: Option<DatumType>, to: &mut Saver) -> Option<()> {
    if let Some(datum_type) = datum_type {
        return save_type(datum_type, to);
    }
    to.byte(NONE);
    Some(())
}

fn restore_optional_type(from: &mut Restorer<'_>) -> Result<Option<DatumType>, KernelError> {
    match from.byte()? {
        NONE => Ok(None),
        tag => TYPES.get(usize::from(tag)).copied().map(Some).ok_or_else(damaged),
    }
}
