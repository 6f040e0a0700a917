//! Tensors as arrays in JSON: flat, or nested as their shape says.

use std::str::FromStr;

use serde::ser::{Error, Serialize, Serializer};
use tandem_core::{DType, Element, Tensor};

use crate::{EncodeError, TensorProblem};

/// The elements of a tensor, written as a flat array. Made by [`Data::new`], which refuses what JSON cannot hold.
pub(crate) struct Data<'a>(&'a Tensor);

impl<'a> Data<'a> {
    pub(crate) fn new(name: &str, tensor: &'a Tensor) -> Result<Self, EncodeError> {
        let dtype = tensor.dtype();
        let infinite = match dtype {
            DType::F16 => return Err(EncodeError::NoJsonForm { name: name.to_owned(), dtype }),
            DType::F32 => first_infinite::<f32>(tensor, |value| value.is_finite()),
            DType::F64 => first_infinite::<f64>(tensor, |value| value.is_finite()),
            _ => None,
        };
        match infinite {
            Some(index) => Err(EncodeError::NotFinite { name: name.to_owned(), index }),
            None => Ok(Self(tensor)),
        }
    }
}

fn first_infinite<T: Element>(tensor: &Tensor, is_finite: impl Fn(&T) -> bool) -> Option<usize> {
    tensor.values::<T>().ok()?.iter().position(|value| !is_finite(value))
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn numbers<T: Element + Serialize, S: Serializer>(
            tensor: &Tensor,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(tensor.values::<T>().map_err(S::Error::custom)?.iter())
        }
        match self.0.dtype() {
            DType::Bool => serializer.collect_seq(self.0.to_bools().map_err(S::Error::custom)?),
            DType::U8 => numbers::<u8, S>(self.0, serializer),
            DType::U16 => numbers::<u16, S>(self.0, serializer),
            DType::U32 => numbers::<u32, S>(self.0, serializer),
            DType::U64 => numbers::<u64, S>(self.0, serializer),
            DType::I8 => numbers::<i8, S>(self.0, serializer),
            DType::I16 => numbers::<i16, S>(self.0, serializer),
            DType::I32 => numbers::<i32, S>(self.0, serializer),
            DType::I64 => numbers::<i64, S>(self.0, serializer),
            DType::F32 => numbers::<f32, S>(self.0, serializer),
            DType::F64 => numbers::<f64, S>(self.0, serializer),
            DType::String => serializer.collect_seq(self.0.strings().unwrap_or_default()),
            other => Err(S::Error::custom(format!("{other} has no form in JSON"))),
        }
    }
}

/// The tensor whose elements are the array `data`, which must be valid JSON.
pub(crate) fn decode(dtype: DType, shape: Vec<usize>, data: &str) -> Result<Tensor, TensorProblem> {
    match dtype {
        DType::Bool => {
            let values = elements(dtype, &shape, data, |token| match token {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            })?;
            Ok(Tensor::from_bools(shape, &values)?)
        }
        DType::U8 => integers::<u8>(shape, data),
        DType::U16 => integers::<u16>(shape, data),
        DType::U32 => integers::<u32>(shape, data),
        DType::U64 => integers::<u64>(shape, data),
        DType::I8 => integers::<i8>(shape, data),
        DType::I16 => integers::<i16>(shape, data),
        DType::I32 => integers::<i32>(shape, data),
        DType::I64 => integers::<i64>(shape, data),
        DType::F32 => floats(shape, data, |value: &f32| value.is_finite()),
        DType::F64 => floats(shape, data, |value: &f64| value.is_finite()),
        DType::String => {
            let values = elements(dtype, &shape, data, |token| serde_json::from_str(token).ok())?;
            Ok(Tensor::from_strings(shape, values)?)
        }
        other => Err(TensorProblem::NoJsonForm { dtype: other }),
    }
}

fn integers<T: Element + FromStr>(shape: Vec<usize>, data: &str) -> Result<Tensor, TensorProblem> {
    let values = elements(T::DTYPE, &shape, data, |token| token.parse::<T>().ok())?;
    Ok(Tensor::from_vec(shape, values)?)
}

fn floats<T: Element + FromStr>(
    shape: Vec<usize>,
    data: &str,
    is_finite: impl Fn(&T) -> bool,
) -> Result<Tensor, TensorProblem> {
    // A number beyond the type's range parses as an infinity.
    let values = elements(T::DTYPE, &shape, data, |token| token.parse::<T>().ok().filter(&is_finite))?;
    Ok(Tensor::from_vec(shape, values)?)
}

/// The elements of an array that is flat, or nested exactly as `shape` says.
///
/// `data` is known to be valid JSON, so its brackets pair up and a token ends where a delimiter stands.
fn elements<T>(
    dtype: DType,
    shape: &[usize],
    data: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, TensorProblem> {
    let nesting = || TensorProblem::Nesting { shape: shape.to_vec() };
    let nested = data.strip_prefix('[').ok_or_else(nesting)?.trim_start().starts_with('[');
    let leaf_depth = if nested { shape.len() } else { 1 };
    let mut values = Vec::new();
    // For each array that is open, how many items it has had.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = data;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'[' if open.len() == leaf_depth => return Err(nesting()),
            b'[' => {
                open.push(0);
                1
            }
            b']' => {
                let items = open.pop();
                if nested && items != shape.get(open.len()).copied() {
                    return Err(nesting());
                }
                open.last_mut().into_iter().for_each(|items| *items += 1);
                1
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' => 1,
            _ => {
                let length = token_length(rest);
                let index = values.len();
                let value =
                    rest.get(..length).and_then(&parse).ok_or(TensorProblem::Element { index, dtype })?;
                if open.len() != leaf_depth {
                    return Err(nesting());
                }
                values.push(value);
                open.last_mut().into_iter().for_each(|items| *items += 1);
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(values)
}

/// Bytes of the string, number or word at the start of `text`. An object's first byte is a token that no type has.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = if bytes.first() == Some(&b'"') {
        let mut escaped = false;
        bytes
            .iter()
            .skip(1)
            .position(|&byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            })
            .map(|quote| quote + 2)
    } else {
        bytes.iter().position(|byte| matches!(byte, b',' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
    };
    end.unwrap_or(bytes.len())
}
