//! What a connection is at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a connection is at: told by its stream and its requests, asked by its keeper. All run on one task.
pub(crate) struct Activity {
    opened: Instant,
    /// When the latest byte was sent, in microseconds since the connection was opened.
    sent: AtomicU64,
    /// Whether bytes came since the latest request was answered.
    received: AtomicBool,
    answering: AtomicBool,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            opened: Instant::now(),
            sent: AtomicU64::new(0),
            received: AtomicBool::new(false),
            answering: AtomicBool::new(false),
        }
    }

    /// Bytes were sent.
    pub(crate) fn note_sent(&self) {
        let time = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.sent.store(time, Ordering::Relaxed);
    }

    /// Bytes came.
    pub(crate) fn note_received(&self) {
        self.received.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    /// Whether a part of a request's head has come, and not yet all of it.
    pub(crate) fn has_begun_a_head(&self) -> bool {
        self.received.load(Ordering::Relaxed) && !self.is_answering()
    }

    /// Until when the connection may wait for a request; `None` where it has waited for `patience` already.
    pub(crate) fn idle_until(&self, patience: Duration) -> Option<Instant> {
        let now = Instant::now();
        if self.is_answering() {
            return Some(now + patience);
        }
        let until = self.opened + Duration::from_micros(self.sent.load(Ordering::Relaxed)) + patience;
        (until > now).then_some(until)
    }
}

/// A request of a connection that is being answered, until this is dropped.
pub(crate) struct Answering(Arc<Activity>);

impl Answering {
    pub(crate) fn begin(activity: &Arc<Activity>) -> Self {
        activity.answering.store(true, Ordering::Relaxed);
        Self(activity.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.store(false, Ordering::Relaxed);
        self.0.received.store(false, Ordering::Relaxed);
    }
}
