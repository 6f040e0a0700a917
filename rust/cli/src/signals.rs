//! Ctrl-C and SIGTERM.
//!
//! While work runs that can be cancelled, the first signal cancels it and the command ends by itself; at any other
//! time (a model is being read, standard input is awaited), and for every further signal, the process ends at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use tandem::{CancellationToken, Error, Interrupt};

use crate::error::CliError;
use crate::exit;

/// What a signal does to this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    token: CancellationToken,
    cancellable: Arc<AtomicBool>,
}

impl Signals {
    /// Starts listening. Where the system does not let us, signals keep their ordinary effect.
    pub(crate) fn listen(json: bool) -> Self {
        let signals = Self::default();
        let handler = signals.clone();
        let installed = ctrlc::set_handler(move || {
            let first = !handler.token.is_cancelled();
            handler.token.cancel();
            if !(first && handler.cancellable.load(Ordering::SeqCst)) {
                let cancelled = CliError::from(Error::from(Interrupt::Cancelled));
                std::process::exit(exit::report(&cancelled, json).into());
            }
        });
        if let Err(error) = installed {
            log::warn!("cannot listen for signals: {error}");
        }
        signals
    }

    /// The token that the first signal cancels.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Does work that ends by itself soon after the token is cancelled.
    pub(crate) fn cancellable<T>(&self, work: impl FnOnce() -> T) -> T {
        self.cancellable.store(true, Ordering::SeqCst);
        let result = work();
        self.cancellable.store(false, Ordering::SeqCst);
        result
    }

    /// Waits for a signal.
    pub(crate) fn wait(&self) {
        self.cancellable.store(true, Ordering::SeqCst);
        let (sender, receiver) = mpsc::channel();
        let _registration = self.token.on_cancel(move || {
            let _ = sender.send(());
        });
        // Fails only where the sender is gone, and the registration holds it.
        let _ = receiver.recv();
    }
}
