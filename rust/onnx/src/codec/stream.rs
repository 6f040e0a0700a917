//! Decoding a file while it is read, each large constant into memory of its own.
//!
//! Read whole, a model's file and the constants made of it are in memory at once. Read so, a constant's bytes are let go of as
//! soon as it has been made.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use memmap2::MmapOptions;

use super::{DecodeError, DecodeLimits};
use crate::model::ModelProto;

/// Constants of fewer bytes stay in the message.
const LARGE: u64 = 64 << 10;

/// From so many bytes on, memory is taken from the system with all of its pages. To be given them one by one, as each is first
/// written, takes half as long again.
const PAGES: usize = 256 << 10;

/// Small reads go through so many bytes.
const BUFFER: usize = 64 << 10;

/// What is read of a large message before the next of it is shown.
const PIECE: u64 = 64 << 10;

/// Wire types: a varint, eight bytes, a length and so many bytes, four bytes.
const VARINT: u64 = 0;
const EIGHT: u64 = 1;
const SIZED: u64 = 2;
const FOUR: u64 = 5;

/// Fields that are looked into.
const MODEL_GRAPH: u64 = 7;
const GRAPH_INITIALIZER: u64 = 5;
const TENSOR_RAW_DATA: u64 = 9;

/// Sees the bytes that a model is decoded from, each once and in their order.
pub trait Witness {
    /// The next bytes, which are copied into the model's messages.
    fn bytes(&mut self, next: &[u8]);

    /// The next bytes, a large constant that the model keeps as they are.
    fn constant(&mut self, next: &Bytes);
}

/// Sees nothing.
impl Witness for () {
    fn bytes(&mut self, _next: &[u8]) {}

    fn constant(&mut self, _next: &Bytes) {}
}

impl ModelProto {
    /// Decodes a model from the first `length` bytes of a reader, as [`decode_with_limits`](Self::decode_with_limits) does. No
    /// more of it is read. `witness` has seen all of these bytes when there is a model.
    ///
    /// `Ok(None)` where the file is malformed, ends early, or is written in an order that this way of reading does not follow:
    /// it is then to be read whole, which tells what is wrong with it.
    pub fn decode_stream(
        reader: impl Read,
        length: u64,
        limits: DecodeLimits,
        witness: &mut impl Witness,
    ) -> Result<Option<Self>, StreamError> {
        let reader = BufReader::with_capacity(BUFFER, reader.take(length));
        let mut stream = Stream { reader, witness, large: Vec::new(), initializers: 0 };
        let mut rest = Vec::new();
        match stream.message(length, Kind::Model, &mut rest) {
            Err(Stop::Read(error)) => return Err(StreamError::Read(error)),
            Err(Stop::Irregular) => return Ok(None),
            Ok(()) => {}
        }
        let mut model = match Self::decode_with_limits(rest.into(), limits) {
            Ok(model) => model,
            Err(DecodeError::Malformed(_)) => return Ok(None),
            Err(error) => return Err(StreamError::Decode(error)),
        };
        let initializers = model.graph.as_mut().map_or(&mut [][..], |graph| &mut graph.initializer);
        for (index, raw) in stream.large {
            let Some(tensor) = initializers.get_mut(index) else { return Ok(None) };
            tensor.raw_data = raw;
        }
        Ok(Some(model))
    }
}

/// Why a model was not decoded while it was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The reader failed.
    #[error("the model cannot be read: {0}")]
    Read(io::Error),
    /// What was read is beyond the limits.
    #[error(transparent)]
    Decode(DecodeError),
}

/// Why the walk ended early.
enum Stop {
    Read(io::Error),
    Irregular,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        // A file that ends before its messages do.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Irregular } else { Self::Read(error) }
    }
}

/// Messages on the way to large constants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Tensor,
}

struct Stream<'a, R: Read, W: Witness> {
    reader: BufReader<R>,
    witness: &'a mut W,
    /// The bytes of large constants, by the index of the initializer.
    large: Vec<(usize, Bytes)>,
    initializers: usize,
}

