//! The answer to a request to run a model.

use bytes::Bytes;
use serde::Deserialize;
use tandem_core::NamedTensors;

use crate::document::{self, Document};
use crate::tensor::{TensorIn, bounded, decode_all, encode_all};
use crate::{DecodeError, EncodeError, Form, Payload, payload};

/// The answer to a request to run a model.
///
/// What it says is not yet compared with what was asked: names, types and shapes are the receiver's to check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferResponse {
    /// The model that ran; some servers leave it out.
    pub model_name: Option<String>,
    /// Its version; some servers leave it out.
    pub model_version: Option<String>,
    /// The request's `id`; some servers leave it out.
    pub id: Option<String>,
    /// The outputs.
    pub outputs: NamedTensors,
}

#[derive(Deserialize)]
struct ResponseIn<'a> {
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, deserialize_with = "bounded")]
    outputs: Vec<TensorIn<'a>>,
}

impl InferResponse {
    /// The answer as bytes, each output in the form that `form` gives for its name:
    /// [`InferRequest::form_of`](crate::InferRequest::form_of) of the request.
    pub fn encode(&self, form: impl Fn(&str) -> Form) -> Result<Payload, EncodeError> {
        let head = ResponseHead {
            model_name: self.model_name.as_deref(),
            model_version: self.model_version.as_deref(),
            id: self.id.as_deref(),
        };
        encode_response(head, &self.outputs, form)
    }

    /// The answer that `body` is. `header_length` is the value of the [`HEADER_LENGTH`](crate::HEADER_LENGTH)
    /// header, `None` where there is no such header.
    pub fn decode(body: &Bytes, header_length: Option<usize>) -> Result<Self, DecodeError> {
        let (json, tensors) = payload::split(body, header_length)?;
        let message: ResponseIn<'_> = document::parse(&json)?;
        Ok(Self {
            model_name: message.model_name,
            model_version: message.model_version,
            id: message.id,
            outputs: decode_all(message.outputs, tensors)?,
        })
    }
}

/// What an answer says beside its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The model that ran.
    pub model_name: Option<&'a str>,
    /// Its version.
    pub model_version: Option<&'a str>,
    /// The request's `id`.
    pub id: Option<&'a str>,
}

/// [`InferResponse::encode`] of parts that stay where they are.
pub fn encode_response(
    head: ResponseHead<'_>,
    outputs: &NamedTensors,
    form: impl Fn(&str) -> Form,
) -> Result<Payload, EncodeError> {
    let mut document = Document::new();
    document.open(b'{');
    let head = [("model_name", head.model_name), ("model_version", head.model_version), ("id", head.id)];
    for (key, value) in head {
        if let Some(value) = value {
            document.member(key, value)?;
        }
    }
    document.key("outputs");
    let tensors = encode_all(&mut document, outputs, form)?;
    document.close(b'}');
    Ok(Payload::new(document.into_bytes(), tensors))
}
