//! What is under way in one direction of a connection.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::gate::Over;

/// A receiver that is so far behind lets the sender wait.
const BEHIND: Duration = Duration::from_millis(50);

/// A piece that is under way.
#[derive(Debug)]
pub(super) struct Piece {
    /// When it arrives, since the relay started.
    pub(super) due: Duration,
    /// How often the link had been healed when the piece was sent.
    pub(super) heals: u64,
    /// Empty is the end.
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// When the piece was due that the receiver is being given.
    giving: Option<Duration>,
}

/// What is under way, between the thread that takes from the sender and the one that gives to the receiver.
#[derive(Debug, Default)]
pub(super) struct Flight {
    state: Mutex<State>,
    changed: Condvar,
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, piece: Piece) {
        self.lock().pieces.push_back(piece);
        self.changed.notify_all();
    }

    /// Wakes whoever waits, to look again whether the connection is over.
    pub(super) fn wake(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _state = self.lock();
        self.changed.notify_all();
    }

    /// The next piece, which counts as being given until [`Flight::given`].
    pub(super) fn next(&self, is_over: impl Fn() -> bool) -> Result<Piece, Over> {
        let mut state = self.lock();
        loop {
            if is_over() {
                return Err(Over);
            }
            if let Some(piece) = state.pieces.pop_front() {
                state.giving = Some(piece.due);
                return Ok(piece);
            }
            state = self.wait(state);
        }
    }

    /// The receiver has the piece.
    pub(super) fn given(&self) {
        self.lock().giving = None;
        self.changed.notify_all();
    }

    /// Waits while the receiver does not read what has arrived.
    pub(super) fn wait_for_receiver(
        &self,
        now: impl Fn() -> Duration,
        is_over: impl Fn() -> bool,
    ) -> Result<(), Over> {
        let mut state = self.lock();
        while state.giving.is_some_and(|due| due + BEHIND < now()) {
            if is_over() {
                return Err(Over);
            }
            state = self.wait(state);
        }
        Ok(())
    }

    /// Waits for a change, or long enough to see that a connection has become too old.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, BEHIND).unwrap_or_else(PoisonError::into_inner).0
    }
}
