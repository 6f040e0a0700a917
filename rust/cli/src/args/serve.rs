//! Options of the server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tandem_server::{ServerConfig, TlsConfig};

use super::{endpoint, values};
use crate::error::CliError;

/// Serve a repository of models.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The model repository: a folder with NAME/VERSION/model.onnx for each model
    #[arg(value_name = "REPO")]
    repository: PathBuf,

    /// The address to listen on; the default is reached from this machine only
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: IpAddr,

    /// The port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    port: u16,

    /// Write the port to this file once the server is ready
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,

    /// Threads that run models; without it one for each core
    #[arg(long, value_name = "COUNT", value_parser = positive)]
    workers: Option<usize>,

    /// Threads that each run of a model shares its work over, in one pool for all
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = values::threads)]
    threads: usize,

    /// Requests that may wait for a model; one more is answered with 503
    #[arg(long, value_name = "COUNT", value_parser = positive)]
    queue: Option<usize>,

    /// Bytes of a request's body; a longer one is answered with 413
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    body_limit: Option<u64>,

    /// PEM file of the server's certificate chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// PEM file of that certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// File with the bearer token that requests must carry
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Rows that waiting requests are put together to, where a model's first dimension is symbolic
    #[arg(long, value_name = "ROWS", value_parser = positive)]
    batch_size: Option<usize>,

    /// How long a request may wait for others to be put together with
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    batch_window: Option<Duration>,

    /// Never put requests together
    #[arg(long, conflicts_with_all = ["batch_size", "batch_window"])]
    no_batching: bool,

    /// How long a shutdown waits for what runs
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    grace: Option<Duration>,
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| format!("{text:?} is not a count of 1 or more"))
}

impl ServeArgs {
    /// The server's configuration. Reads the files that the options name.
    pub(crate) fn configuration(&self) -> Result<ServerConfig, CliError> {
        let mut config = ServerConfig::new(&self.repository);
        config.address = SocketAddr::new(self.address, self.port);
        config.compute_threads = self.workers.unwrap_or(config.compute_threads);
        config.run_threads = self.threads;
        config.queue_capacity = self.queue.unwrap_or(config.queue_capacity);
        if let Some(limit) = self.body_limit {
            config.max_body_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
            config.max_buffered_bytes = config.max_buffered_bytes.max(config.max_body_bytes);
        }
        config.max_batch_size =
            if self.no_batching { 1 } else { self.batch_size.unwrap_or(config.max_batch_size) };
        config.batch_delay = self.batch_window.unwrap_or(config.batch_delay);
        config.shutdown_grace = self.grace.unwrap_or(config.shutdown_grace);
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            config.tls = Some(TlsConfig {
                certificate: endpoint::read("--tls-cert", certificate)?,
                key: endpoint::read_secret("--tls-key", key)?,
            });
        }
        if let Some(path) = &self.token_file {
            config.token = Some(endpoint::read_token("--token-file", path)?);
        }
        Ok(config)
    }
}
