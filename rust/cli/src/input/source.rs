//! Files, folders and standard input as bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::InputFileError;
use super::json;
use super::picture;
use crate::args::SourceFormat;
use crate::npy;

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// What the bytes of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Json,
    Raw,
    Picture,
}

impl Source {
    /// The source that the command line names.
    pub(super) fn new(text: &str) -> Self {
        if text == "-" { Self::Stdin } else { Self::File(PathBuf::from(text)) }
    }

    /// The source as it is shown.
    pub(crate) fn location(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// Everything in it, up to `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> Result<Vec<u8>, InputFileError> {
        let result = match self {
            Self::File(path) => read_capped(path, limit),
            Self::Stdin => {
                log::info!("reading standard input");
                read_all(io::stdin().lock(), limit)
            }
        };
        result.map_err(|error| {
            let location = self.location();
            if error.kind() == io::ErrorKind::FileTooLarge {
                InputFileError::TooLarge { location, limit }
            } else {
                InputFileError::Read { location, detail: error.to_string() }
            }
        })
    }

    /// What `bytes`, read from here, are: what was asked for, else what the file's ending says, else what the first
    /// bytes look like.
    pub(super) fn format(&self, asked: SourceFormat, bytes: &[u8]) -> Format {
        let by_ending = match self {
            Self::File(path) => ending_format(path),
            Self::Stdin => None,
        };
        match asked {
            SourceFormat::Npy => Format::Npy,
            SourceFormat::Json => Format::Json,
            SourceFormat::Raw => Format::Raw,
            SourceFormat::Picture => Format::Picture,
            SourceFormat::Auto => by_ending.unwrap_or_else(|| {
                if npy::is_npy(bytes) {
                    Format::Npy
                } else if picture::is_picture(bytes) {
                    Format::Picture
                } else if json::looks_like_json(bytes) {
                    Format::Json
                } else {
                    Format::Raw
                }
            }),
        }
    }
}

fn ending_format(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "npy" => Some(Format::Npy),
        "json" => Some(Format::Json),
        "bin" | "raw" => Some(Format::Raw),
        "png" | "jpg" | "jpeg" => Some(Format::Picture),
        _ => None,
    }
}

/// The pictures and arrays in `folder`, by name.
pub(super) fn folder_files(folder: &Path) -> Result<Vec<PathBuf>, InputFileError> {
    let location = || folder.display().to_string();
    let unreadable =
        |error: io::Error| InputFileError::Read { location: location(), detail: error.to_string() };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if matches!(ending_format(&path), Some(Format::Picture | Format::Npy)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(InputFileError::EmptyFolder { location: location() });
    }
    files.sort();
    Ok(files)
}

/// The whole file, or an error of kind `FileTooLarge` where it holds more than `limit` bytes.
pub(crate) fn read_capped(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?, limit)
}

/// The length that a file states is not believed: it may be a pipe or a device.
fn read_all(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it holds more than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_was_asked_for_then_the_ending_then_the_first_bytes() {
        let png = b"\x89PNG\r\n\x1a\n".as_slice();
        let file = |name: &str| Source::new(name);
        assert_eq!(file("a.bin").format(SourceFormat::Json, png), Format::Json);
        assert_eq!(file("a.bin").format(SourceFormat::Auto, png), Format::Raw);
        assert_eq!(file("a.JPG").format(SourceFormat::Auto, b""), Format::Picture);
        assert_eq!(Source::Stdin.format(SourceFormat::Auto, png), Format::Picture);
        assert_eq!(Source::Stdin.format(SourceFormat::Auto, b"\x93NUMPY\x01"), Format::Npy);
        assert_eq!(Source::Stdin.format(SourceFormat::Auto, b" \n[1]"), Format::Json);
        assert_eq!(Source::Stdin.format(SourceFormat::Auto, b"\0\0"), Format::Raw);
    }

    #[test]
    fn reading_stops_at_the_limit() {
        assert_eq!(read_all([1, 2, 3].as_slice(), 3).unwrap(), [1, 2, 3]);
        let error = read_all(io::repeat(0), 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
