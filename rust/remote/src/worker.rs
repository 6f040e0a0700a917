//! The thread on which exchanges happen, and the wait for one of them.

use std::sync::{Arc, mpsc};

use tandem_core::{Control, Interrupt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// One thread that drives all sockets. Callers block on their own threads.
pub(crate) struct Worker(Option<Runtime>);

/// Why a wait gave nothing.
pub(crate) enum Stopped {
    /// The caller said so.
    Interrupted(Interrupt),
    /// The exchange panicked, or the thread is gone.
    Broken,
}

impl Worker {
    pub(crate) fn start() -> std::io::Result<Self> {
        /// Threads for what can only block: looking up names, asking the host for tokens.
        const BLOCKING_THREADS: usize = 32;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("tandem-remote")
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `work` on the worker and waits for it. Work that is cancelled or past its deadline is dropped at
    /// once, and with it the connection that it holds.
    ///
    /// Blocks the thread, which may be one of another runtime.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        control: &Control,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stopped> {
        let runtime = self.0.as_ref().ok_or(Stopped::Broken)?;
        let cancelled = Arc::new(Notify::new());
        let notify = cancelled.clone();
        // `notify_one` leaves a permit behind where nobody waits yet.
        let _registration = control.token.on_cancel(move || notify.notify_one());
        let deadline = control.deadline.map(Instant::from_std);
        let (give, take) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            let result = tokio::select! {
                biased;
                () = cancelled.notified() => Err(Interrupt::Cancelled),
                () = until(deadline) => Err(Interrupt::DeadlineExceeded),
                done = work => Ok(done),
            };
            // The caller waits for exactly this.
            drop(give.send(result));
        });
        match take.recv() {
            Ok(result) => result.map_err(Stopped::Interrupted),
            Err(_) => Err(Stopped::Broken),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without waiting, so that it may be dropped on a thread of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
