//! What can go wrong: one enum per operation, one [`Error`] over all, one stable [`ErrorCode`] for each.

mod load;
mod policy;
mod remote;
mod run;
mod tensor;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use load::LoadError;
pub use policy::PolicyError;
pub use remote::RemoteError;
pub use run::{InputError, RunError};
pub use tensor::TensorError;

use crate::Interrupt;

/// The stable name of a class of errors: the same in every language and over versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// There is no such model, here or on the endpoint.
    ModelNotFound,
    /// The bytes are not a model that can be believed.
    InvalidModel,
    /// The model is not the one that was expected.
    IntegrityMismatch,
    /// The model uses an operator, or a form of one, that is not supported.
    UnsupportedOperator,
    /// An input does not fit the model.
    InvalidInput,
    /// An option or a configuration makes no sense.
    InvalidArgument,
    /// A limit on size, count or memory would be passed.
    ResourceLimit,
    /// The caller's token was cancelled.
    Cancelled,
    /// The caller's deadline has passed.
    DeadlineExceeded,
    /// No endpoint can be reached.
    Offline,
    /// The sensitivity label or the mode forbids what was asked.
    PolicyDenied,
    /// An endpoint refused or failed.
    RemoteFailed,
    /// The queue of durable requests is full.
    QueueFull,
    /// The model or runtime was closed.
    Closed,
    /// A defect in Tandem or below it.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::ModelNotFound,
        Self::InvalidModel,
        Self::IntegrityMismatch,
        Self::UnsupportedOperator,
        Self::InvalidInput,
        Self::InvalidArgument,
        Self::ResourceLimit,
        Self::Cancelled,
        Self::DeadlineExceeded,
        Self::Offline,
        Self::PolicyDenied,
        Self::RemoteFailed,
        Self::QueueFull,
        Self::Closed,
        Self::Internal,
    ];

    /// The code as text: `model_not_found`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelNotFound => "model_not_found",
            Self::InvalidModel => "invalid_model",
            Self::IntegrityMismatch => "integrity_mismatch",
            Self::UnsupportedOperator => "unsupported_operator",
            Self::InvalidInput => "invalid_input",
            Self::InvalidArgument => "invalid_argument",
            Self::ResourceLimit => "resource_limit",
            Self::Cancelled => "cancelled",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Offline => "offline",
            Self::PolicyDenied => "policy_denied",
            Self::RemoteFailed => "remote_failed",
            Self::QueueFull => "queue_full",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Any error of Tandem. Its text is a lower-case sentence with the values in it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor could not be made or read.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A model could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A model could not be run on this device.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A model could not be run on an endpoint.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The options forbid the run.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An option or a configuration makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// What was called is closed.
    #[error("the {0} is closed")]
    Closed(&'static str),
    /// A defect in Tandem or below it.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Tensor(error) => error.code(),
            Self::Load(error) => error.code(),
            Self::Run(error) => error.code(),
            Self::Remote(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Self::Closed(_) => ErrorCode::Closed,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// Whether the same call may succeed later, with nothing changed by the caller.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Remote(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// How long the endpoint asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Remote(RemoteError::Overloaded { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::Run(error.into())
    }
}

impl From<Interrupt> for Error {
    fn from(interrupt: Interrupt) -> Self {
        Self::Run(interrupt.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_serde_writes_them() {
        for code in ErrorCode::ALL {
            let text: String = code.as_str().to_owned();
            let parsed = ErrorCode::deserialize(
                serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&text),
            );
            assert_eq!(parsed, Ok(code));
        }
    }
}
