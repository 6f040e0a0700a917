//! Why an input could not be made.

use tandem::{ErrorCode, InputError};

use super::json::JsonError;
use super::picture::PictureError;
use super::raw::RawError;
use crate::npy::NpyError;

/// An input of a model could not be made from what was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputFileError {
    /// A file, a folder or standard input could not be read.
    #[error("cannot read {location}: {detail}")]
    Read {
        /// The path, or `standard input`.
        location: String,
        /// What the system said.
        detail: String,
    },
    /// A file holds more than a tensor may take.
    #[error("{location} holds more than {limit} bytes")]
    TooLarge {
        /// The path, or `standard input`.
        location: String,
        /// How many may be.
        limit: u64,
    },
    /// A folder without a picture in it.
    #[error("there is no .png, .jpg or .npy file in {location}")]
    EmptyFolder {
        /// The path.
        location: String,
    },
    /// A bare file for a model with several inputs.
    #[error(
        "the model has {count} inputs that no file is named for ({names}): say which one {location} is for, as NAME=FILE"
    )]
    Ambiguous {
        /// The file.
        location: String,
        /// How many.
        count: usize,
        /// Which, joined by commas.
        names: String,
    },
    /// Standard input is named for several inputs.
    #[error("standard input can be read once only")]
    StdinTwice,
    /// An array file that cannot be used.
    #[error("{location} is no usable .npy file: {error}")]
    Npy {
        /// The file.
        location: String,
        /// Why.
        error: NpyError,
    },
    /// A JSON file that cannot be used.
    #[error("{location} is no usable JSON input: {error}")]
    Json {
        /// The file.
        location: String,
        /// Why.
        error: JsonError,
    },
    /// A raw file that cannot be used.
    #[error("{location} cannot be read as raw elements: {error}")]
    Raw {
        /// The file.
        location: String,
        /// Why.
        error: RawError,
    },
    /// A picture that cannot be used.
    #[error("{location} is no usable picture: {error}")]
    Picture {
        /// The file.
        location: String,
        /// Why.
        error: PictureError,
    },
    /// The inputs do not fit the model.
    #[error(transparent)]
    Model(#[from] InputError),
}

impl InputFileError {
    /// The stable class of this error.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::ResourceLimit,
            Self::Npy { error: NpyError::Tensor(error), .. }
            | Self::Json { error: JsonError::Tensor(error), .. }
            | Self::Raw { error: RawError::Tensor(error), .. } => error.code(),
            Self::Picture { error, .. } => error.code(),
            _ => ErrorCode::InvalidInput,
        }
    }
}
