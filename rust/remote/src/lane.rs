//! Where an exchange happens: a connection, and the small runtime that drives it on the thread of whoever calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{Control, Interrupt};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::connection::Connection;

/// A runtime without threads, and the connection that lives on it.
///
/// The caller's own thread drives the sockets while it waits, so that no byte changes threads on its way. Between
/// calls nothing runs, and that the other side has closed is found out with the next call.
pub(crate) struct Lane {
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

/// Why a wait gave nothing.
pub(crate) enum Stopped {
    /// The caller said so.
    Interrupted(Interrupt),
    /// The work panicked, or there was no thread for it.
    Broken,
}

impl Lane {
    /// A lane without a connection.
    pub(crate) fn new() -> std::io::Result<Self> {
        /// Threads for what can only block: looking up a name, asking the host for a token.
        const BLOCKING_THREADS: usize = 2;
        let mut builder = Builder::new_current_thread();
        builder.max_blocking_threads(BLOCKING_THREADS).thread_name("tandem-remote").enable_io().enable_time();
        Ok(Self { runtime: Some(builder.build()?), connection: None })
    }

    /// Runs `work` and waits for it. It may take the lane's connection, and leaves one that can be used again.
    ///
    /// Work that is cancelled or past its deadline is dropped at once, and with it the connection that it took. May
    /// be called on any thread: one that already drives a runtime cannot drive another, and is helped by a
    /// second.
    pub(crate) fn run<T: Send>(
        &mut self,
        control: &Control,
        work: impl AsyncFnOnce(&mut Option<Connection>) -> T + Send,
    ) -> Result<T, Stopped> {
        if Handle::try_current().is_err() {
            return self.drive(control, work);
        }
        std::thread::scope(|scope| {
            let helper = std::thread::Builder::new().name("tandem-remote".to_owned());
            let helper = helper.spawn_scoped(scope, || self.drive(control, work));
            helper.map_err(|_| Stopped::Broken)?.join().unwrap_or(Err(Stopped::Broken))
        })
    }

    fn drive<T>(
        &mut self,
        control: &Control,
        work: impl AsyncFnOnce(&mut Option<Connection>) -> T,
    ) -> Result<T, Stopped> {
        let runtime = self.runtime.as_ref().ok_or(Stopped::Broken)?;
        let cancelled = Arc::new(Notify::new());
        let notify = cancelled.clone();
        // `notify_one` leaves a permit behind where nobody waits yet.
        let _registration = control.token.on_cancel(move || notify.notify_one());
        let connection = &mut self.connection;
        let done = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled.notified() => Err(Interrupt::Cancelled),
                () = until(control.deadline) => Err(Interrupt::DeadlineExceeded),
                done = work(connection) => Ok(done),
            }
        });
        done.map_err(Stopped::Interrupted)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Without waiting for a token source that does not return, and on whatever thread this is.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Lanes of one endpoint whose connections wait for the next request.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<Vec<(Lane, Instant)>>);

impl Lanes {
    /// A connection waits no longer than this: behind many a gateway it is dead by then.
    const LONGEST_WAIT: Duration = Duration::from_secs(30);
    /// No more than this many wait.
    const MOST: usize = 16;

    /// The lane that was used last, or a new one.
    pub(crate) fn take(&self) -> std::io::Result<Lane> {
        let mut waiting = self.lock();
        waiting.retain(|(_, since)| since.elapsed() < Self::LONGEST_WAIT);
        match waiting.pop() {
            Some((lane, _)) => Ok(lane),
            None => Lane::new(),
        }
    }

    /// Keeps a lane for the next request if its connection can be used again.
    pub(crate) fn put(&self, lane: Lane) {
        if lane.connection.is_none() {
            return;
        }
        let mut waiting = self.lock();
        if waiting.len() == Self::MOST {
            waiting.remove(0);
        }
        waiting.push((lane, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Lane, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
