//! One model for each element type.

use tandem_core::DType;
use tandem_onnx::{BuildError, DataType, Dim, GraphBuilder, ModelBuilder, ModelProto};

/// `y = x`, of any element type and shape.
pub fn identity(dtype: DType, dims: &[Dim]) -> Result<ModelProto, BuildError> {
    let data_type = data_type(dtype);
    let mut graph = GraphBuilder::new(format!("identity_{dtype}"));
    graph.input("x", data_type, dims);
    graph.node("Identity", ["x"], ["y"]);
    graph.output("y", data_type, dims);
    ModelBuilder::new(graph).build()
}

/// ONNX's name for an element type.
pub fn data_type(dtype: DType) -> DataType {
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
