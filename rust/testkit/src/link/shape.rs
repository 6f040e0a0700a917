//! When bytes leave and when they arrive: arithmetic without sockets or a clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::state::Direction;
use crate::traces::LinkState;

#[cfg(test)]
mod tests;

/// Payload of a packet on an Ethernet path without options.
pub(super) const SEGMENT: usize = 1460;

/// What a connection may have under way before it has heard from the other side (RFC 6928).
pub(super) const INITIAL_WINDOW: usize = 10 * SEGMENT;

/// Beyond this a window never limits: 1 Gbit/s over 250 ms.
const LARGEST_WINDOW: usize = 32 << 20;

/// What is added to the round trip for the retransmission time-out: Linux's least.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(200);

/// How finely a schedule is read while something is sent.
pub(super) const SLICE: Duration = Duration::from_millis(5);

/// No piece takes longer, however slow the link is.
const LONGEST: Duration = Duration::from_mins(1);

/// A direction of the link, which sends one piece after the other.
#[derive(Debug, Default)]
pub(super) struct Lane {
    free_at: Duration,
}

/// When a piece has left, and how long it is then under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Departure {
    pub(super) finished: Duration,
    pub(super) delay: Duration,
}

impl Lane {
    /// Sends `bytes` that are there at `ready`, after all that was given before. Where the link goes down in the middle,
    /// the piece counts as sent: whoever delivers it waits for the link.
    pub(super) fn send(
        &mut self,
        schedule: &dyn Fn(Duration) -> LinkState,
        direction: Direction,
        ready: Duration,
        bytes: usize,
    ) -> Departure {
        let mut at = ready.max(self.free_at);
        let end = at + LONGEST;
        #[allow(clippy::cast_precision_loss, reason = "pieces are far shorter than 2^52 bits")]
        let mut bits = bytes as f64 * 8.0;
        while at < end {
            let rate = direction.rate(&schedule(at));
            let carried = rate * SLICE.as_secs_f64();
            if bits <= carried || rate <= 0.0 {
                at += Duration::from_secs_f64(if rate > 0.0 { bits / rate } else { 0.0 });
                break;
            }
            bits -= carried;
            at += SLICE;
        }
        self.free_at = at;
        Departure { finished: at, delay: schedule(at).rtt / 2 }
    }
}

/// What one direction of a connection may have under way.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    /// Up to here the window doubles in each round trip; beyond it grows by a packet in each.
    threshold: usize,
    in_flight: usize,
    /// When what is under way will have been acknowledged.
    acknowledged: VecDeque<(Duration, usize)>,
    /// When something last left.
    left: Duration,
    /// The retransmission time-out.
    timeout: Duration,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            size: INITIAL_WINDOW,
            threshold: LARGEST_WINDOW,
            in_flight: 0,
            acknowledged: VecDeque::new(),
            left: Duration::ZERO,
            timeout: TIMEOUT_MARGIN,
        }
    }

    /// When `bytes` that are there at `ready` may leave.
    pub(super) fn admit(&mut self, ready: Duration, bytes: usize) -> Duration {
        self.hear(ready);
        let mut ready = ready;
        while self.in_flight + bytes > self.size
            && let Some(at) = self.acknowledge()
        {
            ready = ready.max(at);
        }
        ready
    }

    /// Takes in what has been acknowledged by `now`.
    fn hear(&mut self, now: Duration) {
        while self.acknowledged.front().is_some_and(|(at, _)| *at <= now) {
            self.acknowledge();
        }
        // Halved for each time-out of silence (RFC 2861; Linux's `tcp_cwnd_restart`).
        while self.in_flight == 0 && self.size > INITIAL_WINDOW && now >= self.left + self.timeout {
            self.size = (self.size / 2).max(INITIAL_WINDOW);
            self.left += self.timeout;
        }
    }

    /// Takes in the next acknowledgement; says when it comes.
    fn acknowledge(&mut self) -> Option<Duration> {
        let (at, bytes) = self.acknowledged.pop_front()?;
        self.in_flight -= bytes;
        let slow = self.size < self.threshold;
        let growth = if slow { bytes } else { SEGMENT * bytes / self.size };
        self.size = (self.size + growth).min(LARGEST_WINDOW);
        Some(at)
    }

    /// Notes that `bytes` left at `departure` and are under way until `acknowledged`.
    pub(super) fn sent(&mut self, bytes: usize, departure: Duration, acknowledged: Duration) {
        self.in_flight += bytes;
        self.left = departure;
        self.timeout = TIMEOUT_MARGIN + acknowledged.saturating_sub(departure);
        self.acknowledged.push_back((acknowledged, bytes));
    }

    /// A packet was held up: the window is halved, and grows slowly from there (RFC 5681, section 3.2).
    pub(super) fn shrink(&mut self) {
        self.size = (self.size / 2).max(2 * SEGMENT);
        self.threshold = self.size;
    }

    /// How much to send at once at `now`, so that pieces are small beside the window.
    pub(super) fn piece(&mut self, now: Duration) -> usize {
        self.hear(now);
        (self.size / 8).max(SEGMENT)
    }
}

/// How much of `rate` bit/s to take from the sender at once: two milliseconds, and whole packets.
pub(super) fn piece(rate: f64) -> usize {
    /// What the relay's buffers hold.
    const LARGEST: usize = 49_152;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let bytes = (rate / 8.0 * 0.002) as usize;
    bytes.clamp(SEGMENT, LARGEST)
}
