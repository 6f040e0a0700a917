//! Types of values: tensors with their shapes, and the rarer sequences, maps and optionals.

use std::fmt;

use crate::data_type::DataType;
use crate::model::StringStringEntryProto;

/// A named value and its type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfoProto {
    /// Name of the value.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type; graph inputs and outputs must have one.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
    /// Description for people.
    #[prost(string, tag = "3")]
    pub doc_string: String,
    /// Named notes.
    #[prost(message, repeated, tag = "4")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

impl ValueInfoProto {
    /// A tensor of `data_type` with the given dimensions.
    pub fn tensor<I>(name: impl Into<String>, data_type: DataType, dims: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Dim>,
    {
        Self { name: name.into(), r#type: Some(TypeProto::tensor(data_type, dims)), ..Self::default() }
    }

    /// The tensor type, when the value is a tensor.
    pub fn tensor_type(&self) -> Option<&TensorTypeProto> {
        match self.r#type.as_ref()?.value.as_ref()? {
            TypeValue::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

/// A type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TypeProto {
    /// The kind of type with its parameters.
    #[prost(oneof = "TypeValue", tags = "1, 4, 5, 7, 8, 9")]
    pub value: Option<TypeValue>,
    /// Standard meaning of the value, such as `IMAGE`.
    #[prost(string, tag = "6")]
    pub denotation: String,
}

impl TypeProto {
    /// The type of tensors of `data_type` with the given dimensions.
    pub fn tensor<I>(data_type: DataType, dims: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Dim>,
    {
        let dim = dims.into_iter().map(|dim| dim.into().into()).collect();
        Self {
            value: Some(TypeValue::Tensor(TensorTypeProto {
                elem_type: data_type.number(),
                shape: Some(TensorShapeProto { dim }),
            })),
            denotation: String::new(),
        }
    }
}

/// The kinds of type.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum TypeValue {
    /// A dense tensor.
    #[prost(message, tag = "1")]
    Tensor(TensorTypeProto),
    /// A list of values of one type.
    #[prost(message, tag = "4")]
    Sequence(Box<SequenceTypeProto>),
    /// A map from keys to values.
    #[prost(message, tag = "5")]
    Map(Box<MapTypeProto>),
    /// A value of a type that only other tools know.
    #[prost(message, tag = "7")]
    Opaque(OpaqueTypeProto),
    /// A sparse tensor.
    #[prost(message, tag = "8")]
    SparseTensor(SparseTensorTypeProto),
    /// A value that may be absent.
    #[prost(message, tag = "9")]
    Optional(Box<OptionalTypeProto>),
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TensorTypeProto {
    /// Number of the element type; see [`DataType`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// The shape; absent when even the rank is unknown.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// Element type and shape of a sparse tensor.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SparseTensorTypeProto {
    /// Number of the element type; see [`DataType`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// The shape; absent when even the rank is unknown.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// The type of a list.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SequenceTypeProto {
    /// Type of the items.
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<TypeProto>>,
}

/// The type of a map.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MapTypeProto {
    /// Number of the keys' element type: an integer or a string.
    #[prost(int32, tag = "1")]
    pub key_type: i32,
    /// Type of the values.
    #[prost(message, optional, boxed, tag = "2")]
    pub value_type: Option<Box<TypeProto>>,
}

/// The type of a value that may be absent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OptionalTypeProto {
    /// Type of the value when it is there.
    #[prost(message, optional, boxed, tag = "1")]
    pub elem_type: Option<Box<TypeProto>>,
}

/// The name of a type that only other tools know.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OpaqueTypeProto {
    /// Name space of the type.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Name of the type.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// The dimensions of a tensor.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TensorShapeProto {
    /// The dimensions, outermost first.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

impl TensorShapeProto {
    /// The dimensions as [`Dim`]s.
    pub fn dims(&self) -> Vec<Dim> {
        self.dim.iter().map(DimensionProto::dim).collect()
    }
}

/// One dimension as it stands in a file.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DimensionProto {
    /// The size or its name; absent when nothing is known.
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub value: Option<DimensionValue>,
    /// Standard meaning of the axis, such as `DATA_BATCH`.
    #[prost(string, tag = "3")]
    pub denotation: String,
}

impl DimensionProto {
    /// What is known of the size. An empty name counts as unknown.
    pub fn dim(&self) -> Dim {
        match &self.value {
            Some(DimensionValue::Value(size)) => Dim::Fixed(*size),
            Some(DimensionValue::Param(name)) if !name.is_empty() => Dim::Symbolic(name.clone()),
            Some(DimensionValue::Param(_)) | None => Dim::Unknown,
        }
    }
}

/// A size or its name.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum DimensionValue {
    /// A fixed size.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// A symbolic size: equal names mean equal sizes.
    #[prost(string, tag = "2")]
    Param(String),
}

/// What is known of one dimension.
///
/// ```
/// use tandem_onnx::Dim;
///
/// assert_eq!(Dim::from(3), Dim::Fixed(3));
/// assert_eq!(Dim::from("batch").to_string(), "batch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A fixed size. Files of strangers may hold negative ones.
    Fixed(i64),
    /// A size with a name: equal names mean equal sizes.
    Symbolic(String),
    /// Nothing is known.
    Unknown,
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => size.fmt(f),
            Self::Symbolic(name) => name.fmt(f),
            Self::Unknown => f.write_str("?"),
        }
    }
}

impl From<i32> for Dim {
    fn from(size: i32) -> Self {
        Self::Fixed(size.into())
    }
}

impl From<i64> for Dim {
    fn from(size: i64) -> Self {
        Self::Fixed(size)
    }
}

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self::Fixed(i64::try_from(size).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::Symbolic(name.to_owned())
    }
}

impl From<&Dim> for Dim {
    fn from(dim: &Dim) -> Self {
        dim.clone()
    }
}

impl From<Dim> for DimensionProto {
    fn from(dim: Dim) -> Self {
        let value = match dim {
            Dim::Fixed(size) => Some(DimensionValue::Value(size)),
            Dim::Symbolic(name) => Some(DimensionValue::Param(name)),
            Dim::Unknown => None,
        };
        Self { value, denotation: String::new() }
    }
}

/// Dimensions of mixed kinds: sizes and names.
///
/// ```
/// use tandem_onnx::{Dim, dims};
///
/// let width = 8_usize;
/// assert_eq!(dims!["batch", 1, width], [Dim::from("batch"), Dim::from(1), Dim::from(8)]);
/// ```
#[macro_export]
macro_rules! dims {
    () => {{
        let scalar: [$crate::Dim; 0] = [];
        scalar
    }};
    ($($dim:expr),+ $(,)?) => {
        [$($crate::Dim::from($dim)),+]
    };
}