impl<R: Read, W: Witness> Stream<'_, R, W> {
    /// Copies a message of `length` bytes to `rest`, without large constants.
    fn message(&mut self, mut length: u64, kind: Kind, rest: &mut Vec<u8>) -> Result<(), Stop> {
        while length > 0 {
            let key = self.varint(&mut length)?;
            let (field, wire) = (key >> 3, key & 7);
            let size = match wire {
                VARINT => {
                    let value = self.varint(&mut length)?;
                    put(rest, key);
                    put(rest, value);
                    continue;
                }
                EIGHT => 8,
                FOUR => 4,
                SIZED => self.varint(&mut length)?,
                _ => return Err(Stop::Irregular),
            };
            length = length.checked_sub(size).ok_or(Stop::Irregular)?;
            match (kind, field, wire) {
                (Kind::Model, MODEL_GRAPH, SIZED) => self.inner(key, size, Kind::Graph, rest)?,
                (Kind::Graph, GRAPH_INITIALIZER, SIZED) => {
                    self.inner(key, size, Kind::Tensor, rest)?;
                    self.initializers += 1;
                }
                (Kind::Tensor, TENSOR_RAW_DATA, SIZED) => {
                    // The last of several counts.
                    if self.large.last().is_some_and(|(index, _)| *index == self.initializers) {
                        return Err(Stop::Irregular);
                    }
                    if size < LARGE {
                        put(rest, key);
                        put(rest, size);
                        self.read(size, rest)?;
                    } else {
                        let raw = self.constant(usize::try_from(size).map_err(|_| Stop::Irregular)?)?;
                        self.witness.constant(&raw);
                        self.large.push((self.initializers, raw));
                    }
                }
                _ => {
                    put(rest, key);
                    if wire == SIZED {
                        put(rest, size);
                    }
                    self.read(size, rest)?;
                }
            }
        }
        Ok(())
    }

    fn inner(&mut self, key: u64, size: u64, kind: Kind, rest: &mut Vec<u8>) -> Result<(), Stop> {
        let mut own = Vec::new();
        self.message(size, kind, &mut own)?;
        put(rest, key);
        put(rest, own.len() as u64);
        rest.append(&mut own);
        Ok(())
    }

    /// So many bytes in memory of their own.
    fn constant(&mut self, size: usize) -> io::Result<Bytes> {
        if size >= PAGES
            && cfg!(not(miri))
            && let Ok(mut pages) = MmapOptions::new().len(size).populate().map_anon()
        {
            self.reader.read_exact(&mut pages)?;
            return Ok(Bytes::from_owner(pages));
        }
        let mut raw = vec![0; size];
        self.reader.read_exact(&mut raw)?;
        Ok(raw.into())
    }

    /// Appends so many bytes.
    fn read(&mut self, mut size: u64, to: &mut Vec<u8>) -> Result<(), Stop> {
        while size > 0 {
            let (piece, start) = (size.min(PIECE), to.len());
            if self.reader.by_ref().take(piece).read_to_end(to)? as u64 != piece {
                return Err(Stop::Irregular);
            }
            self.witness.bytes(&to[start..]);
            size -= piece;
        }
        Ok(())
    }

    fn varint(&mut self, length: &mut u64) -> Result<u64, Stop> {
        let mut value = 0;
        for place in 0..10 {
            *length = length.checked_sub(1).ok_or(Stop::Irregular)?;
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            self.witness.bytes(&byte);
            value |= u64::from(byte[0] & 0x7f) << (7 * place);
            if byte[0] < 0x80 {
                // The tenth has room for one bit.
                return if place < 9 || byte[0] < 2 { Ok(value) } else { Err(Stop::Irregular) };
            }
        }
        Err(Stop::Irregular)
    }
}

/// Appends a varint.
fn put(to: &mut Vec<u8>, value: u64) {
    prost::encoding::encode_varint(value, to);
}

#[cfg(test)]
mod tests;
