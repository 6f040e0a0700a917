//! Connections: accepting, TLS, HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::EXPECT;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::body::Lingering;
use crate::stall::Stall;

/// Bytes that a connection reads ahead.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;

/// How long to wait after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How every connection is served.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) idle: Duration,
    pub(crate) most: usize,
}

impl Connections {
    /// Accepts until `stop` is told or gone. What is returned ends the connections that are open, each after the
    /// request that it is at.
    pub(crate) async fn accept(
        self,
        listener: TcpListener,
        mut stop: oneshot::Receiver<()>,
    ) -> GracefulShutdown {
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(self.most.min(Semaphore::MAX_PERMITS)));
        loop {
            let accepted = async {
                let permit = permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                _ = &mut stop => return graceful,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (connections, watcher) = (self.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        connections.serve(stream, watcher).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    log::warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        // Without it small answers wait for acknowledgements; where it cannot be set, they do.
        let _slow = stream.set_nodelay(true).is_err();
        match &self.tls {
            None => self.http(stream, watcher).await,
            Some(tls) => match timeout(self.idle, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream, watcher).await,
                Ok(Err(error)) => log::debug!("a TLS handshake failed: {error}"),
                Err(_) => log::debug!("a TLS handshake took longer than {:?}", self.idle),
            },
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, watcher: Watcher) {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            // A client that waits for leave to send its body sends none after a refusal.
            let waits = request.headers().contains_key(EXPECT);
            router.call(
                request.map(|body| if waits { Body::new(body) } else { Body::new(Lingering::new(body)) }),
            )
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.idle)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(BUFFER_BYTES);
        let connection = http.serve_connection(TokioIo::new(Stall::new(stream, self.idle)), service);
        if let Err(error) = watcher.watch(connection).await {
            log::debug!("a connection ended: {error}");
        }
    }
}
