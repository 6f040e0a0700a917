//! A request to run a model.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use tandem_core::{DType, Dimension, NamedTensors, Tensor, TensorInfo};

use crate::document::{self, Document};
use crate::error::shorten;
use crate::tensor::{TensorIn, bounded, decode_all, encode_all};
use crate::{DecodeError, EncodeError, Form, Payload, TensorProblem, binary, payload};

/// A request to run a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferRequest {
    /// What the response repeats. Some servers fail without it, so a client always sends one.
    pub id: Option<String>,
    /// The model's inputs.
    pub inputs: NamedTensors,
    /// The outputs wanted; empty is all of them.
    pub outputs: Vec<RequestedOutput>,
    /// The form of outputs that [`InferRequest::outputs`] does not name.
    pub default_form: Form,
}

/// An output that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedOutput {
    /// Its name.
    pub name: String,
    /// The form in which it is to come.
    pub form: Form,
}

#[derive(Deserialize)]
struct RequestIn<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<RequestParameters>,
    #[serde(borrow, deserialize_with = "bounded")]
    inputs: Vec<TensorIn<'a>>,
    #[serde(borrow, default)]
    outputs: Option<OutputsIn<'a>>,
}

#[derive(Deserialize)]
struct RequestParameters {
    #[serde(default)]
    binary_data_output: Option<bool>,
}

#[derive(Deserialize)]
struct OutputsIn<'a>(#[serde(borrow, deserialize_with = "bounded")] Vec<OutputIn<'a>>);

#[derive(Deserialize)]
struct OutputIn<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    parameters: Option<OutputParameters>,
}

#[derive(Deserialize)]
struct OutputParameters {
    #[serde(default)]
    binary_data: Option<bool>,
    #[serde(default)]
    classification: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    shared_memory_region: Option<serde::de::IgnoredAny>,
}

impl InferRequest {
    /// The request as bytes, every input in `form`.
    pub fn encode(&self, form: Form) -> Result<Payload, EncodeError> {
        let mut document = Document::new();
        document.open(b'{');
        if let Some(id) = &self.id {
            document.member("id", id)?;
        }
        if self.default_form == Form::Binary {
            write_form(&mut document, "binary_data_output", self.default_form)?;
        }
        document.key("inputs");
        let tensors = encode_all(&mut document, &self.inputs, |_| form)?;
        if !self.outputs.is_empty() {
            self.write_outputs(&mut document)?;
        }
        document.close(b'}');
        Ok(Payload::new(document.into_bytes(), tensors))
    }

    fn write_outputs(&self, document: &mut Document) -> Result<(), EncodeError> {
        document.key("outputs");
        document.open(b'[');
        for output in &self.outputs {
            document.open(b'{');
            document.member("name", &output.name)?;
            if output.form != self.default_form {
                write_form(document, "binary_data", output.form)?;
            }
            document.close(b'}');
        }
        document.close(b']');
        Ok(())
    }

    /// The request that `body` is. `header_length` is the value of the [`HEADER_LENGTH`](crate::HEADER_LENGTH)
    /// header, `None` where there is no such header.
    ///
    /// A length of 0 says that the body is nothing but one tensor: see [`InferRequest::decode_raw`].
    pub fn decode(body: &Bytes, header_length: Option<usize>) -> Result<Self, DecodeError> {
        let (json, tensors) = payload::split(body, header_length)?;
        let message: RequestIn<'_> = document::parse(&json)?;
        let default_form = form(message.parameters.and_then(|it| it.binary_data_output)).unwrap_or_default();
        let mut outputs = Vec::new();
        for output in message.outputs.map(|outputs| outputs.0).unwrap_or_default() {
            outputs.push(requested(output, default_form)?);
        }
        let mut names: Vec<&str> =
            outputs.iter().map(|output: &RequestedOutput| output.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(DecodeError::Duplicate { name: shorten(pair[0]) });
        }
        let inputs = decode_all(message.inputs, tensors)?;
        Ok(Self { id: message.id, inputs, outputs, default_form })
    }

