//! Nested arrays of a JSON text that is known to be sound.

use half::f16;
use tandem::{DType, Element, Tensor};

use super::{JsonError, shorten};

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// Elements in row-major order, and the shape that their nesting makes.
pub(super) struct Values {
    pub(super) shape: Vec<usize>,
    elements: Elements,
}

/// Elements of one type.
enum Elements {
    Bytes(DType, Vec<u8>),
    Strings(Vec<String>),
}

impl Values {
    /// The tensor, under another shape where one is given.
    pub(super) fn into_tensor(self, shape: Option<Vec<usize>>) -> Result<Tensor, JsonError> {
        let shape = shape.unwrap_or(self.shape);
        Ok(match self.elements {
            Elements::Bytes(dtype, bytes) => {
                // Counted here, so that the message is about elements and not about bytes.
                let size = dtype.size().unwrap_or(1);
                let expected = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
                match expected {
                    Some(expected) if expected != bytes.len() / size => {
                        let got = bytes.len() / size;
                        return Err(tandem::TensorError::CountMismatch { shape, expected, got }.into());
                    }
                    _ => Tensor::from_bytes(dtype, shape, &bytes)?,
                }
            }
            Elements::Strings(strings) => Tensor::from_strings(shape, strings)?,
        })
    }
}

impl Elements {
    fn new(dtype: DType) -> Self {
        match dtype {
            DType::String => Self::Strings(Vec::new()),
            dtype => Self::Bytes(dtype, Vec::new()),
        }
    }

    /// Adds the element that `token` stands for; `None` where it stands for none.
    fn push(&mut self, token: &str) -> Option<()> {
        fn plain<T: Element>(bytes: &mut Vec<u8>, value: T) {
            bytes.extend_from_slice(bytemuck::bytes_of(&value));
        }
        match self {
            Self::Strings(strings) => strings.push(serde_json::from_str(token).ok()?),
            Self::Bytes(dtype, bytes) => match dtype {
                DType::Bool => bytes.push(match token {
                    "true" => 1,
                    "false" => 0,
                    _ => return None,
                }),
                DType::U8 => plain(bytes, token.parse::<u8>().ok()?),
                DType::U16 => plain(bytes, token.parse::<u16>().ok()?),
                DType::U32 => plain(bytes, token.parse::<u32>().ok()?),
                DType::U64 => plain(bytes, token.parse::<u64>().ok()?),
                DType::I8 => plain(bytes, token.parse::<i8>().ok()?),
                DType::I16 => plain(bytes, token.parse::<i16>().ok()?),
                DType::I32 => plain(bytes, token.parse::<i32>().ok()?),
                DType::I64 => plain(bytes, token.parse::<i64>().ok()?),
                DType::F16 => plain(bytes, half(token)?),
                DType::F32 => plain(bytes, float::<f32>(token)?),
                DType::F64 => plain(bytes, float::<f64>(token)?),
                _ => return None,
            },
        }
        Some(())
    }
}

/// A number, or one of the three strings for what JSON has no number for. Overflow is refused.
fn float<T: std::str::FromStr + Into<f64> + Copy>(token: &str) -> Option<T> {
    let name = match token {
        "\"NaN\"" => "NaN",
        "\"Infinity\"" => "inf",
        "\"-Infinity\"" => "-inf",
        number if number.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
            let value: T = number.parse().ok()?;
            return value.into().is_finite().then_some(value);
        }
        _ => return None,
    };
    name.parse().ok()
}

/// As [`float`], in half precision.
fn half(token: &str) -> Option<f16> {
    let wide: f64 = float(token)?;
    let narrow = f16::from_f64(wide);
    (narrow.is_finite() == wide.is_finite()).then_some(narrow)
}

/// Reads `text`, sound JSON, as elements of `dtype`.
pub(super) fn read(text: &str, dtype: DType) -> Result<Values, JsonError> {
    let mut elements = Elements::new(dtype);
    let mut count = 0;
    // The size of each depth, once its first row is at its end.
    let mut shape: Vec<Option<usize>> = Vec::new();
    // The elements so far of every open row, the outermost first.
    let mut open: Vec<usize> = Vec::new();
    // The depth at which values stand.
    let mut leaf: Option<usize> = None;

    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '[' => {
                let depth = open.len();
                if leaf.is_some_and(|leaf| depth >= leaf) {
                    return Err(JsonError::Mixed { depth: depth.saturating_sub(1) });
                }
                if depth == MAX_DEPTH {
                    return Err(JsonError::TooDeep(MAX_DEPTH));
                }
                if let Some(row) = open.last_mut() {
                    *row += 1;
                }
                if shape.len() == depth {
                    shape.push(None);
                }
                open.push(0);
                rest = &rest[1..];
            }
            ']' => {
                let got = open.pop().unwrap_or(0);
                let depth = open.len();
                match shape[depth] {
                    Some(expected) if expected != got => {
                        return Err(JsonError::Ragged { depth, expected, got });
                    }
                    _ => shape[depth] = Some(got),
                }
                rest = &rest[1..];
            }
            ',' => rest = &rest[1..],
            '{' => return Err(JsonError::Form(shorten(rest))),
            _ => {
                let (token, after) = rest.split_at(token_end(rest));
                let depth = open.len();
                if *leaf.get_or_insert(depth) != depth || shape.len() > depth {
                    return Err(JsonError::Mixed { depth: depth.saturating_sub(1) });
                }
                elements.push(token).ok_or_else(|| JsonError::Element {
                    index: count,
                    got: shorten(token),
                    expected: dtype,
                })?;
                count += 1;
                if let Some(row) = open.last_mut() {
                    *row += 1;
                }
                rest = after;
            }
        }
        rest = rest.trim_start();
    }
    Ok(Values { shape: shape.into_iter().map(|size| size.unwrap_or(0)).collect(), elements })
}

/// Where the first token of `text`, a scalar, ends.
fn token_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return bytes
            .iter()
            .position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'))
            .unwrap_or(bytes.len());
    }
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    bytes.len()
}
