//! Why a server did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server did not start. A model that cannot be loaded is none: the others are served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The repository's folder cannot be read.
    #[error("the model repository {path:?} cannot be read: {source}")]
    Repository {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate and key do not make a TLS server.
    #[error("the TLS certificate or key cannot be used: {detail}")]
    Tls {
        /// What is wrong.
        detail: String,
    },
    /// A value of the configuration makes no sense.
    #[error("{field} is {got}, expected {expected}")]
    Configuration {
        /// The field.
        field: &'static str,
        /// Its value.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The runtime of the models did not start.
    #[error(transparent)]
    Runtime(#[from] tandem_core::Error),
    /// Threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[source] io::Error),
}
