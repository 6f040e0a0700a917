//! Cancellation and deadline: one pair over local, cloud and queued work.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

type Callback = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Callbacks {
    next: u64,
    waiting: Vec<(u64, Callback)>,
}

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    callbacks: Mutex<Callbacks>,
    /// What keeps a child told of its parents, for as long as it lives.
    parents: OnceLock<Vec<CancelRegistration>>,
}

/// A switch that stops work which is under way.
///
/// Clones share the switch. Once cancelled it stays so: make a new one for the next call. Cancelling twice,
/// or after the work has ended, does nothing.
#[derive(Clone, Default)]
pub struct CancellationToken(Arc<State>);

impl CancellationToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with any of `parents`, and alone without them.
    ///
    /// ```
    /// use tandem_core::CancellationToken;
    ///
    /// let (caller, closing) = (CancellationToken::new(), CancellationToken::new());
    /// let call = CancellationToken::child_of([&caller, &closing]);
    /// closing.cancel();
    /// assert!(call.is_cancelled() && !caller.is_cancelled());
    /// ```
    pub fn child_of<'a>(parents: impl IntoIterator<Item = &'a Self>) -> Self {
        let child = Self::new();
        // Parents that outlive their children do not keep them.
        let told = |parent: &Self| {
            let child = Arc::downgrade(&child.0);
            parent.on_cancel(move || child.upgrade().into_iter().for_each(|child| Self(child).cancel()))
        };
        child.0.parents.get_or_init(|| parents.into_iter().map(told).collect());
        child
    }

    /// Cancels all work that carries this token. Returns at once; the work ends with `Cancelled` soon after.
    pub fn cancel(&self) {
        if self.0.cancelled.swap(true, Ordering::SeqCst) {
            return;
        }
        let waiting = std::mem::take(&mut self.lock().waiting);
        for (_, callback) in waiting {
            callback();
        }
    }

    /// Whether [`CancellationToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Calls `callback` once when the token is cancelled, on the thread that cancels; at once where it already is.
    ///
    /// Dropping the registration withdraws the callback.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> CancelRegistration {
        let mut callbacks = self.lock();
        // Read under the lock: `cancel` sets the flag before it takes the list.
        if self.is_cancelled() {
            drop(callbacks);
            callback();
            return CancelRegistration { token: self.clone(), id: u64::MAX };
        }
        let id = callbacks.next;
        callbacks.next += 1;
        callbacks.waiting.push((id, Box::new(callback)));
        drop(callbacks);
        CancelRegistration { token: self.clone(), id }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Callbacks> {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancellationToken(cancelled: {})", self.is_cancelled())
    }
}

/// Withdraws a callback of [`CancellationToken::on_cancel`] when dropped.
#[must_use = "dropping the registration withdraws the callback"]
#[derive(Debug)]
pub struct CancelRegistration {
    token: CancellationToken,
    id: u64,
}

impl Drop for CancelRegistration {
    fn drop(&mut self) {
        let mut callbacks = self.token.lock();
        let place = callbacks.waiting.iter().position(|(id, _)| *id == self.id);
        let withdrawn = place.map(|place| callbacks.waiting.swap_remove(place));
        drop(callbacks);
        // Dropped without the lock: a callback may hold what in turn drops a registration.
        drop(withdrawn);
    }
}

/// Why work was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupt {
    /// Its token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Its deadline has passed.
    #[error("deadline exceeded")]
    DeadlineExceeded,
}

/// What may stop a piece of work: a token and a moment.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Stops the work when cancelled.
    pub token: CancellationToken,
    /// Stops the work when reached; `None` is never.
    pub deadline: Option<Instant>,
}

impl Control {
    /// What stops work that begins at `now` and may take `timeout`. One beyond what the clock can hold is none.
    pub fn starting(now: Instant, timeout: Option<Duration>, token: CancellationToken) -> Self {
        Self { token, deadline: timeout.and_then(|timeout| now.checked_add(timeout)) }
    }

    /// Whether the work may go on at `now`. A cancelled token counts before a passed deadline.
    pub fn check(&self, now: Instant) -> Result<(), Interrupt> {
        if self.token.is_cancelled() {
            return Err(Interrupt::Cancelled);
        }
        match self.deadline {
            Some(deadline) if now >= deadline => Err(Interrupt::DeadlineExceeded),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_callback_runs_once_however_often_the_token_is_cancelled() {
        let token = CancellationToken::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let _registration = token.on_cancel(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        token.cancel();
        token.clone().cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_callback_on_a_cancelled_token_runs_at_once() {
        let token = CancellationToken::new();
        token.cancel();
        let called = Arc::new(AtomicBool::new(false));
        let flag = called.clone();
        let _registration = token.on_cancel(move || flag.store(true, Ordering::SeqCst));
        assert!(called.load(Ordering::SeqCst));
    }

    #[test]
    fn a_dropped_registration_is_not_called() {
        let token = CancellationToken::new();
        let called = Arc::new(AtomicBool::new(false));
        let flag = called.clone();
        drop(token.on_cancel(move || flag.store(true, Ordering::SeqCst)));
        token.cancel();
        assert!(!called.load(Ordering::SeqCst));
    }

    #[test]
    fn a_child_is_cancelled_with_any_parent_and_never_cancels_one() {
        let parents: [CancellationToken; 2] = Default::default();
        for parent in &parents {
            let child = CancellationToken::child_of(&parents);
            child.cancel();
            assert!(!parent.is_cancelled());
        }
        let child = CancellationToken::child_of(&parents);
        let grandchild = CancellationToken::child_of([&child]);
        parents[1].cancel();
        assert!(child.is_cancelled() && grandchild.is_cancelled());
        assert!(!parents[0].is_cancelled());
        assert!(CancellationToken::child_of(&parents).is_cancelled(), "a parent already was");
    }

    #[test]
    fn a_child_leaves_nothing_with_its_parents() {
        let parent = CancellationToken::new();
        let child = CancellationToken::child_of([&parent]);
        let clone = child.clone();
        drop(child);
        assert_eq!(parent.lock().waiting.len(), 1);
        drop(clone);
        assert!(parent.lock().waiting.is_empty());
    }

    #[test]
    fn withdrawing_a_callback_may_withdraw_another() {
        let token = CancellationToken::new();
        let child = CancellationToken::child_of([&token]);
        let registration = token.on_cancel(move || child.cancel());
        drop(registration);
        assert!(token.lock().waiting.is_empty());
    }

    #[test]
    fn cancellation_counts_before_the_deadline() {
        let now = Instant::now();
        let control = Control { token: CancellationToken::new(), deadline: Some(now) };
        assert_eq!(control.check(now), Err(Interrupt::DeadlineExceeded));
        let later = Control { deadline: Some(now + Duration::from_secs(1)), ..Control::default() };
        assert_eq!(later.check(now), Ok(()));
        control.token.cancel();
        assert_eq!(control.check(now), Err(Interrupt::Cancelled));
    }

    #[test]
    fn every_callback_is_called_or_withdrawn_under_contention() {
        for _ in 0..200 {
            let token = CancellationToken::new();
            let calls = Arc::new(AtomicUsize::new(0));
            std::thread::scope(|scope| {
                scope.spawn(|| token.cancel());
                let counter = calls.clone();
                let registration = token.on_cancel(move || {
                    counter.fetch_add(1, Ordering::SeqCst);
                });
                while !token.is_cancelled() {
                    std::hint::spin_loop();
                }
                scope.spawn(move || drop(registration));
            });
            assert!(calls.load(Ordering::SeqCst) <= 1);
        }
    }
}
