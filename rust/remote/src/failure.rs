//! Why an exchange gave no answer, before it is known for which endpoint.

use std::error::Error;

use tandem_core::RemoteError;

/// What was under way on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Upload,
    Wait,
    Download,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Wait => "wait",
            Self::Download => "download",
        }
    }
}

/// Why an exchange gave no answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Unreachable(String),
    Tls(String),
    Lost(Phase, String),
    Unauthorized { status: u16, detail: String },
    Token(String),
    InvalidAnswer(String),
    AnswerTooLarge { got: u64, limit: u64 },
    Configuration(String),
    Internal(String),
}

impl Failure {
    /// The failure of the endpoint of that name.
    pub(crate) fn at(self, endpoint: &str) -> RemoteError {
        let endpoint = endpoint.to_owned();
        match self {
            Self::Unreachable(detail) => RemoteError::Unreachable { endpoint, detail },
            Self::Tls(detail) => RemoteError::Tls { endpoint, detail },
            Self::Lost(phase, detail) => {
                RemoteError::ConnectionLost { endpoint, phase: phase.name(), detail }
            }
            Self::Unauthorized { status, detail } => RemoteError::Unauthorized { endpoint, status, detail },
            Self::Token(detail) => RemoteError::Token { endpoint, detail },
            Self::InvalidAnswer(detail) => RemoteError::InvalidAnswer { endpoint, detail },
            Self::AnswerTooLarge { got, limit } => {
                RemoteError::TooLarge { endpoint, what: "answer", got, limit }
            }
            Self::Configuration(detail) => RemoteError::Configuration { endpoint, detail },
            Self::Internal(detail) => RemoteError::Internal { detail },
        }
    }

    /// What an error of HTTP on an open connection means.
    pub(crate) fn of_http(error: &hyper::Error, phase: Phase) -> Self {
        let causes = || std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
        // The alert that refuses a client certificate comes after the handshake, as the first thing read.
        if let Some(tls) = causes().find_map(tls_error) {
            return Self::Tls(tls.to_string());
        }
        let detail = causes().map(ToString::to_string).collect::<Vec<_>>().join(": ");
        let malformed = causes().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|io| {
            matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput)
        });
        if error.is_parse() || malformed {
            Self::InvalidAnswer(format!("not HTTP: {detail}"))
        } else {
            Self::Lost(phase, detail)
        }
    }
}

/// The TLS error that `error` is or holds: an I/O error hides what it wraps from the chain of causes.
pub(crate) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.and_then(|inner| inner.downcast_ref()).or_else(|| error.downcast_ref())
}
