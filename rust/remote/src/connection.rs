//! One HTTP connection, and the pool of those that may be used again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use crate::body::Chunks;
use crate::connect::Stream;
use crate::failure::{Failure, Phase};
use crate::meter::{Meter, Metered};

/// An open connection. Dropping it closes it at once, whatever is under way.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Chunks>,
    pub(crate) meter: Meter,
    driver: AbortHandle,
}

impl Connection {
    /// Starts HTTP on a stream.
    pub(crate) async fn start(stream: Box<dyn Stream>) -> Result<Self, Failure> {
        let meter = Meter::default();
        let io = TokioIo::new(Metered::new(stream, meter.clone()));
        let (sender, driver) =
            http1::handshake(io).await.map_err(|error| Failure::of_http(&error, Phase::Upload))?;
        // How a connection ends is told to the exchange that is on it.
        let driver = tokio::spawn(async move { drop(driver.await) }).abort_handle();
        Ok(Self { sender, meter, driver })
    }

    /// Waits for the connection to be ready for another request. `false` where the endpoint closes it.
    pub(crate) async fn settle(&mut self) -> bool {
        /// An answer that came whole leaves a connection ready at once; one that came before the request was read
        /// may never.
        const SOON: Duration = Duration::from_millis(10);
        self.sender.is_ready() || matches!(tokio::time::timeout(SOON, self.sender.ready()).await, Ok(Ok(())))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connections of one endpoint that wait for the next request.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<(Connection, Instant)>>);

impl Pool {
    /// A connection waits no longer than this: behind many a gateway it is dead by then.
    const LONGEST_WAIT: Duration = Duration::from_secs(30);
    /// No more than this many wait.
    const MOST: usize = 16;

    /// The connection that was used last, if it is still open.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut waiting = self.lock();
        waiting.retain(|(connection, since)| {
            !connection.sender.is_closed() && since.elapsed() < Self::LONGEST_WAIT
        });
        waiting.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&self, connection: Connection) {
        let mut waiting = self.lock();
        if waiting.len() == Self::MOST {
            waiting.remove(0);
        }
        waiting.push((connection, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
