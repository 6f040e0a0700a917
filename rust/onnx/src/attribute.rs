//! Attributes of nodes.

use bytes::Bytes;

use crate::graph::GraphProto;
use crate::tensor::{SparseTensorProto, TensorProto};
use crate::types::TypeProto;

/// A named constant of a node. `type` says which one of the value fields counts.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeProto {
    /// Name of the attribute.
    #[prost(string, tag = "1")]
    pub name: String,
    /// In a function's body: the attribute of the function that gives the value.
    #[prost(string, tag = "21")]
    pub ref_attr_name: String,
    /// Description for people.
    #[prost(string, tag = "13")]
    pub doc_string: String,
    /// Which field holds the value; `type()` gives the name of the number.
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub r#type: i32,
    /// A float.
    #[prost(float, tag = "2")]
    pub f: f32,
    /// An integer.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// A string, meant to be UTF-8.
    #[prost(bytes = "bytes", tag = "4")]
    pub s: Bytes,
    /// A tensor.
    #[prost(message, optional, boxed, tag = "5")]
    pub t: Option<Box<TensorProto>>,
    /// A graph: the body of a loop or a branch.
    #[prost(message, optional, boxed, tag = "6")]
    pub g: Option<Box<GraphProto>>,
    /// A sparse tensor.
    #[prost(message, optional, boxed, tag = "22")]
    pub sparse_tensor: Option<Box<SparseTensorProto>>,
    /// A type.
    #[prost(message, optional, boxed, tag = "14")]
    pub tp: Option<Box<TypeProto>>,
    /// Floats.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Strings.
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub strings: Vec<Bytes>,
    /// Tensors.
    #[prost(message, repeated, tag = "10")]
    pub tensors: Vec<TensorProto>,
    /// Graphs.
    #[prost(message, repeated, tag = "11")]
    pub graphs: Vec<GraphProto>,
    /// Sparse tensors.
    #[prost(message, repeated, tag = "23")]
    pub sparse_tensors: Vec<SparseTensorProto>,
    /// Types.
    #[prost(message, repeated, tag = "15")]
    pub type_protos: Vec<TypeProto>,
}

/// Which field of an attribute holds its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
#[allow(missing_docs, reason = "each variant names the field of `AttributeProto`")]
pub enum AttributeType {
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
    Tensors = 9,
    Graphs = 10,
    SparseTensor = 11,
    SparseTensors = 12,
    TypeProto = 13,
    TypeProtos = 14,
}

impl AttributeProto {
    /// An attribute called `name`; its type follows from `value`.
    pub fn new(name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        let mut attribute = Self { name: name.into(), ..Self::default() };
        let kind = match value.into() {
            AttributeValue::Float(value) => {
                attribute.f = value;
                AttributeType::Float
            }
            AttributeValue::Int(value) => {
                attribute.i = value;
                AttributeType::Int
            }
            AttributeValue::String(value) => {
                attribute.s = value.into();
                AttributeType::String
            }
            AttributeValue::Tensor(value) => {
                attribute.t = Some(value);
                AttributeType::Tensor
            }
            AttributeValue::Graph(value) => {
                attribute.g = Some(value);
                AttributeType::Graph
            }
            AttributeValue::Floats(value) => {
                attribute.floats = value;
                AttributeType::Floats
            }
            AttributeValue::Ints(value) => {
                attribute.ints = value;
                AttributeType::Ints
            }
            AttributeValue::Strings(value) => {
                attribute.strings = value.into_iter().map(Bytes::from).collect();
                AttributeType::Strings
            }
        };
        attribute.set_type(kind);
        attribute
    }

    /// The text of a string attribute, if it is one and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        (self.r#type() == AttributeType::String).then(|| std::str::from_utf8(&self.s).ok()).flatten()
    }
}

/// The value of an attribute to be made; every `From` below names one.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant names the field of `AttributeProto`")]
pub enum AttributeValue {
    Float(f32),
    Int(i64),
    String(String),
    Tensor(Box<TensorProto>),
    Graph(Box<GraphProto>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Strings(Vec<String>),
}

impl From<f32> for AttributeValue {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<TensorProto> for AttributeValue {
    fn from(value: TensorProto) -> Self {
        Self::Tensor(Box::new(value))
    }
}

impl From<GraphProto> for AttributeValue {
    fn from(value: GraphProto) -> Self {
        Self::Graph(Box::new(value))
    }
}

impl From<Vec<f32>> for AttributeValue {
    fn from(value: Vec<f32>) -> Self {
        Self::Floats(value)
    }
}

impl From<Vec<i64>> for AttributeValue {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

impl<const N: usize> From<[i64; N]> for AttributeValue {
    fn from(value: [i64; N]) -> Self {
        Self::Ints(value.to_vec())
    }
}

impl From<Vec<String>> for AttributeValue {
    fn from(value: Vec<String>) -> Self {
        Self::Strings(value)
    }
}
