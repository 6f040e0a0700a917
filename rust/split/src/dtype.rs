//! Element types of ours and of ONNX.

use tandem_core::DType;
use tandem_onnx::DataType;

/// Our name of an ONNX element type; `None` for those that no tensor of ours holds.
pub(crate) fn core_dtype(data_type: DataType) -> Option<DType> {
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

/// ONNX's name of an element type.
pub(crate) fn onnx_type(dtype: DType) -> DataType {
    match dtype {
        DType::Bool => DataType::Bool,
        DType::U8 => DataType::Uint8,
        DType::U16 => DataType::Uint16,
        DType::U32 => DataType::Uint32,
        DType::U64 => DataType::Uint64,
        DType::I8 => DataType::Int8,
        DType::I16 => DataType::Int16,
        DType::I32 => DataType::Int32,
        DType::I64 => DataType::Int64,
        DType::F16 => DataType::Float16,
        DType::F32 => DataType::Float32,
        DType::F64 => DataType::Float64,
        _ => DataType::String,
    }
}
