//! Where elements stand in a file beside the model. This crate opens no file.

use super::TensorProto;

/// The part of another file that holds a tensor's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalData {
    /// Path of the file as the model gives it, meant to be relative to the model's folder. It comes
    /// from a stranger: check that it stays inside that folder before opening it.
    pub location: String,
    /// Byte at which the elements begin.
    pub offset: u64,
    /// Number of bytes; to the end of the file when absent.
    pub length: Option<u64>,
}

/// Why the whereabouts of external data cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalDataError {
    /// The tensor does not name the file.
    #[error("tensor `{name}`: external data without a location")]
    NoLocation {
        /// Name of the tensor.
        name: String,
    },
    /// An offset or length is no number of bytes.
    #[error("tensor `{name}`: external data with {key} `{value}`, which is not a number of bytes")]
    BadNumber {
        /// Name of the tensor.
        name: String,
        /// `offset` or `length`.
        key: &'static str,
        /// What stands there.
        value: String,
    },
}

impl TensorProto {
    /// Where the elements are, when they are in another file.
    pub fn external(&self) -> Result<Option<ExternalData>, ExternalDataError> {
        if !self.is_external() {
            return Ok(None);
        }
        let entry = |key: &str| {
            self.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
        };
        let number = |key: &'static str| {
            entry(key)
                .map(|value| {
                    value.parse::<u64>().map_err(|_| ExternalDataError::BadNumber {
                        name: self.name.clone(),
                        key,
                        value: value.to_owned(),
                    })
                })
                .transpose()
        };
        let location = entry("location")
            .filter(|location| !location.is_empty())
            .ok_or_else(|| ExternalDataError::NoLocation { name: self.name.clone() })?;
        Ok(Some(ExternalData {
            location: location.to_owned(),
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        }))
    }
}
