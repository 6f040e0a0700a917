//! ONNX protobuf messages: reading, writing, building. Runs nothing.
//!
//! The messages are declared by hand, field for field as in ONNX 1.23, so that a model that is read
//! and written again loses nothing and no protobuf compiler is needed. Scalars follow the rules of
//! ONNX's proto3 schema: an absent one reads as nought or empty.
//!
//! - [`ModelProto::decode_bytes`] and [`ModelProto::encode_bytes`] turn files into messages and back.
//!   Decoding is bounded by [`DecodeLimits`] and does not copy blobs.
//! - [`TensorProto`] reads and writes elements whichever of its fields they stand in.
//! - [`GraphBuilder`] and [`ModelBuilder`] write models in code.
//!
//! ```
//! use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
//!
//! let mut graph = GraphBuilder::new("linear");
//! graph.input("x", DataType::Float32, dims!["batch", 2]);
//! graph.initializer("w", &[2, 1], &[0.5_f32, -1.0]);
//! graph.node("MatMul", ["x", "w"], ["y"]);
//! graph.output("y", DataType::Float32, dims!["batch", 1]);
//! let file = ModelBuilder::new(graph).build()?.encode_bytes();
//! assert!(!file.is_empty());
//! # Ok::<(), tandem_onnx::BuildError>(())
//! ```

mod attribute;
mod builder;
mod codec;
mod data_type;
mod graph;
mod model;
mod sharding;
mod tensor;
mod types;

pub use attribute::{AttributeProto, AttributeType, AttributeValue};
pub use builder::{BuildError, GraphBuilder, ModelBuilder, NodeBuilder};
pub use codec::{DecodeError, DecodeLimits, StreamError, Witness};
pub use data_type::{DataType, UnknownDataType};
pub use graph::{GraphProto, NodeProto, TensorAnnotation};
pub use model::{FunctionProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TrainingInfoProto};
pub use sharding::{
    DeviceConfigurationProto, IntIntListEntryProto, NodeDeviceConfigurationProto, ShardedDimProto,
    ShardedSize, ShardingSpecProto, SimpleShardedDimProto,
};
pub use tensor::{
    DataLocation, Element, ExternalData, ExternalDataError, SegmentProto, SparseTensorProto, TensorError,
    TensorProto,
};
pub use types::{
    Dim, DimensionProto, DimensionValue, MapTypeProto, OpaqueTypeProto, OptionalTypeProto, SequenceTypeProto,
    SparseTensorTypeProto, TensorShapeProto, TensorTypeProto, TypeProto, TypeValue, ValueInfoProto,
};
