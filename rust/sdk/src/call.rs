//! One call of a model: its own switch and its deadline.

use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Control, Error, Interrupt, LoadError, RemoteError, RunError, RunOptions,
};

/// A call under way. It ends when the caller cancels, when its time is over, or when what it works with is closed.
pub(crate) struct Call {
    pub(crate) control: Control,
    pub(crate) started: Instant,
    caller: CancellationToken,
    /// What is closed where the call is cancelled and its caller did not ask for that.
    closes: &'static str,
}

impl Call {
    /// A call of a model.
    pub(crate) fn begin(options: &RunOptions, closing: &CancellationToken) -> Self {
        Self::under(&options.token, options.timeout, closing, "model")
    }

    /// A call of what is `closes` by name and says with `closing` that it closes.
    pub(crate) fn under(
        caller: &CancellationToken,
        timeout: Option<Duration>,
        closing: &CancellationToken,
        closes: &'static str,
    ) -> Self {
        let started = Instant::now();
        let token = CancellationToken::child_of([caller, closing]);
        let control = Control::starting(started, timeout, token);
        Self { control, started, caller: caller.clone(), closes }
    }

    /// Whether the call may go on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.control.check(Instant::now()).map_err(|interrupt| self.blame(interrupt.into()))
    }

    /// The error of the call: a cancellation that the caller did not ask for comes from closing.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match error {
            Error::Load(LoadError::Interrupted(Interrupt::Cancelled))
            | Error::Run(RunError::Interrupted(Interrupt::Cancelled))
            | Error::Remote(RemoteError::Interrupted(Interrupt::Cancelled))
                if !self.caller.is_cancelled() =>
            {
                Error::Closed(self.closes)
            }
            error => error,
        }
    }
}
