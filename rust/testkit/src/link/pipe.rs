//! One direction of one connection: what it reads it passes on when it is due.

use std::time::Duration;

use super::connection::Connection;
use super::flight::{Flight, Piece};
use super::gate::Over;
use super::relay::Link;
use super::shape::{SEGMENT, SLICE, Window, piece};
use super::state::Direction;
use crate::Random;

/// How long before its end a piece's sending lets the next be taken from the sender: so much a late thread does not
/// cost.
const AHEAD: Duration = Duration::from_millis(10);

/// What a sender knows.
struct Sender<'a> {
    /// There is none without slow start.
    window: Option<Window>,
    random: &'a mut Random,
    last_due: Duration,
}

/// One direction of one connection.
pub(super) struct Pipe<'a> {
    link: &'a Link,
    connection: &'a Connection,
    direction: Direction,
    /// Since the relay started: before this, the connection is not made.
    made: Duration,
}

impl<'a> Pipe<'a> {
    pub(super) fn new(
        link: &'a Link,
        connection: &'a Connection,
        direction: Direction,
        made: Duration,
    ) -> Self {
        Self { link, connection, direction, made }
    }

    /// Takes from the sender what the link carries, until there is no more.
    pub(super) fn take(&self, seed: u64) {
        if self.take_all(&mut Random::new(seed)).is_err() {
            self.end();
        }
    }

    /// Gives to the receiver what has arrived, until there is no more.
    pub(super) fn give(&self) {
        if self.give_all().is_err() {
            self.end();
        }
    }

    /// Ends the connection, and lets every thread of it know.
    fn end(&self) {
        self.connection.reset();
        self.link.gate.wake();
    }

    fn is_over(&self) -> bool {
        self.connection.is_over()
    }

    /// The same, for those who do not wait at the gate.
    fn has_ended(&self) -> bool {
        self.is_over() || self.link.gate.is_stopped()
    }

    fn flight(&self) -> &Flight {
        self.connection.flight(self.direction)
    }

    fn take_all(&self, random: &mut Random) -> Result<(), Over> {
        let mut sender = Sender {
            window: self.link.options.slow_start.then(Window::new),
            random,
            last_due: Duration::ZERO,
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let limit = piece(self.rate()?);
            let count = self.connection.read(self.direction, &mut buffer[..limit])?;
            let mut bytes = &buffer[..count];
            self.link.wire.sent(self.direction, bytes);
            if bytes.is_empty() {
                return self.send(&mut sender, bytes);
            }
            while !bytes.is_empty() {
                // What was written while the link was dead leaves when it is healed.
                self.rate()?;
                let limit = sender.window.as_mut().map_or(usize::MAX, |window| window.piece(self.link.now()));
                let (first, rest) = bytes.split_at(limit.min(bytes.len()));
                self.send(&mut sender, first)?;
                bytes = rest;
            }
            self.flight().wait_for_receiver(|| self.link.now(), || self.has_ended())?;
        }
    }

    /// Sends a piece; waits until it has nearly left.
    fn send(&self, sender: &mut Sender<'_>, bytes: &[u8]) -> Result<(), Over> {
        let heals = self.link.gate.alive(|| self.is_over())?;
        let mut ready = self.link.now().max(self.made);
        if let Some(window) = &mut sender.window {
            ready = window.admit(ready, bytes.len());
        }
        // Other connections may use the link until this one may.
        self.sleep_until(ready)?;
        let departure = self.link.send(self.direction, ready, bytes.len());
        let stall = self.stall(sender.random, bytes.len());
        let due = departure.finished + departure.delay + self.jitter(sender.random) + stall;
        sender.last_due = due.max(sender.last_due);
        if let Some(window) = &mut sender.window {
            if stall > Duration::ZERO {
                window.shrink();
            }
            window.sent(bytes.len(), departure.finished, sender.last_due + departure.delay);
        }
        self.flight().push(Piece { due: sender.last_due, heals, bytes: bytes.to_vec() });
        self.sleep_until(departure.finished.saturating_sub(AHEAD))
    }

    /// Waits until the link carries anything in this direction; says how much.
    fn rate(&self) -> Result<f64, Over> {
        loop {
            self.link.gate.alive(|| self.is_over())?;
            let now = self.link.now();
            let rate = self.direction.rate(&self.link.state(now));
            if rate > 0.0 {
                return Ok(rate);
            }
            self.sleep_until(now + SLICE)?;
        }
    }

    /// Waits until the link is neither dead nor out; says how often it was healed.
    fn alive(&self) -> Result<u64, Over> {
        loop {
            let heals = self.link.gate.alive(|| self.is_over())?;
            let now = self.link.now();
            if !self.link.state(now).is_outage() {
                return Ok(heals);
            }
            self.sleep_until(now + SLICE)?;
        }
    }

    fn jitter(&self, random: &mut Random) -> Duration {
        self.link.options.jitter.mul_f64(fraction(random))
    }

    fn stall(&self, random: &mut Random, bytes: usize) -> Duration {
        let packets = i32::try_from(bytes.div_ceil(SEGMENT)).unwrap_or(i32::MAX);
        match self.link.options.stalls {
            Some(stalls) if fraction(random) >= (1.0 - stalls.probability).powi(packets) => stalls.time,
            _ => Duration::ZERO,
        }
    }

    fn sleep_until(&self, moment: Duration) -> Result<(), Over> {
        self.link.gate.sleep_until(self.link.started + moment, || self.is_over())
    }

    fn give_all(&self) -> Result<(), Over> {
        let Link { gate, wire, .. } = self.link;
        // What was under way when the link was healed arrives so much later than it would have.
        let (mut heals, mut late) = (0, Duration::ZERO);
        loop {
            let piece = self.flight().next(|| self.has_ended())?;
            self.sleep_until(piece.due + if piece.heals < heals { late } else { Duration::ZERO })?;
            let healed = self.alive()?;
            if piece.heals < healed && heals < healed {
                late = self.link.now().saturating_sub(piece.due);
            }
            heals = healed;
            if piece.bytes.is_empty() {
                self.connection.close(self.direction);
                return Ok(());
            }
            let mut bytes = piece.bytes.as_slice();
            while !bytes.is_empty() {
                let passage = gate.pass(self.direction, bytes.len(), || self.is_over())?;
                let (passing, rest) = bytes.split_at(passage.bytes);
                let written = self.connection.write(self.direction, passing);
                if written.is_ok() {
                    wire.delivered(self.direction, passing.len());
                }
                if let Some(death) = passage.death {
                    self.link.kill(death);
                }
                written?;
                bytes = rest;
            }
            self.flight().given();
        }
    }
}

/// A number from 0 to below 1.
fn fraction(random: &mut Random) -> f64 {
    f64::from(u32::try_from(random.bits() >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}
