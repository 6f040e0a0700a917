//! Reading model files and their digests, in steps between which the caller may stop.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use tandem_core::{LoadError, ModelSource};
use tandem_onnx::{DecodeLimits, ModelProto, StreamError};

use crate::digest::Digest;
pub use crate::digest::sha256;

/// What is read before the next question whether to go on: at most some milliseconds, and no more than is still in a cache when it
/// is digested.
const STEP: usize = 1 << 20;

/// What a source holds, and what it is known by.
pub(crate) struct Content {
    /// Of all of its bytes, and perhaps still in the making.
    pub(crate) digest: Digest,
    /// Bytes of the file.
    pub(crate) length: u64,
    pub(crate) form: Form,
}

/// Bytes, or the model that was decoded while they were read.
pub(crate) enum Form {
    Whole(Bytes),
    Decoded(Box<ModelProto>),
}

impl Content {
    /// Reads a source as [`read`] does. A file is decoded on the way, so that it is never in memory whole.
    pub(crate) fn read(
        source: &ModelSource,
        limit: u64,
        may_go_on: impl Fn() -> Result<(), LoadError>,
    ) -> Result<Self, LoadError> {
        if let ModelSource::File(path) = source
            && let Some(content) = Self::stream(path, limit, &may_go_on)?
        {
            return Ok(content);
        }
        let bytes = read(source, limit, &may_go_on)?;
        let digest = Digest::of(&bytes, may_go_on)?;
        Ok(Self { digest, length: bytes.len() as u64, form: Form::Whole(bytes) })
    }

    /// `None` for what is to be read whole, which tells what is wrong with it.
    fn stream(
        path: &Path,
        limit: u64,
        may_go_on: &impl Fn() -> Result<(), LoadError>,
    ) -> Result<Option<Self>, LoadError> {
        let (file, length) = open(path, limit)?;
        if length == 0 {
            return Ok(None);
        }
        let mut digest = Digest::new(length);
        let mut steps = Steps { file, may_go_on };
        let model = match ModelProto::decode_stream(&mut steps, length, decode_limits(), &mut digest) {
            Ok(Some(model)) => model,
            Err(StreamError::Read(error)) => {
                return Err(error.downcast::<LoadError>().unwrap_or_else(|error| not_found(path, &error)));
            }
            _ => return Ok(None),
        };
        // A file that grew while it was read.
        if steps.file.read(&mut [0]).map_err(|error| not_found(path, &error))? > 0 {
            return Ok(None);
        }
        Ok(Some(Self { digest, length, form: Form::Decoded(Box::new(model)) }))
    }
}

impl Form {
    /// The model.
    pub(crate) fn decode(self) -> Result<ModelProto, LoadError> {
        match self {
            Self::Decoded(model) => Ok(*model),
            Self::Whole(bytes) => ModelProto::decode_with_limits(bytes, decode_limits())
                .map_err(|error| LoadError::Invalid { detail: error.to_string() }),
        }
    }
}

/// The bytes of a file are limited before.
fn decode_limits() -> DecodeLimits {
    DecodeLimits::default().with_max_bytes(usize::MAX)
}

/// A file that is read in steps.
struct Steps<'a, F> {
    file: File,
    may_go_on: &'a F,
}

impl<F: Fn() -> Result<(), LoadError>> Read for Steps<'_, F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (self.may_go_on)().map_err(io::Error::other)?;
        let step = room.len().min(STEP);
        self.file.read(&mut room[..step])
    }
}

/// The bytes of the model, at most `limit` of them. Asks between steps of some milliseconds whether it may go on.
///
/// Fails with `NotFound` for what is no readable file, `ResourceLimit` for more than `limit`, `Invalid` for none at all, and
/// with what `may_go_on` says.
pub fn read(
    source: &ModelSource,
    limit: u64,
    may_go_on: impl Fn() -> Result<(), LoadError>,
) -> Result<Bytes, LoadError> {
    let bytes = match source {
        ModelSource::File(path) => read_file(path, limit, may_go_on)?,
        ModelSource::Bytes(bytes) => {
            check(bytes.len() as u64, limit)?;
            Bytes::from_owner(bytes.clone())
        }
        other => {
            let detail = format!("a model source of this kind is not known to the engine: {other:?}");
            return Err(LoadError::Invalid { detail });
        }
    };
    if bytes.is_empty() {
        return Err(LoadError::Invalid { detail: "the file is empty".to_owned() });
    }
    Ok(bytes)
}

fn read_file(
    path: &Path,
    limit: u64,
    may_go_on: impl Fn() -> Result<(), LoadError>,
) -> Result<Bytes, LoadError> {
    let (file, length) = open(path, limit)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // The file may grow while it is read.
    let mut bounded = file.take(limit.saturating_add(1));
    loop {
        may_go_on()?;
        let step = bounded.by_ref().take(STEP as u64).read_to_end(&mut bytes);
        if step.map_err(|error| not_found(path, &error))? == 0 {
            break;
        }
    }
    check(bytes.len() as u64, limit)?;
    Ok(bytes.into())
}

/// A file and its bytes, at most `limit`.
fn open(path: &Path, limit: u64) -> Result<(File, u64), LoadError> {
    let file = File::open(path).map_err(|error| not_found(path, &error))?;
    let metadata = file.metadata().map_err(|error| not_found(path, &error))?;
    if !metadata.is_file() {
        return Err(not_found(path, &"not a regular file"));
    }
    check(metadata.len(), limit)?;
    Ok((file, metadata.len()))
}

fn not_found(path: &Path, detail: &dyn Display) -> LoadError {
    LoadError::NotFound { location: path.display().to_string(), detail: detail.to_string() }
}

fn check(got: u64, limit: u64) -> Result<(), LoadError> {
    if got <= limit { Ok(()) } else { Err(LoadError::ResourceLimit { what: "bytes", got, limit }) }
}
