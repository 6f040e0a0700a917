//! Leaving an endpoint alone that fails: a circuit breaker (Nygard, "Release It!", 2007).

use serde::{Deserialize, Serialize};

use super::snapshot::{Sane, past, within};

/// So many failures in a row open it.
const IN_A_ROW: u32 = 3;
/// So many of the last eight exchanges open it.
const OF_EIGHT: u32 = 4;
/// The first time it stays open, in seconds; doubled each time that it has to open again.
const FIRST: f64 = 5.0;
/// The longest.
const LONGEST: f64 = 300.0;
/// How long after the open time a request may try where no probe did.
const GRACE: f64 = 10.0;
/// How long a trial keeps others away, in seconds.
const TRIAL: f64 = 10.0;

/// Whether requests may go to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// They may.
    Closed,
    /// They may not.
    Open,
    /// A probe may, to see whether it answers again.
    HalfOpen,
    /// No probe came: one request may.
    Trial,
}

/// Counts how exchanges with an endpoint end, and leaves it alone for a while when they fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Breaker {
    /// The last eight exchanges, the latest in the lowest bit: one is a failure.
    recent: u8,
    in_a_row: u32,
    /// Until when it is open, in seconds since the runtime's start.
    until: Option<f64>,
    /// How long after that a request may try where no probe did.
    grace: f64,
    /// How often it has opened since it was last closed.
    opened: u32,
    /// Until when a trial is under way.
    trial: Option<f64>,
    /// Whether the last answer was that the endpoint is busy or starting.
    busy: bool,
}

impl Breaker {
    pub(super) fn state(&self, now: f64) -> Circuit {
        match self.until {
            None => Circuit::Closed,
            Some(until) if now < until => Circuit::Open,
            Some(_) if self.trial.is_some_and(|trial| now < trial) => Circuit::Open,
            Some(until) if now < until + self.grace => Circuit::HalfOpen,
            Some(_) => Circuit::Trial,
        }
    }

    /// Learns that a trial begins.
    pub(super) fn try_once(&mut self, now: f64) {
        if self.until.is_some_and(|until| now >= until) {
            self.trial = Some(now + TRIAL);
        }
    }

    pub(super) fn succeed(&mut self) {
        let recent = self.recent << 1;
        // What is left of failures in the window must not open a circuit that has just been closed.
        *self = Self { recent: if self.until.is_some() { 0 } else { recent }, ..Self::default() };
    }

    /// Learns of a failure. `name` spreads the devices that wait for the same endpoint.
    pub(super) fn fail(&mut self, name: &str, now: f64) {
        self.busy = false;
        self.count(name, now);
    }

    /// Learns that the endpoint has too much to do, or is starting: it is left alone for as long as it asks, and that is a
    /// failure only when it happens again.
    pub(super) fn busy(&mut self, name: &str, retry_after: f64, now: f64) {
        if self.busy {
            self.count(name, now);
        }
        self.busy = true;
        let until = now + retry_after.clamp(0.0, LONGEST);
        if self.until.is_none_or(|open| open < until) {
            (self.until, self.grace) = (Some(until), 0.0);
        }
        self.trial = None;
    }

    fn count(&mut self, name: &str, now: f64) {
        self.recent = self.recent << 1 | 1;
        self.in_a_row = self.in_a_row.saturating_add(1);
        let half_open = self.until.is_some();
        if half_open || self.in_a_row >= IN_A_ROW || self.recent.count_ones() >= OF_EIGHT {
            let doubled = FIRST * 2.0_f64.powi(i32::try_from(self.opened.min(10)).unwrap_or(10));
            self.until = Some(now + doubled.min(LONGEST) * spread(name, self.opened));
            self.grace = GRACE;
            self.opened = self.opened.saturating_add(1);
            self.trial = None;
        }
    }
}

impl Sane for Breaker {
    fn is_sane(&self, now: f64) -> bool {
        past([self.until, self.trial], now + 2.0 * LONGEST) && within([self.grace], (0.0, GRACE))
    }
}

/// A factor from 0.8 to 1.2 that is the same for the same name and turn: pure, and different between endpoints.
fn spread(name: &str, turn: u32) -> f64 {
    // FNV-1a.
    let bytes = name.bytes().chain(turn.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    0.8 + 0.4 * f64::from(u16::try_from(hash >> 48).unwrap_or(0)) / 65_535.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_open_it_and_an_answer_closes_it() {
        let mut breaker = Breaker::default();
        breaker.fail("a", 0.0);
        breaker.fail("a", 1.0);
        assert_eq!(breaker.state(1.0), Circuit::Closed);
        breaker.fail("a", 2.0);
        assert_eq!(breaker.state(2.1), Circuit::Open);
        assert_eq!(breaker.state(2.0 + 6.1), Circuit::HalfOpen);
        assert_eq!(breaker.state(2.0 + 16.1), Circuit::Trial);
        breaker.try_once(18.5);
        assert_eq!(breaker.state(18.6), Circuit::Open);
        breaker.succeed();
        assert_eq!(breaker.state(18.7), Circuit::Closed);
        breaker.fail("a", 19.0);
        assert_eq!(breaker.state(19.0), Circuit::Closed);
    }

    #[test]
    fn it_stays_open_longer_each_time_and_never_longer_than_five_minutes() {
        let mut breaker = Breaker::default();
        let (mut now, mut last) = (0.0, 0.0);
        (0..3).for_each(|_| breaker.fail("a", now));
        for _ in 0..30 {
            let open = breaker.until.unwrap() - now;
            assert!(
                open <= LONGEST * 1.2 && (open > last * 1.2 || open >= LONGEST * 0.8),
                "{open} after {last}"
            );
            (last, now) = (open, breaker.until.unwrap());
            breaker.fail("a", now);
        }
    }

    #[test]
    fn a_busy_endpoint_is_left_alone_as_long_as_it_asks_and_fails_only_when_it_stays_busy() {
        let mut breaker = Breaker::default();
        breaker.busy("a", 2.0, 0.0);
        assert_eq!(breaker.state(1.9), Circuit::Open);
        assert_eq!(breaker.state(2.0), Circuit::Trial);
        assert_eq!(breaker.in_a_row, 0);
        breaker.busy("a", 0.0, 2.5);
        assert_eq!(breaker.in_a_row, 1);
    }

    #[test]
    fn half_of_the_last_eight_open_it() {
        let mut breaker = Breaker::default();
        for turn in 0..4 {
            breaker.fail("a", f64::from(turn));
            if turn < 3 {
                breaker.succeed();
            }
        }
        assert_eq!(breaker.state(3.5), Circuit::Open);
    }
}
