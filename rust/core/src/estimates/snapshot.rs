//! Estimates that are kept over a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Estimates, Statistics, moment};

/// What is believed of the age of a snapshot that was taken in the future: the clock was set, nobody knows by how much.
const CLOCK_WAS_SET: f64 = 86_400.0;
/// No runtime and no pause lasts longer, in seconds: a hundred years.
const LONGEST: f64 = 3.2e9;

/// Why a snapshot cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It is larger than any that is written.
    #[error("the estimates take {got} bytes, at most {limit} are read")]
    TooLarge {
        /// How many bytes it has.
        got: usize,
        /// How many are read.
        limit: usize,
    },
    /// It is not the JSON that is expected.
    #[error("the estimates cannot be read: {detail}")]
    Unreadable {
        /// What is wrong.
        detail: String,
    },
    /// It is of another version. Start without it.
    #[error("the estimates are of version {got}, expected {expected}")]
    Version {
        /// Its version.
        got: u32,
        /// The one that is read.
        expected: u32,
    },
    /// It holds a number that cannot be.
    #[error("the estimates of {what} hold a number that cannot be")]
    Value {
        /// Of what.
        what: &'static str,
    },
}

/// What was learned, to be written by serde when an app ends and read when it starts again.
///
/// What is known of a network stays known under that network's name. Connections do not survive, and time goes on by the
/// wall clock meanwhile: what has aged counts as aged. [`Statistics`] begin anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimatesSnapshot {
    version: u32,
    /// Seconds since 1970 when it was taken.
    taken: f64,
    /// Seconds since the runtime's start then.
    now: f64,
    estimates: Estimates,
}

impl EstimatesSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
    /// No snapshot has more bytes as JSON: one that has is no snapshot.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Takes a snapshot at `now`, the time since the runtime's start, which is `wall` since 1970.
    pub fn take(estimates: &Estimates, now: Duration, wall: Duration) -> Self {
        let mut estimates = estimates.clone();
        estimates.statistics = Statistics::default();
        // Nobody will be connected.
        estimates.links.values_mut().for_each(super::Link::hang_up);
        Self { version: Self::VERSION, taken: moment(wall), now: moment(now), estimates }
    }

    /// The estimates at `wall` since 1970, and the time at which they go on: every later time that is told to them is
    /// counted from there.
    pub fn restore(self, wall: Duration) -> Result<(Estimates, Duration), SnapshotError> {
        let Self { version, taken, now, mut estimates } = self;
        if version != Self::VERSION {
            return Err(SnapshotError::Version { got: version, expected: Self::VERSION });
        }
        let known = |time: f64| (0.0..=LONGEST).contains(&time);
        if !known(taken) || !known(now) {
            return Err(SnapshotError::Value { what: "time" });
        }
        estimates.check(now).map_err(|what| SnapshotError::Value { what })?;
        estimates.statistics = Statistics::default();
        estimates.links.values_mut().for_each(super::Link::hang_up);
        let pause = moment(wall) - taken;
        let pause = if pause < 0.0 { CLOCK_WAS_SET } else { pause.min(LONGEST) };
        Ok((estimates, Duration::from_secs_f64(now + pause)))
    }
}

/// Whether numbers that were read may be believed.
pub(super) trait Sane {
    /// Whether this can have been learned by `now`, in seconds since the runtime's start.
    fn is_sane(&self, now: f64) -> bool;
}

impl<T: Sane> Sane for Option<T> {
    fn is_sane(&self, now: f64) -> bool {
        self.as_ref().is_none_or(|value| value.is_sane(now))
    }
}

/// Whether each of these is a moment that was by `now`.
pub(super) fn past(moments: impl IntoIterator<Item = Option<f64>>, now: f64) -> bool {
    moments.into_iter().flatten().all(|at| (-LONGEST..=now + 1.0).contains(&at))
}

/// Whether each of these is a number within `bounds`.
pub(super) fn within(numbers: impl IntoIterator<Item = f64>, (least, most): (f64, f64)) -> bool {
    numbers.into_iter().all(|number| (least..=most).contains(&number))
}

impl Estimates {
    /// Says of what a number cannot be, if one cannot.
    fn check(&self, now: f64) -> Result<(), &'static str> {
        let checks = [
            ("links", self.links.is_sane(now)),
            ("servers", self.servers.is_sane(now)),
            ("queues", self.queues.is_sane(now)),
            ("breakers", self.breakers.is_sane(now)),
            ("the device", self.speeds.is_sane(now) && self.heads.is_sane(now)),
            ("placements", self.incumbents.is_sane(now)),
            ("probes", self.probing.is_sane(now) && self.budget.is_sane(now)),
            ("predictions", self.local.is_sane(now) && self.remote.is_sane(now)),
        ];
        checks.into_iter().find(|(_, sane)| !sane).map_or(Ok(()), |(what, _)| Err(what))
    }
}

#[cfg(test)]
mod tests;
