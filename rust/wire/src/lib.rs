//! Open Inference Protocol v2 messages: tensors to bytes and back, JSON and binary. No sockets.
//!
//! Both sides of the wire use this crate: the client encodes an [`InferRequest`] and decodes an
//! [`InferResponse`], the server the other way round. A message is either one JSON document or, with Triton's
//! binary tensor extension, a JSON document followed by the bytes of tensors; the header
//! [`HEADER_LENGTH`] then says where the JSON ends. The two forms may be mixed within a message.
//!
//! Nothing that is read is believed: sizes are compared before memory is taken, lengths must come out even,
//! and a value that its type cannot hold is an error, never another value. Memory taken while decoding is
//! at most a small multiple of the body that is already there.
//!
//! Binary tensors are not copied. Those that are sent are handed out as they lie ([`Payload::chunks`]), and
//! those that are received are slices of the body.
//!
//! ```
//! use tandem_core::{NamedTensors, Tensor};
//! use tandem_wire::{Form, InferRequest, RequestedOutput};
//!
//! let inputs = NamedTensors::new([("x", Tensor::from_vec([2], vec![1.0_f32, 2.0])?)])?;
//! let outputs = vec![RequestedOutput { name: "y".into(), form: Form::Binary }];
//! let request = InferRequest { id: Some("7".into()), inputs, outputs, default_form: Form::Json };
//!
//! let payload = request.encode(Form::Binary)?;
//! let received = InferRequest::decode(&payload.to_bytes(), payload.header_length)?;
//! assert_eq!(received.inputs, request.inputs);
//! assert_eq!(received.form_of("y"), Form::Binary);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

// Tensors are in native order here and little-endian on the wire, and they travel as they lie in memory.
#[cfg(target_endian = "big")]
compile_error!("tandem-wire sends tensors as they lie in memory and so needs a little-endian target");

mod binary;
mod datatype;
mod document;
mod error;
mod failure;
mod json;
mod metadata;
mod payload;
mod request;
mod response;
mod scalar;
mod statistics;
mod tensor;
mod timing;

pub use binary::BodyStorage;
pub use datatype::{datatype_name, parse_datatype};
pub use error::{DecodeError, EncodeError, TensorProblem};
pub use failure::{failure_body, failure_text};
pub use metadata::{ModelMetadata, ServerMetadata, TensorMetadata};
pub use payload::{Form, Payload, parse_header_length};
pub use request::{InferRequest, RequestedOutput};
pub use response::{InferResponse, ResponseHead, encode_response};
pub use scalar::{row_as_scalar, scalar_as_row};
pub use statistics::parse_statistics;
pub use timing::{format_server_timing, parse_server_timing};

/// The header that says how many bytes of the body are JSON; the rest are tensors.
pub const HEADER_LENGTH: &str = "inference-header-content-length";

/// The name by which a server's metadata lists the binary tensor extension.
pub const BINARY_EXTENSION: &str = "binary_tensor_data";

/// The metric of a `Server-Timing` header that holds the time the model itself took.
pub const COMPUTE_METRIC: &str = "compute";

/// The metric of a `Server-Timing` header that holds the time a request waited for its turn.
pub const QUEUE_METRIC: &str = "queue";

/// Tensors a message may hold.
pub const MAX_TENSORS: usize = 4096;

/// Dimensions a tensor may have.
pub const MAX_RANK: usize = 64;
