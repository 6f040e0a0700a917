//! Reading model files.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tandem_core::{LoadError, ModelSource};

/// The bytes of the model, at most `limit` of them.
pub(crate) fn read(source: &ModelSource, limit: u64) -> Result<Bytes, LoadError> {
    let bytes = match source {
        ModelSource::File(path) => read_file(path, limit)?,
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

fn read_file(path: &Path, limit: u64) -> Result<Bytes, LoadError> {
    let not_found = |detail: String| LoadError::NotFound { location: path.display().to_string(), detail };
    let file = File::open(path).map_err(|error| not_found(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| not_found(error.to_string()))?;
    if !metadata.is_file() {
        return Err(not_found("not a regular file".to_owned()));
    }
    check(metadata.len(), limit)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // The file may grow while it is read.
    let mut bounded = file.take(limit.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(|error| not_found(error.to_string()))?;
    check(bytes.len() as u64, limit)?;
    Ok(bytes.into())
}

fn check(got: u64, limit: u64) -> Result<(), LoadError> {
    if got <= limit { Ok(()) } else { Err(LoadError::ResourceLimit { what: "bytes", got, limit }) }
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
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
