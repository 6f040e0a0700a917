//! Tensors to tract's and back.

use std::any::Any;
use std::sync::Arc;

use bytemuck::Pod;
use half::f16;
use tandem_core::{DType, Tensor, TensorError, TensorStorage};
use tandem_onnx::DataType;
use tract_core::internal::{IntoArcTensor, TDim, ensure};
use tract_core::prelude::{Datum, DatumType, TractError, TractResult, tensor1};
use tract_core::prelude::{TValue, Tensor as TractTensor};

/// A tract tensor as the memory of one of ours.
struct EngineStorage(Arc<TractTensor>);

impl TensorStorage for EngineStorage {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// tract's name of an element type.
pub(crate) fn datum_type(dtype: DType) -> TractResult<DatumType> {
    Ok(match dtype {
        DType::Bool => DatumType::Bool,
        DType::U8 => DatumType::U8,
        DType::U16 => DatumType::U16,
        DType::U32 => DatumType::U32,
        DType::U64 => DatumType::U64,
        DType::I8 => DatumType::I8,
        DType::I16 => DatumType::I16,
        DType::I32 => DatumType::I32,
        DType::I64 => DatumType::I64,
        DType::F16 => DatumType::F16,
        DType::F32 => DatumType::F32,
        DType::F64 => DatumType::F64,
        DType::String => DatumType::String,
        other => return Err(TractError::msg(format!("element type {other} is not known to the engine"))),
    })
}

/// Our name of an ONNX element type; `None` for those that no tensor of ours holds.
pub(crate) fn dtype(data_type: DataType) -> Option<DType> {
    Some(match data_type {
        DataType::Bool => DType::Bool,
        DataType::Uint8 => DType::U8,
        DataType::Uint16 => DType::U16,
        DataType::Uint32 => DType::U32,
        DataType::Uint64 => DType::U64,
        DataType::Int8 => DType::I8,
        DataType::Int16 => DType::I16,
        DataType::Int32 => DType::I32,
        DataType::Int64 => DType::I64,
        DataType::Float16 => DType::F16,
        DataType::Float32 => DType::F32,
        DataType::Float64 => DType::F64,
        DataType::String => DType::String,
        _ => return None,
    })
}

/// A tract tensor that copies `bytes`, which are in native order and of the shape's length.
pub(crate) fn tract_from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> TractResult<TractTensor> {
    fn copied<T: Datum + Pod>(shape: &[usize], bytes: &[u8]) -> TractResult<TractTensor> {
        if let Ok(values) = bytemuck::try_cast_slice::<u8, T>(bytes) {
            return TractTensor::from_shape(shape, values);
        }
        // What lies in a file is rarely aligned.
        let mut tensor = TractTensor::zero_dt(T::datum_type(), shape)?;
        let room = tensor.as_bytes_mut();
        ensure!(room.len() == bytes.len(), "{} bytes for the shape {shape:?}", bytes.len());
        room.copy_from_slice(bytes);
        Ok(tensor)
    }
    match dtype {
        DType::U8 => copied::<u8>(shape, bytes),
        DType::U16 => copied::<u16>(shape, bytes),
        DType::U32 => copied::<u32>(shape, bytes),
        DType::U64 => copied::<u64>(shape, bytes),
        DType::I8 => copied::<i8>(shape, bytes),
        DType::I16 => copied::<i16>(shape, bytes),
        DType::I32 => copied::<i32>(shape, bytes),
        DType::I64 => copied::<i64>(shape, bytes),
        DType::F16 => copied::<f16>(shape, bytes),
        DType::F32 => copied::<f32>(shape, bytes),
        DType::F64 => copied::<f64>(shape, bytes),
        DType::Bool => {
            let values: Vec<bool> = bytes.iter().map(|&byte| byte != 0).collect();
            TractTensor::from_shape(shape, &values)
        }
        other => Err(TractError::msg(format!("a tensor of {other} is not made from bytes"))),
    }
}

/// A tensor over memory of tract's, filled with one copy of `bytes`.
pub(crate) fn tensor(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
    // Makes every check, without a copy, before tract sees the bytes.
    if dtype == DType::String || bytes.is_empty() {
        return Tensor::from_bytes(dtype, shape, bytes);
    }
    let expected = shape.iter().try_fold(dtype.size().unwrap_or(1), |bytes, &size| bytes.checked_mul(size));
    if expected != Some(bytes.len()) || (dtype == DType::Bool && bytes.iter().any(|&byte| byte > 1)) {
        return Tensor::from_bytes(dtype, shape, bytes);
    }
    match tract_from_bytes(dtype, shape, bytes) {
        Ok(tensor) => Tensor::from_storage(dtype, shape, Arc::new(EngineStorage(Arc::new(tensor)))),
        Err(_) => Tensor::from_bytes(dtype, shape, bytes),
    }
}

/// The tensor as tract's: shared where it came from tract, copied otherwise.
pub(crate) fn to_tract(tensor: &Tensor) -> TractResult<TValue> {
    if let Some(strings) = tensor.strings() {
        return tensor1(strings).into_shape(tensor.shape()).map(Into::into);
    }
    if let Some(shared) = shared(tensor) {
        return Ok(shared);
    }
    let bytes = tensor.bytes().unwrap_or_default();
    tract_from_bytes(tensor.dtype(), tensor.shape(), bytes).map(Into::into)
}

/// The tensor as tract's, where it came from tract.
pub(crate) fn shared(tensor: &Tensor) -> Option<TValue> {
    let EngineStorage(shared) = tensor.storage()?.as_any().downcast_ref()?;
    let same = datum_type(tensor.dtype()).is_ok_and(|datum_type| datum_type == shared.datum_type())
        && shared.shape() == tensor.shape();
    same.then(|| TValue::from_const(shared.clone()))
}

/// An output of tract's as a tensor of `dtype`, sharing the memory.
pub(crate) fn from_tract(value: TValue, dtype: DType) -> TractResult<Tensor> {
    let mut value = value.into_arc_tensor();
    if value.datum_type() == TDim::datum_type() {
        value = Arc::new(value.cast_to::<i64>()?.into_owned());
    }
    // Quantised types of tract's carry their scale in the type; their bytes are those of the plain one.
    if value.datum_type().unquantized() != datum_type(dtype)? {
        let got = value.datum_type();
        return Err(TractError::msg(format!("an output of {got:?} where {dtype} is declared")));
    }
    let shape = value.shape().to_vec();
    if dtype == DType::String {
        let strings = value.try_as_plain_ram()?.as_slice::<String>()?.to_vec();
        return Ok(Tensor::from_strings(shape, strings)?);
    }
    value.try_as_plain_ram()?;
    Ok(Tensor::from_storage(dtype, shape, Arc::new(EngineStorage(value)))?)
}
