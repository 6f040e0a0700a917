//! A message as bytes.

use bytes::{Bytes, BytesMut};

use crate::DecodeError;
use crate::error::shorten;

/// The form in which a tensor travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// Its bytes after the JSON: little-endian, row-major, unpadded.
    Binary,
    /// An array in the JSON.
    #[default]
    Json,
}

/// The body of a message, in pieces that are sent one after the other.
#[derive(Clone, Debug)]
pub struct Payload {
    /// How many bytes of the body are JSON, to be sent as [`HEADER_LENGTH`](crate::HEADER_LENGTH). `None` where
    /// the whole body is JSON and no such header is sent.
    pub header_length: Option<usize>,
    /// The JSON, then each binary tensor as it lies in memory. None is empty.
    pub chunks: Vec<Bytes>,
}

impl Payload {
    pub(crate) fn new(mut json: Vec<u8>, tensors: Option<Vec<Bytes>>) -> Self {
        /// Where the first tensor starts is a multiple of this, so that a receiver with the body in one aligned
        /// piece of memory can read it in place.
        const ALIGNMENT: usize = 64;
        let Some(tensors) = tensors else {
            return Self { header_length: None, chunks: vec![json.into()] };
        };
        json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
        let header_length = Some(json.len());
        let mut chunks = vec![Bytes::from(json)];
        chunks.extend(tensors.into_iter().filter(|tensor| !tensor.is_empty()));
        Self { header_length, chunks }
    }

    /// Bytes of the whole body.
    pub fn byte_len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// The value of the `Content-Type` header.
    pub fn content_type(&self) -> &'static str {
        if self.header_length.is_some() { "application/octet-stream" } else { "application/json" }
    }

    /// The body in one piece: a copy where there is more than one chunk.
    pub fn to_bytes(&self) -> Bytes {
        if let [only] = self.chunks.as_slice() {
            return only.clone();
        }
        let mut body = BytesMut::with_capacity(self.byte_len());
        for chunk in &self.chunks {
            body.extend_from_slice(chunk);
        }
        body.freeze()
    }
}

/// The value of the [`HEADER_LENGTH`](crate::HEADER_LENGTH) header as a number. Digits only.
pub fn parse_header_length(text: &str) -> Result<usize, DecodeError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits => Ok(length),
        _ => Err(DecodeError::HeaderLength { text: shorten(text) }),
    }
}

/// Splits a body into its JSON and, where `header_length` is there, its binary part.
pub(crate) fn split(
    body: &Bytes,
    header_length: Option<usize>,
) -> Result<(Bytes, Option<Bytes>), DecodeError> {
    match header_length {
        None => Ok((body.clone(), None)),
        Some(header) if header <= body.len() => Ok((body.slice(..header), Some(body.slice(header..)))),
        Some(header) => Err(DecodeError::HeaderPastBody { header, body: body.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_length_is_digits_and_nothing_else() {
        assert_eq!(parse_header_length("0"), Ok(0));
        assert_eq!(parse_header_length("602112"), Ok(602_112));
        for text in ["", "-1", "+1", " 1", "1.0", "0x10", "99999999999999999999999"] {
            assert!(matches!(parse_header_length(text), Err(DecodeError::HeaderLength { .. })), "{text}");
        }
    }
}
