//! Reading model files and their digests, in steps between which the caller may stop.

use std::fmt::{Display, Write};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tandem_core::{LoadError, ModelSource};
use tandem_onnx::{DecodeLimits, ModelProto, StreamError};

/// What is read or digested before the next question whether to go on: at most some milliseconds, and no more than is still in a
/// cache when it is digested.
const STEP: usize = 1 << 20;

/// What a source holds, and what it is known by.
pub(crate) struct Content {
    /// SHA-256 as 64 lower-case hexadecimal digits.
    pub(crate) digest: String,
    /// Bytes of the file.
    pub(crate) length: u64,
    form: Form,
}

enum Form {
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
        let digest = digest(&bytes, may_go_on)?;
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
        let mut reader = Digesting { file, digest: Sha256::new(), may_go_on };
        let model = match ModelProto::decode_stream(&mut reader, length, decode_limits()) {
            Ok(Some(model)) => model,
            Err(StreamError::Read(error)) => {
                return Err(error.downcast::<LoadError>().unwrap_or_else(|error| not_found(path, &error)));
            }
            _ => return Ok(None),
        };
        // A file that grew while it was read.
        if reader.file.read(&mut [0]).map_err(|error| not_found(path, &error))? > 0 {
            return Ok(None);
        }
        let form = Form::Decoded(Box::new(model));
        Ok(Some(Self { digest: hexadecimal(reader.digest), length, form }))
    }

    /// The model.
    pub(crate) fn decode(self) -> Result<ModelProto, LoadError> {
        match self.form {
            Form::Decoded(model) => Ok(*model),
            Form::Whole(bytes) => ModelProto::decode_with_limits(bytes, decode_limits())
                .map_err(|error| LoadError::Invalid { detail: error.to_string() }),
        }
    }
}

/// The bytes of a file are limited before.
fn decode_limits() -> DecodeLimits {
    DecodeLimits::default().with_max_bytes(usize::MAX)
}

/// A file whose digest is taken as it is read.
struct Digesting<'a, F> {
    file: File,
    digest: Sha256,
    may_go_on: &'a F,
}

impl<F: Fn() -> Result<(), LoadError>> Read for Digesting<'_, F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (self.may_go_on)().map_err(io::Error::other)?;
        let step = room.len().min(STEP);
        let got = self.file.read(&mut room[..step])?;
        self.digest.update(&room[..got]);
        Ok(got)
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

/// SHA-256 as 64 lower-case hexadecimal digits. Asks between steps of some milliseconds whether it may go on.
///
/// Fails with what `may_go_on` says only.
pub fn digest(bytes: &[u8], may_go_on: impl Fn() -> Result<(), LoadError>) -> Result<String, LoadError> {
    let mut digest = Sha256::new();
    for step in bytes.chunks(STEP) {
        may_go_on()?;
        digest.update(step);
    }
    Ok(hexadecimal(digest))
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks the digest against the one that the caller expects.
pub(crate) fn check_digest(got: &str, expected: Option<&str>) -> Result<(), LoadError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(got) => {
            Err(LoadError::IntegrityMismatch { expected: expected.to_owned(), got: got.to_owned() })
        }
        _ => Ok(()),
    }
}
