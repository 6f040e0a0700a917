//! What a link is like, and when.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::traces::{LinkState, Trace};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Direction {
    /// The place of this direction in a pair.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }

    /// What a link carries this way, in bit/s; never negative.
    pub(super) fn rate(self, state: &LinkState) -> f64 {
        let rate = match self {
            Self::Up => state.up_bps,
            Self::Down => state.down_bps,
        };
        // A rate that is no number carries nothing.
        if rate.is_nan() { 0.0 } else { rate.max(0.0) }
    }
}

/// What a link is like, by the time since its relay started or its schedule was set.
pub type Schedule = Arc<dyn Fn(Duration) -> LinkState + Send + Sync>;

/// Pauses of a connection that look like lost packets: what was sent later waits too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stalls {
    /// How probable it is for a packet of 1,460 bytes to be held up, from 0 to 1.
    pub probability: f64,
    /// How long it is held up: one round trip is a fast retransmission, 200 ms and more a timeout.
    pub time: Duration,
}

/// How a relay treats what passes.
#[derive(Clone)]
pub struct LinkOptions {
    /// What the link is like, and when.
    pub schedule: Schedule,
    /// Whether connections start slowly, as over a real distance, and take a round trip to be made.
    pub slow_start: bool,
    /// How much longer than its delay a piece may take: evenly distributed from nothing to this. Order is kept.
    pub jitter: Duration,
    /// Pauses that look like lost packets.
    pub stalls: Option<Stalls>,
    /// Whether every byte that crosses is kept, for [`Relay::recorded`](super::Relay::recorded).
    pub record: bool,
    /// What jitter and stalls are drawn from.
    pub seed: u64,
}

impl LinkOptions {
    /// A link that follows `schedule`: with slow start, without jitter and stalls, not recorded.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, slow_start: true, jitter: Duration::ZERO, stalls: None, record: false, seed: 0 }
    }

    /// A link that never changes: with slow start, without jitter and stalls, not recorded.
    pub fn constant(state: LinkState) -> Self {
        Self::new(Arc::new(move |_| state))
    }

    /// A link that follows `trace`, again and again: with slow start, without jitter and stalls, not recorded.
    pub fn trace(trace: Trace) -> Self {
        Self::new(Arc::new(move |time| trace.at(time)))
    }
}

impl fmt::Debug for LinkOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedule, slow_start, jitter, stalls, record, seed } = self;
        f.debug_struct("LinkOptions")
            .field("at_start", &schedule(Duration::ZERO))
            .field("slow_start", slow_start)
            .field("jitter", jitter)
            .field("stalls", stalls)
            .field("record", record)
            .field("seed", seed)
            .finish()
    }
}
