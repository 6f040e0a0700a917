//! JSON as tensors: nested arrays, or `{"shape": [..], "data": [..]}`, or an object of either by input name.
//!
//! `serde_json` checks the document and cuts it; the numbers are then parsed from their own text in the type of the
//! input, so that nothing is lost on the way: a 64-bit integer keeps every digit, and an f32 is rounded once. Values
//! that JSON has no number for are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`.

mod nested;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tandem::{Tensor, TensorError, TensorInfo};

use super::shape::{Resolved, ShapeHints};

/// A JSON text makes no tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// It is not JSON.
    #[error("{0}")]
    Syntax(String),
    /// A row is longer or shorter than those before it.
    #[error("a row at depth {depth} has {got} elements, those before it {expected}")]
    Ragged {
        /// How deep, from 0.
        depth: usize,
        /// Elements of the rows before.
        expected: usize,
        /// Elements of this one.
        got: usize,
    },
    /// Numbers beside rows.
    #[error("a number and a row stand side by side at depth {depth}")]
    Mixed {
        /// How deep, from 0.
        depth: usize,
    },
    /// More dimensions than are believed.
    #[error("it is nested more than {0} deep")]
    TooDeep(usize),
    /// A value that the element type does not have.
    #[error("element {index} is {got}, expected {expected}")]
    Element {
        /// Its place in row-major order.
        index: usize,
        /// The value, shortened.
        got: String,
        /// The element type.
        expected: tandem::DType,
    },
    /// Neither an array nor an object that is understood.
    #[error("expected nested arrays or an object with shape and data, got {0}")]
    Form(String),
    /// The values do not fit the shape.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// What a document holds.
#[derive(Debug)]
pub(super) enum Document<'a> {
    /// One tensor.
    Tensor(&'a RawValue),
    /// Tensors by input name, in order; a name may come twice.
    Named(Vec<(String, &'a RawValue)>),
}

/// Whether the first byte is one of a JSON array or object.
pub(super) fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'[' | b'{'))
}

/// Checks and cuts a document.
pub(super) fn parse(bytes: &[u8]) -> Result<Document<'_>, JsonError> {
    let text: &RawValue = serde_json::from_slice(bytes).map_err(syntax)?;
    if !text.get().starts_with('{') {
        return Ok(Document::Tensor(text));
    }
    let fields = fields(text)?;
    let has = |wanted: &str| fields.iter().any(|(name, _)| name == wanted);
    if has("shape") && has("data") { Ok(Document::Tensor(text)) } else { Ok(Document::Named(fields)) }
}

/// The tensor of `input` from `text`.
pub(super) fn tensor(text: &RawValue, input: &TensorInfo, hints: &ShapeHints) -> Result<Tensor, JsonError> {
    let (data, stated) = if text.get().starts_with('{') {
        let fields = fields(text)?;
        let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let (Some(shape), Some(data)) = (field("shape"), field("data")) else {
            return Err(JsonError::Form(shorten(text.get())));
        };
        let shape: Vec<usize> = serde_json::from_str(shape.get()).map_err(syntax)?;
        (data, Some(shape))
    } else {
        (text, None)
    };
    let values = nested::read(data.get(), input.dtype)?;
    // A flat list takes the shape that is known from elsewhere.
    let shape = match stated {
        Some(shape) => Some(shape),
        None if values.shape.len() == 1 => flat_shape(&values, input, hints),
        None => None,
    };
    values.into_tensor(shape)
}

fn flat_shape(values: &nested::Values, input: &TensorInfo, hints: &ShapeHints) -> Option<Vec<usize>> {
    let count = values.shape.first()?;
    match hints.resolve(input) {
        Resolved::Known(shape) if shape.iter().product::<usize>() == *count => Some(shape),
        _ => hints.shape(&input.name).map(<[usize]>::to_vec),
    }
}

/// The members of an object, in order, twins included.
fn fields(text: &RawValue) -> Result<Vec<(String, &RawValue)>, JsonError> {
    struct Fields<'a>(Vec<(String, &'a RawValue)>);

    struct FieldsVisitor;

    impl<'de> Visitor<'de> for FieldsVisitor {
        type Value = Fields<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(Fields(fields))
        }
    }

    impl<'de> Deserialize<'de> for Fields<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(FieldsVisitor)
        }
    }

    serde_json::from_str::<Fields<'_>>(text.get()).map(|fields| fields.0).map_err(syntax)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn syntax(error: serde_json::Error) -> JsonError {
    JsonError::Syntax(error.to_string())
}

/// The beginning of a text, for a message.
fn shorten(text: &str) -> String {
    const LENGTH: usize = 40;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
