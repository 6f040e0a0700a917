//! What a server is told when it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tandem_core::{Limits, Secret};

use crate::ServerError;

/// What a server is told when it starts.
///
/// ```
/// use tandem_server::ServerConfig;
///
/// let config = ServerConfig { queue_capacity: 32, ..ServerConfig::new("models") };
/// assert!(config.address.ip().is_loopback());
/// ```
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen. Port 0 takes a free one.
    pub address: SocketAddr,
    /// The folder with one folder per model.
    pub repository: PathBuf,
    /// Threads that decode, run and encode; at least 1. Models share them in turn.
    pub compute_threads: usize,
    /// Threads that each run shares its work over, the compute thread's own included, from one pool for all models: 1 by default, at
    /// most 64. More than 1 is for few requests at a time that must be answered fast.
    pub run_threads: usize,
    /// Threads that serve connections; at least 1. Runs that take less than handing them over are done here as well.
    pub io_threads: usize,
    /// Requests that may wait for one version of a model, where its `config.pbtxt` does not say. One more is answered
    /// with 503 and `Retry-After`.
    pub queue_capacity: usize,
    /// Rows that requests are put together to, for a model whose first dimensions are one symbol and that has no
    /// `config.pbtxt`; one that has takes its own `max_batch_size`. 1 turns putting together off for all.
    pub max_batch_size: usize,
    /// How long a request may wait for others to be put together with. Waits only where another request waits already,
    /// so that a lone caller never pays for it; a delay in `config.pbtxt` holds for every request.
    pub batch_delay: Duration,
    /// Bytes of a request's body; a longer one is answered with 413.
    pub max_body_bytes: usize,
    /// Bytes of all bodies that are held at once; a request beyond them is answered with 503.
    pub max_buffered_bytes: usize,
    /// Connections that are open at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long a connection may take to send the head of its next request, to go on with a body, and to take an
    /// answer's next bytes.
    pub idle_timeout: Duration,
    /// How long [`Server::shutdown`](crate::Server::shutdown) waits for what runs.
    pub shutdown_grace: Duration,
    /// Certificate and key; without them the server speaks plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The bearer token that every request must carry, those for `/v2/health/…` excepted: probes carry none.
    pub token: Option<Secret>,
    /// How much a model and its runs may take.
    pub limits: Limits,
}

/// How the server makes itself known.
#[derive(Clone)]
pub struct TlsConfig {
    /// The PEM certificate chain, the server's own first.
    pub certificate: Vec<u8>,
    /// The PEM private key of that certificate.
    pub key: Secret,
}

impl ServerConfig {
    /// The defaults for a repository: 127.0.0.1:8000, a compute and an I/O thread per core, one for each run, 256 waiting requests per model, rows
    /// put together up to 8 without waiting, 64 MiB a body and 1 GiB in all, 1,024 connections, 30 s of silence and as
    /// many of grace, plain HTTP and no token.
    pub fn new(repository: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            address: (Ipv4Addr::LOCALHOST, 8000).into(),
            repository: repository.into(),
            compute_threads: cores,
            run_threads: 1,
            io_threads: cores,
            queue_capacity: 256,
            max_batch_size: 8,
            batch_delay: Duration::ZERO,
            max_body_bytes: 64 << 20,
            max_buffered_bytes: 1 << 30,
            max_connections: 1024,
            idle_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(30),
            tls: None,
            token: None,
            limits: Limits::default(),
        }
    }
}

impl ServerConfig {
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let counts = [
            ("compute_threads", self.compute_threads),
            ("run_threads", self.run_threads),
            ("io_threads", self.io_threads),
            ("queue_capacity", self.queue_capacity),
            ("max_batch_size", self.max_batch_size),
            ("max_connections", self.max_connections),
        ];
        match counts.into_iter().find(|&(_, count)| count == 0) {
            Some((field, _)) => {
                Err(ServerError::Configuration { field, got: "0".to_owned(), expected: "1 or more" })
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("address", &self.address)
            .field("repository", &self.repository)
            .field("tls", &self.tls.is_some())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").field("key", &self.key).finish_non_exhaustive()
    }
}
