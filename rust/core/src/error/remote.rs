use std::time::Duration;

use crate::{ErrorCode, InputError, Interrupt};

/// A model could not be run on an endpoint.
///
/// Servers disagree on almost every status code, so answers are classified, not matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The runtime has no endpoint.
    #[error("the runtime has no endpoint")]
    NoEndpoint,
    /// No connection came about: refused, no route, no such name, or not within the connect time.
    #[error("endpoint {endpoint:?} cannot be reached: {detail}")]
    Unreachable {
        /// The endpoint's name.
        endpoint: String,
        /// What the system said.
        detail: String,
    },
    /// The TLS handshake failed: wrong name, expired, unknown issuer, client certificate refused.
    #[error("endpoint {endpoint:?} failed the TLS handshake: {detail}")]
    Tls {
        /// The endpoint's name.
        endpoint: String,
        /// What the handshake said.
        detail: String,
    },
    /// The connection broke after the request was begun: it is not known whether the endpoint ran it.
    #[error("the connection to endpoint {endpoint:?} broke during {phase}: {detail}")]
    ConnectionLost {
        /// The endpoint's name.
        endpoint: String,
        /// What was under way: `upload`, `wait` or `download`.
        phase: &'static str,
        /// What the system said.
        detail: String,
    },
    /// The endpoint does not serve this model.
    #[error("endpoint {endpoint:?} has no model {model:?}: {detail}")]
    ModelNotFound {
        /// The endpoint's name.
        endpoint: String,
        /// The model's name there.
        model: String,
        /// What the endpoint said, shortened.
        detail: String,
    },
    /// The endpoint finds the request wrong (400, 405, 415, 422, 501).
    #[error("endpoint {endpoint:?} refused the request with status {status}: {detail}")]
    Rejected {
        /// The endpoint's name.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What the endpoint said, shortened.
        detail: String,
    },
    /// The endpoint does not accept the credentials (401, 403).
    #[error("endpoint {endpoint:?} refused the credentials with status {status}: {detail}")]
    Unauthorized {
        /// The endpoint's name.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What the endpoint said, shortened.
        detail: String,
    },
    /// The application gave no bearer token for the endpoint, so that nothing was sent.
    #[error("endpoint {endpoint:?} cannot be asked: {detail}")]
    Token {
        /// The endpoint's name.
        endpoint: String,
        /// What the token's source said.
        detail: String,
    },
    /// The endpoint has too much to do, or what it stands behind has (408, 429, 502, 503, 504).
    #[error("endpoint {endpoint:?} is overloaded, status {status}: {detail}")]
    Overloaded {
        /// The endpoint's name.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
        /// What the endpoint said, shortened.
        detail: String,
    },
    /// The endpoint failed (500 and whatever else): the request may or may not have been run.
    #[error("endpoint {endpoint:?} failed with status {status}: {detail}")]
    ServerFailed {
        /// The endpoint's name.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What the endpoint said, shortened.
        detail: String,
    },
    /// The answer cannot be believed: not HTTP, not the protocol, wrong names, types, shapes or lengths.
    #[error("endpoint {endpoint:?} gave an invalid answer: {detail}")]
    InvalidAnswer {
        /// The endpoint's name.
        endpoint: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The request or answer is larger than the endpoint's cap.
    #[error("the {what} of endpoint {endpoint:?} takes {got} bytes, the cap is {limit}")]
    TooLarge {
        /// The endpoint's name.
        endpoint: String,
        /// `request` or `answer`.
        what: &'static str,
        /// How many bytes, at least.
        got: u64,
        /// How many may be; for 413, what was sent.
        limit: u64,
    },
    /// The inputs do not fit the model as the endpoint declares it, or have no form on its wire.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The endpoint's configuration makes no sense.
    #[error("endpoint {endpoint:?} is misconfigured: {detail}")]
    Configuration {
        /// The endpoint's name.
        endpoint: String,
        /// What is wrong.
        detail: String,
    },
    /// The run was stopped from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupt),
    /// A defect in the client.
    #[error("internal error while offloading: {detail}")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl RemoteError {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoEndpoint | Self::Unreachable { .. } => ErrorCode::Offline,
            Self::ModelNotFound { .. } => ErrorCode::ModelNotFound,
            Self::Tls { .. }
            | Self::ConnectionLost { .. }
            | Self::Rejected { .. }
            | Self::Unauthorized { .. }
            | Self::Token { .. }
            | Self::Overloaded { .. }
            | Self::ServerFailed { .. }
            | Self::InvalidAnswer { .. } => ErrorCode::RemoteFailed,
            Self::TooLarge { .. } => ErrorCode::ResourceLimit,
            Self::Input(_) => ErrorCode::InvalidInput,
            Self::Configuration { .. } => ErrorCode::InvalidArgument,
            Self::Interrupted(Interrupt::Cancelled) => ErrorCode::Cancelled,
            Self::Interrupted(Interrupt::DeadlineExceeded) => ErrorCode::DeadlineExceeded,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }

    /// Whether the same call may succeed later. A 500 is ambiguous and so is not retried blindly.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::ConnectionLost { .. } | Self::Overloaded { .. })
    }

    /// Whether a run elsewhere may take over: everything but the caller's own doing.
    ///
    /// Cancellation and a passed deadline never trigger a fallback, and an input that does not fit will not fit
    /// elsewhere.
    pub fn allows_fallback(&self) -> bool {
        !matches!(self, Self::Interrupted(_) | Self::Input(_))
    }
}
