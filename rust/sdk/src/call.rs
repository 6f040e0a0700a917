//! One call of a model: its own switch and its deadline.

use std::time::Instant;

use tandem_core::{
    CancelRegistration, CancellationToken, Control, Error, Interrupt, RemoteError, RunError, RunOptions,
};

/// A call under way. It ends when the caller cancels, when its time is over, or when its model is closed.
pub(crate) struct Call {
    pub(crate) control: Control,
    pub(crate) started: Instant,
    caller: CancellationToken,
    _registrations: [CancelRegistration; 2],
}

impl Call {
    pub(crate) fn begin(options: &RunOptions, closing: &CancellationToken) -> Self {
        let started = Instant::now();
        let token = CancellationToken::new();
        let link = |from: &CancellationToken| {
            let token = token.clone();
            from.on_cancel(move || token.cancel())
        };
        Self {
            _registrations: [link(&options.token), link(closing)],
            caller: options.token.clone(),
            // A timeout beyond what the clock can hold is none.
            control: Control {
                token,
                deadline: options.timeout.and_then(|timeout| started.checked_add(timeout)),
            },
            started,
        }
    }

    /// Whether the call may go on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.control.check(Instant::now()).map_err(|interrupt| self.blame(interrupt.into()))
    }

    /// The error of the call: a cancellation that the caller did not ask for comes from closing.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match error {
            Error::Run(RunError::Interrupted(Interrupt::Cancelled))
            | Error::Remote(RemoteError::Interrupted(Interrupt::Cancelled))
                if !self.caller.is_cancelled() =>
            {
                Error::Closed("model")
            }
            error => error,
        }
    }
}
