//! Making a connection: name, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::failure::{Failure, tls_error};

/// A stream to an endpoint, TLS or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream, and the socket below it to look at.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) socket: Socket,
}

/// Opens a stream to `address`, through TLS where `tls` is there.
pub(crate) async fn open(address: &Address, tls: Option<&Arc<ClientConfig>>) -> Result<Opened, Failure> {
    let unreachable = |error: io::Error| Failure::Unreachable(error.to_string());
    let tcp = open_tcp(address).await.map_err(unreachable)?;
    // A request is written in one go: waiting for more only delays its end.
    tcp.set_nodelay(true).map_err(unreachable)?;
    let socket = SockRef::from(&tcp).try_clone().map_err(unreachable)?;
    let Some(tls) = tls else {
        return Ok(Opened { stream: Box::new(tcp), socket });
    };
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| Failure::Configuration(format!("{:?} is not a host's name", address.host)))?;
    let stream = TlsConnector::from(tls.clone()).connect(name, tcp).await;
    // Whatever breaks a handshake is a failure of it, a connection that ends within it included.
    stream.map(|stream| Opened { stream: Box::new(stream), socket }).map_err(|error| {
        Failure::Tls(tls_error(&error).map_or_else(|| error.to_string(), ToString::to_string))
    })
}

/// The first of the host's addresses that answers. They are tried in the system's order, each a little after
/// the one before or as soon as that has failed, so that one which swallows packets does not take all the time.
async fn open_tcp(address: &Address) -> io::Result<TcpStream> {
    const HEAD_START: Duration = Duration::from_millis(250);
    let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
    let mut addresses: std::collections::VecDeque<SocketAddr> = found.collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = addresses.pop_front() {
            attempts.spawn(TcpStream::connect(address));
        } else if attempts.is_empty() {
            return Err(failure);
        }
        let attempt = async {
            if addresses.is_empty() {
                attempts.join_next().await
            } else {
                tokio::time::timeout(HEAD_START, attempts.join_next()).await.unwrap_or(None)
            }
        };
        match attempt.await {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failure = error,
            Some(Err(panicked)) => failure = io::Error::other(panicked),
            None => {}
        }
    }
}
