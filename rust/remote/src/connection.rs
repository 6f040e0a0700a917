//! One HTTP connection.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use socket2::Socket;
use tokio::task::AbortHandle;
use tokio::time::Sleep;

use crate::body::Chunks;
use crate::connect::Opened;
use crate::failure::{Failure, Phase};
use crate::meter::{Meter, Metered};

/// An open connection. Dropping it closes it at once, whatever is under way.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Chunks>,
    pub(crate) meter: Meter,
    pub(crate) alarm: Alarm,
    socket: Socket,
    driver: AbortHandle,
}

impl Connection {
    /// Starts HTTP on a stream.
    pub(crate) async fn start(opened: Opened) -> Result<Self, Failure> {
        let meter = Meter::default();
        let io = TokioIo::new(Metered::new(opened.stream, meter.clone()));
        let (sender, driver) =
            http1::handshake(io).await.map_err(|error| Failure::of_http(&error, Phase::Upload))?;
        // How a connection ends is told to the exchange that is on it.
        let driver = tokio::spawn(async move { drop(driver.await) }).abort_handle();
        Ok(Self { sender, meter, alarm: Alarm::default(), socket: opened.socket, driver })
    }

    /// Whether the connection is still open after it has waited, as far as is known here.
    pub(crate) async fn is_open(&self) -> bool {
        match self.socket.peek(&mut [MaybeUninit::uninit()]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return false,
            // Over TLS, which says things of its own. The first lets the runtime hear what has come in the
            // meantime, the second lets the driver act on it.
            Ok(_) => {
                for _ in 0..2 {
                    tokio::task::yield_now().await;
                }
            }
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

/// Ends what takes too long. One for all exchanges of a connection: a timer that is only ever put off costs nothing.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Sets the alarm; `None` is never.
    pub(crate) fn set(&mut self, moment: Option<Instant>) {
        let moment = moment.map(tokio::time::Instant::from_std);
        match (&mut self.0, moment) {
            (Some(sleep), Some(moment)) => sleep.as_mut().reset(moment),
            (none, Some(moment)) => *none = Some(Box::pin(tokio::time::sleep_until(moment))),
            (some, None) => *some = None,
        }
    }

    /// Does `work`, or gives `None` where the alarm goes off before it is done.
    pub(crate) async fn within<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Some(sleep) = &mut self.0 else {
            return Some(work.await);
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = sleep => None,
        }
    }
}
