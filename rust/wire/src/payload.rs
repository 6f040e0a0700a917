//! A message as bytes.

use bytes::{Bytes, BytesMut};

use crate::DecodeError;
use crate::binary::{self, TensorBytes};
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
    /// The JSON, then the binary tensors: large ones as they lie in memory, small ones copied behind what stands before
    /// them. None is empty.
    pub chunks: Vec<Bytes>,
}

/// The binary part of a message that is being written.
#[derive(Debug, Default)]
pub(crate) struct BinaryPart {
    pieces: Vec<Bytes>,
    /// Small tensors since the last of the pieces.
    small: Vec<u8>,
}

impl BinaryPart {
    /// Tensors of as many bytes are copied sooner than sent as a piece of their own.
    const SMALL: usize = 4 << 10;

    pub(crate) fn push(&mut self, tensor: TensorBytes<'_>) {
        match tensor {
            TensorBytes::Owned(bytes) if bytes.len() > Self::SMALL => self.push_piece(bytes),
            TensorBytes::Owned(bytes) => self.small.extend_from_slice(&bytes),
            TensorBytes::Storage(storage) if storage.bytes().len() > Self::SMALL => {
                self.push_piece(binary::piece(storage));
            }
            TensorBytes::Storage(storage) => self.small.extend_from_slice(storage.bytes()),
        }
    }

    fn push_piece(&mut self, piece: Bytes) {
        self.end_small();
        self.pieces.push(piece);
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(std::mem::take(&mut self.small).into());
        }
    }
}

impl Payload {
    pub(crate) fn new(mut json: Vec<u8>, tensors: Option<BinaryPart>) -> Self {
        /// Where the first tensor starts is a multiple of this, so that a receiver with the body in one aligned
        /// piece of memory can read it in place.
        const ALIGNMENT: usize = 64;
        let Some(mut tensors) = tensors else {
            return Self { header_length: None, chunks: vec![json.into()] };
        };
        json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
        let header_length = Some(json.len());
        if tensors.pieces.is_empty() {
            json.append(&mut tensors.small);
        }
        tensors.end_small();
        tensors.pieces.insert(0, json.into());
        Self { header_length, chunks: tensors.pieces }
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
