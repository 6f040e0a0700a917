//! Whether anything passes at all, and the points at which that ends.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::state::Direction;

/// How a link dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Nothing passes any more, and nobody is told. What was under way arrives after the link is healed.
    Silence,
    /// Every connection is reset, and new ones are as soon as they are made.
    Reset,
}

/// A point at which the link dies.
#[derive(Debug)]
struct Trap {
    direction: Direction,
    /// Bytes that still pass.
    left: usize,
    death: Death,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    death: Option<Death>,
    /// How often the link was healed.
    heals: u64,
    traps: Vec<Trap>,
}

/// Why nothing passes any more: the relay stops, or the connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

/// What a connection may pass on at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) bytes: usize,
    /// How the link dies once these bytes have passed.
    pub(super) death: Option<Death>,
}

/// The state of a link, shared by its connections.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits, to look again whether its connection is over.
    pub(super) fn wake(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _state = self.lock();
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(super) fn die(&self, death: Death) {
        let mut state = self.lock();
        state.death = Some(death);
        // The point that sprang, and any that was reached with it, are past.
        state.traps.retain(|trap| trap.left > 0);
        self.changed.notify_all();
    }

    pub(super) fn heal(&self) {
        let mut state = self.lock();
        if state.death.take().is_some() {
            state.heals += 1;
        }
        self.changed.notify_all();
    }

    pub(super) fn death(&self) -> Option<Death> {
        self.lock().death
    }

    pub(super) fn set_trap(&self, direction: Direction, bytes: usize, death: Death) {
        self.lock().traps.push(Trap { direction, left: bytes, death });
    }

    /// Waits until the link is alive; says how often it was healed.
    pub(super) fn alive(&self, is_over: impl Fn() -> bool) -> Result<u64, Over> {
        self.wait(is_over, |state| state.death.is_none().then_some(state.heals))
    }

    /// Waits while the link is silent; says how it is dead otherwise.
    pub(super) fn voiced(&self) -> Result<Option<Death>, Over> {
        self.wait(|| false, |state| (state.death != Some(Death::Silence)).then_some(state.death))
    }

    /// Waits until something may pass in that direction; says how much of `bytes`, and at least one.
    pub(super) fn pass(
        &self,
        direction: Direction,
        bytes: usize,
        is_over: impl Fn() -> bool,
    ) -> Result<Passage, Over> {
        self.wait(is_over, |state| {
            // At zero somebody carries the last byte and is about to say so. An answer to it comes too late.
            if state.death.is_some() || state.traps.iter().any(|trap| trap.left == 0) {
                return None;
            }
            let mut traps: Vec<_> =
                state.traps.iter_mut().filter(|trap| trap.direction == direction).collect();
            let bytes = traps.iter().map(|trap| trap.left).min().unwrap_or(bytes).min(bytes);
            let mut death = None;
            for trap in &mut traps {
                trap.left -= bytes;
                if trap.left == 0 {
                    death = Some(trap.death);
                }
            }
            Some(Passage { bytes, death })
        })
    }

    /// Waits for a moment.
    pub(super) fn sleep_until(&self, moment: Instant, is_over: impl Fn() -> bool) -> Result<(), Over> {
        let mut state = self.lock();
        loop {
            if state.stopped || is_over() {
                return Err(Over);
            }
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            state = self.wait_timeout(state, left);
        }
    }

    fn wait<T>(
        &self,
        is_over: impl Fn() -> bool,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Over> {
        let mut state = self.lock();
        loop {
            if state.stopped || is_over() {
                return Err(Over);
            }
            if let Some(found) = look(&mut state) {
                return Ok(found);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_timeout<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::{Death, Direction, Gate};

    #[test]
    fn nothing_passes_either_way_once_the_last_byte_is_under_way() {
        let gate = Gate::default();
        gate.set_trap(Direction::Up, 3, Death::Silence);
        let last = gate.pass(Direction::Up, 5, || false).unwrap();
        assert_eq!((last.bytes, last.death), (3, Some(Death::Silence)));
        let over = AtomicBool::new(false);
        let (asked, was_asked) = channel();
        thread::scope(|scope| {
            let answer = scope.spawn(|| {
                gate.pass(Direction::Down, 1, || {
                    // With the lock held: it is let go of when the answer waits, or has passed.
                    asked.send(()).unwrap();
                    over.load(Ordering::SeqCst)
                })
            });
            was_asked.recv().unwrap();
            gate.die(Death::Silence);
            over.store(true, Ordering::SeqCst);
            gate.wake();
            assert!(answer.join().unwrap().is_err());
        });
    }
}