    /// The request whose body is nothing but the bytes of the model's only input: the form of header length 0.
    ///
    /// Of the sizes of `input` one may be open, and is then what the body's length makes it; where more are,
    /// the first is a batch of 1. A string input is one string, the whole body. Outputs come back binary.
    pub fn decode_raw(body: &Bytes, input: &TensorInfo) -> Result<Self, DecodeError> {
        let shape = raw_shape(input, body.len()).map_err(|detail| DecodeError::Raw { detail })?;
        let in_input = |problem: TensorProblem| DecodeError::tensor(&input.name, problem);
        let tensor = if input.dtype == DType::String {
            let text = str::from_utf8(body).map_err(|_| in_input(TensorProblem::NotUtf8 { index: 0 }))?;
            Tensor::from_strings(shape, vec![text.to_owned()]).map_err(|error| in_input(error.into()))?
        } else {
            binary::decode(input.dtype, shape, body.clone()).map_err(in_input)?
        };
        let inputs = NamedTensors::new([(input.name.clone(), tensor)])
            .map_err(|_| DecodeError::Duplicate { name: input.name.clone() })?;
        Ok(Self { inputs, default_form: Form::Binary, ..Self::default() })
    }

    /// The form in which the output of that name is wanted.
    pub fn form_of(&self, output: &str) -> Form {
        let named = self.outputs.iter().find(|requested| requested.name == output);
        named.map_or(self.default_form, |requested| requested.form)
    }
}

/// Writes the parameter that says in which form tensors are wanted.
fn write_form(document: &mut Document, parameter: &'static str, form: Form) -> Result<(), EncodeError> {
    document.key("parameters");
    document.open(b'{');
    document.member(parameter, &(form == Form::Binary))?;
    document.close(b'}');
    Ok(())
}

fn form(binary: Option<bool>) -> Option<Form> {
    binary.map(|binary| if binary { Form::Binary } else { Form::Json })
}

fn requested(output: OutputIn<'_>, default_form: Form) -> Result<RequestedOutput, DecodeError> {
    let refused = |parameter| DecodeError::OutputParameter { name: shorten(&output.name), parameter };
    let mut wanted = default_form;
    if let Some(parameters) = &output.parameters {
        if parameters.classification.is_some() {
            return Err(refused("classification"));
        }
        if parameters.shared_memory_region.is_some() {
            return Err(refused("shared_memory_region"));
        }
        wanted = form(parameters.binary_data).unwrap_or(default_form);
    }
    Ok(RequestedOutput { name: output.name.into_owned(), form: wanted })
}

/// The sizes of a tensor of `input` that takes `bytes` bytes.
fn raw_shape(input: &TensorInfo, bytes: usize) -> Result<Vec<usize>, String> {
    let Some(declared) = &input.shape else {
        return Err(format!("input {:?} has no declared shape", input.name));
    };
    let Some(element) = input.dtype.size() else {
        return Ok(vec![1; declared.len()]);
    };
    let mut sizes: Vec<_> = declared
        .iter()
        .map(|dimension| match dimension {
            Dimension::Fixed(size) => Some(*size),
            Dimension::Symbol(_) | Dimension::Unknown => None,
        })
        .collect();
    if sizes.iter().filter(|size| size.is_none()).count() > 1
        && let Some(first @ None) = sizes.first_mut()
    {
        *first = Some(1);
    }
    if sizes.iter().filter(|size| size.is_none()).count() > 1 {
        return Err(format!("input {:?} has more than one open size: {}", input.name, input.shape_text()));
    }
    let row = sizes.iter().flatten().try_fold(element, |product, &size| product.checked_mul(size));
    let open = row.and_then(|row| bytes.checked_div(row)).unwrap_or(0);
    Ok(sizes.into_iter().map(|size| size.unwrap_or(open)).collect())
}
