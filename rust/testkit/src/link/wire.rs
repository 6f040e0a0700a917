//! What crossed the link.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::state::Direction;

/// What one direction has carried, over all connections.
#[derive(Debug, Default)]
struct Tally {
    sent: AtomicU64,
    delivered: AtomicU64,
    recorded: Mutex<Vec<u8>>,
}

/// What a link has carried.
#[derive(Debug)]
pub(super) struct Wire {
    tallies: [Tally; 2],
    record: bool,
}

impl Wire {
    pub(super) fn new(record: bool) -> Self {
        Self { tallies: Default::default(), record }
    }

    fn tally(&self, direction: Direction) -> &Tally {
        &self.tallies[direction.index()]
    }

    /// Notes what has left its sender, whether it arrives or not.
    pub(super) fn sent(&self, direction: Direction, bytes: &[u8]) {
        let tally = self.tally(direction);
        tally.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        if self.record {
            tally.recorded.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
    }

    pub(super) fn delivered(&self, direction: Direction, bytes: usize) {
        self.tally(direction).delivered.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    pub(super) fn bytes_sent(&self, direction: Direction) -> u64 {
        self.tally(direction).sent.load(Ordering::SeqCst)
    }

    pub(super) fn bytes_delivered(&self, direction: Direction) -> u64 {
        self.tally(direction).delivered.load(Ordering::SeqCst)
    }

    pub(super) fn recorded(&self, direction: Direction) -> Vec<u8> {
        self.tally(direction).recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
