//! Tensors as they are stored: constants of a graph and tensor-valued attributes.

mod element;
mod external;
mod values;

use bytes::Bytes;

use crate::data_type::{DataType, UnknownDataType};
use crate::model::StringStringEntryProto;

pub use element::Element;
pub use external::{ExternalData, ExternalDataError};

/// A tensor. Its elements stand in `raw_data`, in the typed field of its element type, or in a file
/// beside the model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorProto {
    /// The dimensions, outermost first; none for a scalar.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// Number of the element type; see [`DataType`].
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// The part of the elements that is stored here.
    #[prost(message, optional, tag = "3")]
    pub segment: Option<SegmentProto>,
    /// Elements of float32; pairs of them for complex64.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Elements of the integers up to 32 bits, of bool, and the bits of the small floats.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// Elements of string, meant to be UTF-8.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub string_data: Vec<Bytes>,
    /// Elements of int64.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// Name of the value that the tensor gives.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Description for people.
    #[prost(string, tag = "12")]
    pub doc_string: String,
    /// Elements of every type but string, little-endian, row-major.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    /// Where the elements are when they are in another file: see [`ExternalData`].
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntryProto>,
    /// Whether the elements are here or in another file; `data_location()` names the number.
    #[prost(enumeration = "DataLocation", tag = "14")]
    pub data_location: i32,
    /// Elements of float64; pairs of them for complex128.
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// Elements of uint32 and uint64.
    #[prost(uint64, repeated, tag = "11")]
    pub uint64_data: Vec<u64>,
    /// Named notes.
    #[prost(message, repeated, tag = "16")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A range of a tensor's elements.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SegmentProto {
    /// First element.
    #[prost(int64, tag = "1")]
    pub begin: i64,
    /// Element after the last.
    #[prost(int64, tag = "2")]
    pub end: i64,
}

/// Where the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DataLocation {
    /// In the message.
    Default = 0,
    /// In another file.
    External = 1,
}

/// A tensor that is mostly zeros: its other elements and where they stand.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseTensorProto {
    /// The elements that are not zero; the name of this tensor is the name of the whole.
    #[prost(message, optional, tag = "1")]
    pub values: Option<TensorProto>,
    /// Their positions, int64, linear or one row of coordinates each.
    #[prost(message, optional, tag = "2")]
    pub indices: Option<TensorProto>,
    /// The dimensions of the whole.
    #[prost(int64, repeated, tag = "3")]
    pub dims: Vec<i64>,
}

/// Why the elements of a tensor cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The number of the element type is unknown.
    #[error("tensor `{name}`: {source}")]
    UnknownType {
        /// Name of the tensor.
        name: String,
        /// The number.
        source: UnknownDataType,
    },
    /// A dimension is negative.
    #[error("tensor `{name}`: dimension {axis} is {size}")]
    NegativeDimension {
        /// Name of the tensor.
        name: String,
        /// Which dimension.
        axis: usize,
        /// Its size.
        size: i64,
    },
    /// The product of the dimensions, or the bytes they need, do not fit a machine word.
    #[error("tensor `{name}`: a shape of {dims:?} is too large to address")]
    TooLarge {
        /// Name of the tensor.
        name: String,
        /// The dimensions.
        dims: Vec<i64>,
    },
    /// The elements have another type than the one asked for, or none of fixed size.
    #[error("tensor `{name}`: expected elements of {expected}, got {actual}")]
    WrongType {
        /// Name of the tensor.
        name: String,
        /// What was asked for.
        expected: &'static str,
        /// What the tensor holds.
        actual: DataType,
    },
    /// There are more or fewer values or bytes than the shape needs.
    #[error("tensor `{name}`: expected {expected} {unit}, got {actual}")]
    WrongLength {
        /// Name of the tensor.
        name: String,
        /// What is counted.
        unit: &'static str,
        /// What the shape needs.
        expected: usize,
        /// What is there.
        actual: usize,
    },
    /// A value of a typed field does not fit the element type.
    #[error("tensor `{name}`: {value} does not fit {data_type}")]
    OutOfRange {
        /// Name of the tensor.
        name: String,
        /// The value.
        value: String,
        /// The element type.
        data_type: DataType,
    },
    /// A string is not UTF-8.
    #[error("tensor `{name}`: string {index} is not utf-8")]
    NotUtf8 {
        /// Name of the tensor.
        name: String,
        /// Which element.
        index: usize,
    },
    /// The elements are in another file; read it first.
    #[error("tensor `{name}`: the elements are in another file")]
    External {
        /// Name of the tensor.
        name: String,
    },
    /// The elements are spread over several messages, which no known tool writes.
    #[error("tensor `{name}`: segmented tensors are not supported")]
    Segmented {
        /// Name of the tensor.
        name: String,
    },
}

impl TensorProto {
    /// The element type.
    pub fn element_type(&self) -> Result<DataType, TensorError> {
        DataType::try_from(self.data_type)
            .map_err(|source| TensorError::UnknownType { name: self.name.clone(), source })
    }

    /// The dimensions as sizes.
    pub fn shape(&self) -> Result<Vec<usize>, TensorError> {
        let size = |(axis, &size): (usize, &i64)| {
            usize::try_from(size).map_err(|_| {
                if size < 0 {
                    TensorError::NegativeDimension { name: self.name.clone(), axis, size }
                } else {
                    self.too_large()
                }
            })
        };
        self.dims.iter().enumerate().map(size).collect()
    }

    /// The number of elements that the shape stands for; 1 for a scalar.
    pub fn elements(&self) -> Result<usize, TensorError> {
        let shape = self.shape()?;
        // A dimension of nought makes the tensor empty, however large the others are.
        if shape.contains(&0) {
            return Ok(0);
        }
        shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size))
            .ok_or_else(|| self.too_large())
    }

    /// The bytes that the elements take in `raw_data`, types below eight bits packed.
    ///
    /// Strings have no fixed size: [`TensorError::WrongType`].
    pub fn byte_len(&self) -> Result<usize, TensorError> {
        let data_type = self.element_type()?;
        let bits = data_type.bits().ok_or_else(|| self.wrong_type("a fixed size", data_type))?;
        let elements = self.elements()?;
        let length = if bits < 8 {
            elements.checked_mul(bits).map(|bits| bits.div_ceil(8))
        } else {
            elements.checked_mul(bits / 8)
        };
        length.ok_or_else(|| self.too_large())
    }

    /// Whether the elements are in another file.
    pub fn is_external(&self) -> bool {
        self.data_location() == DataLocation::External
    }

    /// Fails when the elements are not, or not all, in this message.
    fn require_inline(&self) -> Result<(), TensorError> {
        let name = || self.name.clone();
        if self.is_external() {
            Err(TensorError::External { name: name() })
        } else if self.segment.is_some() {
            Err(TensorError::Segmented { name: name() })
        } else {
            Ok(())
        }
    }

    fn require_length(&self, unit: &'static str, expected: usize, actual: usize) -> Result<(), TensorError> {
        if expected == actual {
            return Ok(());
        }
        Err(TensorError::WrongLength { name: self.name.clone(), unit, expected, actual })
    }

    fn too_large(&self) -> TensorError {
        TensorError::TooLarge { name: self.name.clone(), dims: self.dims.clone() }
    }

    fn wrong_type(&self, expected: &'static str, actual: DataType) -> TensorError {
        TensorError::WrongType { name: self.name.clone(), expected, actual }
    }
}
