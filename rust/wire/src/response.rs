//! The answer to a request to run a model.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tandem_core::NamedTensors;

use crate::tensor::{TensorIn, TensorOut, bounded, decode_all, encode_all};
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

#[derive(Serialize)]
struct ResponseOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<TensorOut<'a>>,
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
        let (outputs, tensors) = encode_all(&self.outputs, form)?;
        let message = ResponseOut {
            model_name: self.model_name.as_deref(),
            model_version: self.model_version.as_deref(),
            id: self.id.as_deref(),
            outputs,
        };
        let json =
            serde_json::to_vec(&message).map_err(|error| EncodeError::Json { detail: error.to_string() })?;
        Ok(Payload::new(json, tensors))
    }

    /// The answer that `body` is. `header_length` is the value of the [`HEADER_LENGTH`](crate::HEADER_LENGTH)
    /// header, `None` where there is no such header.
    pub fn decode(body: &Bytes, header_length: Option<usize>) -> Result<Self, DecodeError> {
        let (json, tensors) = payload::split(body, header_length)?;
        let message: ResponseIn<'_> =
            serde_json::from_slice(&json).map_err(|error| DecodeError::json(&json, &error))?;
        Ok(Self {
            model_name: message.model_name,
            model_version: message.model_version,
            id: message.id,
            outputs: decode_all(message.outputs, tensors)?,
        })
    }
}
