//! An exchange with an endpoint that this device stands in for: when it fails, when it takes too long, or in a race.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tandem_core::{CancellationToken, Control, Error, Interrupt, NamedTensors, RemoteError, RunError};

use crate::call::Call;
use crate::patience::Patience;

/// Who answered.
pub(crate) enum Answer<R> {
    /// The endpoint.
    Remote(R),
    /// This device, in `time`; `cause` is why the endpoint did not, `None` where it only was slower.
    Local { outputs: NamedTensors, time: Duration, cause: Option<RemoteError> },
}

/// Makes the exchange, and runs `local` where it fails in a way that `takes_over` lets pass, or is too slow.
///
/// One of the two gives the answer, the other is cancelled. A cancelled call and a passed deadline end both.
pub(crate) fn pursue<R>(
    call: &Call,
    endpoint: &str,
    patience: Patience,
    exchange: impl FnOnce(&Control) -> Result<R, RemoteError>,
    local: impl FnOnce(&Control) -> Result<NamedTensors, RunError> + Send + 'static,
    takes_over: impl Fn(&RemoteError) -> bool,
) -> Result<Answer<R>, Error> {
    match patience.hedge {
        Some(moment) => race(call, moment, exchange, local, takes_over),
        None => match until(call, endpoint, patience.give_up, exchange) {
            Ok(answer) => Ok(Answer::Remote(answer)),
            Err(error) if takes_over(&error) => {
                let begun = Instant::now();
                let outputs = local(&call.control)?;
                Ok(Answer::Local { outputs, time: begun.elapsed(), cause: Some(error) })
            }
            Err(error) => Err(error.into()),
        },
    }
}

/// Makes the exchange, and breaks it off at `moment` where that comes before the end of the call.
pub(crate) fn until<R>(
    call: &Call,
    endpoint: &str,
    moment: Option<Instant>,
    exchange: impl FnOnce(&Control) -> Result<R, RemoteError>,
) -> Result<R, RemoteError> {
    let begun = Instant::now();
    let earlier = |moment: &Instant| call.control.deadline.is_none_or(|deadline| *moment < deadline);
    let Some(moment) = moment.filter(earlier) else {
        return exchange(&call.control);
    };
    let control = Control { token: call.control.token.clone(), deadline: Some(moment) };
    match exchange(&control) {
        Err(RemoteError::Interrupted(Interrupt::DeadlineExceeded)) if call.check().is_ok() => {
            Err(given_up(endpoint, begun.elapsed()))
        }
        result => result,
    }
}

fn given_up(endpoint: &str, after: Duration) -> RemoteError {
    let detail = format!("given up after {after:.0?}, so that the answer comes from this device in time");
    RemoteError::ConnectionLost { endpoint: endpoint.to_owned(), phase: "wait", detail }
}

fn race<R>(
    call: &Call,
    moment: Instant,
    exchange: impl FnOnce(&Control) -> Result<R, RemoteError>,
    local: impl FnOnce(&Control) -> Result<NamedTensors, RunError> + Send + 'static,
    takes_over: impl Fn(&RemoteError) -> bool,
) -> Result<Answer<R>, Error> {
    let there = CancellationToken::child_of([&call.control.token]);
    let here = CancellationToken::child_of([&call.control.token]);
    let deadline = call.control.deadline;
    let (start, started) = channel::<()>();
    let (finish, finished) = channel();
    let (stop_there, control) = (there.clone(), Control { token: here.clone(), deadline });
    let work = move || {
        let wait = moment.saturating_duration_since(Instant::now());
        if started.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| local(&control))).unwrap_or_else(|_| {
            Err(RunError::Internal { detail: "a run on this device panicked".to_owned() })
        });
        if result.is_ok() {
            stop_there.cancel();
        }
        // Nobody listens where the endpoint was faster.
        let _ = finish.send((result, begun.elapsed()));
    };
    let helper = thread::Builder::new().name("tandem-hedge".to_owned()).spawn(work);
    if let Err(error) = helper {
        log::warn!("no thread to begin on this device too: {error}");
    }
    let error = match exchange(&Control { token: there, deadline }) {
        Ok(answer) => {
            here.cancel();
            return Ok(Answer::Remote(answer));
        }
        Err(error) => error,
    };
    let beaten =
        error == RemoteError::Interrupted(Interrupt::Cancelled) && !call.control.token.is_cancelled();
    if !beaten && !takes_over(&error) {
        here.cancel();
        return Err(error.into());
    }
    // Now, where it has not begun. Where it has, or never will, the word is lost.
    let _ = start.send(());
    match finished.recv() {
        Ok((Ok(outputs), time)) => Ok(Answer::Local { outputs, time, cause: (!beaten).then_some(error) }),
        Ok((Err(failed), _)) => Err(failed.into()),
        Err(_) => Err(error.into()),
    }
}
