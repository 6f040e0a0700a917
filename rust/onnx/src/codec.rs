//! Bytes to a model and back.

mod preflight;
mod stream;

use bytes::Bytes;
use prost::Message;

use crate::attribute::AttributeProto;
use crate::model::{FunctionProto, ModelProto};

pub use stream::{StreamError, Witness};

/// What decoding may cost. The defaults let every real model pass and stop a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Bytes of the file. Protobuf itself ends at 2 GiB.
    pub max_bytes: usize,
    /// Bytes of memory that the decoded messages may take beside the file. Two bytes of a file can
    /// name an empty node of some 250 bytes, so that a file of 100 MB could ask for 12 GB.
    /// Blobs such as `raw_data` do not count: they stay in the file's buffer.
    pub max_memory: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_bytes: i32::MAX as usize, max_memory: 1 << 30 }
    }
}

impl DecodeLimits {
    /// These limits with another number of file bytes.
    pub fn with_max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// These limits with another number of bytes of memory.
    pub fn with_max_memory(self, max_memory: usize) -> Self {
        Self { max_memory, ..self }
    }
}

/// Why bytes are not a model.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file is larger than allowed.
    #[error("the model has {actual} bytes, and at most {limit} are allowed")]
    TooManyBytes {
        /// Bytes of the file.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The decoded messages would take more memory than allowed.
    #[error("the model's structure needs more than the {limit} bytes of memory that are allowed")]
    TooMuchMemory {
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes are no protobuf message of a model, or its messages nest more than 100 deep.
    #[error("the model is malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
}

impl ModelProto {
    /// Decodes a model with the default [`DecodeLimits`].
    ///
    /// Blobs (`raw_data`, string elements, string attributes) are slices of `bytes`, not copies.
    /// Messages may nest up to 100 deep, which is the limit of every protobuf reader. Fields that
    /// ONNX 1.23 does not have are dropped.
    ///
    /// Nothing is checked beyond the form: the graph may be absent, and names may lead nowhere.
    ///
    /// ```
    /// use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, ModelProto, dims};
    ///
    /// let mut graph = GraphBuilder::new("identity");
    /// graph.input("x", DataType::Float32, dims!["batch", 3]);
    /// graph.node("Identity", ["x"], ["y"]);
    /// graph.output("y", DataType::Float32, dims!["batch", 3]);
    /// let model = ModelBuilder::new(graph).build()?;
    ///
    /// assert_eq!(ModelProto::decode_bytes(model.encode_bytes())?, model);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::decode_with_limits(bytes, DecodeLimits::default())
    }

    /// Decodes a model, as [`decode_bytes`](Self::decode_bytes) does, within `limits`. They are
    /// checked before memory is taken.
    pub fn decode_with_limits(bytes: Bytes, limits: DecodeLimits) -> Result<Self, DecodeError> {
        if bytes.len() > limits.max_bytes {
            return Err(DecodeError::TooManyBytes { actual: bytes.len(), limit: limits.max_bytes });
        }
        if !preflight::fits(&bytes, limits.max_memory) {
            return Err(DecodeError::TooMuchMemory { limit: limits.max_memory });
        }
        Ok(Self::decode(bytes)?)
    }

    /// The bytes of an ONNX file. Other readers refuse files over 2 GiB.
    pub fn encode_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl FunctionProto {
    /// Bytes of the message in a file.
    pub fn encoded_len(&self) -> usize {
        Message::encoded_len(self)
    }
}

impl AttributeProto {
    /// Bytes of the message in a file.
    pub fn encoded_len(&self) -> usize {
        Message::encoded_len(self)
    }
}
