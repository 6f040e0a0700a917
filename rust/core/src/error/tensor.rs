use crate::{DType, ErrorCode};

/// A tensor could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The shape holds another number of elements.
    #[error("shape {shape:?} has {expected} elements, got {got}")]
    CountMismatch {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Its number of elements.
        expected: usize,
        /// The number that came.
        got: usize,
    },
    /// The shape takes another number of bytes.
    #[error("a tensor of {dtype} {shape:?} takes {expected} bytes, got {got}")]
    LengthMismatch {
        /// The element type.
        dtype: DType,
        /// The shape.
        shape: Vec<usize>,
        /// The bytes they take.
        expected: usize,
        /// The bytes that came.
        got: usize,
    },
    /// The shape has more elements than the address space.
    #[error("shape {shape:?} is too large for this device")]
    TooLarge {
        /// The shape.
        shape: Vec<usize>,
    },
    /// The tensor was read as a type that it is not.
    #[error("expected a tensor of {expected}, got one of {got}")]
    DTypeMismatch {
        /// The type asked for.
        expected: DType,
        /// The type of the tensor.
        got: DType,
    },
    /// A byte of a bool tensor is neither 0 nor 1.
    #[error("element {index} of a bool tensor is {got}, expected 0 or 1")]
    NotBool {
        /// Where.
        index: usize,
        /// What.
        got: u8,
    },
    /// A string tensor was made from bytes.
    #[error("a string tensor is made of strings, not of bytes")]
    NotBytes,
}

impl TensorError {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::ResourceLimit,
            _ => ErrorCode::InvalidInput,
        }
    }
}
