//! Accepting connections, TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::connection;
use crate::routes::Routes;

/// How long to wait after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How every connection is served.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) routes: Arc<Routes>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) idle: Duration,
    pub(crate) most: usize,
}

/// The connections that are open once no more are accepted.
pub(crate) struct Open {
    stop: watch::Sender<()>,
}

impl Open {
    /// Ends the connections, each after the request that it is at.
    pub(crate) async fn shutdown(self) {
        self.stop.send_replace(());
        self.stop.closed().await;
    }
}

impl Connections {
    /// Accepts until `stop` is told or gone, and then what has already connected.
    pub(crate) async fn accept(self, listener: TcpListener, mut stop: oneshot::Receiver<()>) -> Open {
        let open = Open { stop: watch::Sender::new(()) };
        let permits = Arc::new(Semaphore::new(self.most.min(Semaphore::MAX_PERMITS)));
        loop {
            let accepted = async {
                let permit = permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                _ = &mut stop => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.spawn(stream, permit.ok(), &open),
                Err(error) => {
                    log::warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        if let Err(error) = self.accept_waiting(listener, &permits, &open) {
            log::debug!("the last connections could not be accepted: {error}");
        }
        open
    }

    /// Accepts the connections that wait: their requests may be on their way.
    fn accept_waiting(&self, listener: TcpListener, permits: &Arc<Semaphore>, open: &Open) -> io::Result<()> {
        let listener = listener.into_std()?;
        while let Ok(permit) = permits.clone().try_acquire_owned() {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    self.spawn(TcpStream::from_std(stream)?, Some(permit), open);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn spawn(&self, stream: TcpStream, permit: Option<OwnedSemaphorePermit>, open: &Open) {
        let (connections, stop) = (self.clone(), open.stop.subscribe());
        tokio::spawn(async move {
            connections.serve(stream, stop).await;
            drop(permit);
        });
    }

    async fn serve(self, stream: TcpStream, stop: watch::Receiver<()>) {
        // Without it small answers wait for acknowledgements; where it cannot be set, they do.
        let _slow = stream.set_nodelay(true).is_err();
        match &self.tls {
            None => connection::serve(stream, self.routes, self.idle, stop).await,
            Some(tls) => match timeout(self.idle, tls.accept(stream)).await {
                Ok(Ok(stream)) => connection::serve(stream, self.routes, self.idle, stop).await,
                Ok(Err(error)) => log::debug!("a TLS handshake failed: {error}"),
                Err(_) => log::debug!("a TLS handshake took longer than {:?}", self.idle),
            },
        }
    }
}
