//! Reading model files and their digests, in steps between which the caller may stop.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tandem_core::{LoadError, ModelSource};

/// What is read or digested before the next question whether to go on: some milliseconds.
const STEP: usize = 8 << 20;

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
    loop {
        may_go_on()?;
        let step = bounded.by_ref().take(STEP as u64).read_to_end(&mut bytes);
        if step.map_err(|error| not_found(error.to_string()))? == 0 {
            break;
        }
    }
    check(bytes.len() as u64, limit)?;
    Ok(bytes.into())
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
    let text = digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(text)
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
