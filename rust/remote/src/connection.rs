//! One HTTP connection.

use std::time::Duration;

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

    /// Whether the connection is still open after it has waited, as far as is known here.
    pub(crate) async fn is_open(&self) -> bool {
        // The first lets the runtime hear what has come in the meantime, the second lets the driver act on it.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        !self.sender.is_closed()
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
