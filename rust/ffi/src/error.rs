//! Errors as the hosts see them.

use uniffi::UnexpectedUniFFICallbackError;

use crate::dtype::mirror;

mirror! {
    /// The stable class of an error.
    enum FailureCode of tandem::ErrorCode {
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
}

/// Any error of Tandem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum TandemFailure {
    /// What failed, and how.
    #[error("{detail}")]
    Failed {
        /// The stable class.
        code: FailureCode,
        /// A lower-case sentence with the values in it.
        detail: String,
        /// Whether the same call may succeed later.
        retryable: bool,
        /// How long the endpoint asks to be left alone.
        retry_after_ms: Option<u64>,
    },
}

impl TandemFailure {
    pub(crate) fn internal(detail: String) -> Self {
        Self::of(FailureCode::Internal, detail)
    }

    pub(crate) fn invalid_argument(detail: String) -> Self {
        Self::of(FailureCode::InvalidArgument, detail)
    }

    pub(crate) fn resource_limit(detail: String) -> Self {
        Self::of(FailureCode::ResourceLimit, detail)
    }

    fn of(code: FailureCode, detail: String) -> Self {
        Self::Failed { code, detail, retryable: false, retry_after_ms: None }
    }
}

impl From<tandem::Error> for TandemFailure {
    fn from(error: tandem::Error) -> Self {
        let retry_after_ms =
            error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Self::Failed {
            code: FailureCode::try_from(error.code()).unwrap_or(FailureCode::Internal),
            detail: error.to_string(),
            retryable: error.is_retryable(),
            retry_after_ms,
        }
    }
}

impl From<tandem::TensorError> for TandemFailure {
    fn from(error: tandem::TensorError) -> Self {
        tandem::Error::from(error).into()
    }
}

impl From<tandem::InputError> for TandemFailure {
    fn from(error: tandem::InputError) -> Self {
        tandem::Error::from(error).into()
    }
}

/// What a host's implementation of a trait failed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum HostFailure {
    /// What the host said.
    #[error("{detail}")]
    Failed {
        /// The text of its exception or error.
        detail: String,
    },
}

impl From<UnexpectedUniFFICallbackError> for HostFailure {
    fn from(error: UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { detail: error.reason }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_code_of_the_core_keeps_its_name() {
        for code in tandem::ErrorCode::ALL {
            let mirrored = FailureCode::try_from(code).unwrap();
            assert_eq!(format!("{mirrored:?}"), format!("{code:?}"));
        }
    }

    #[test]
    fn sentence_and_retry_survive() {
        let error = tandem::Error::Remote(tandem::RemoteError::Overloaded {
            endpoint: "cloud".into(),
            status: 503,
            retry_after: Some(Duration::from_millis(1500)),
            detail: "busy".into(),
        });
        let sentence = error.to_string();
        assert_eq!(
            TandemFailure::from(error),
            TandemFailure::Failed {
                code: FailureCode::RemoteFailed,
                detail: sentence,
                retryable: true,
                retry_after_ms: Some(1500),
            }
        );
    }
}
