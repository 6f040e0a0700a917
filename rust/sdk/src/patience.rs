//! How long an endpoint is waited for before this device stands in.

use std::time::{Duration, Instant};

use tandem_core::LatencyBand;

/// How long the endpoint is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patience {
    /// When the exchange is broken off so that this device can still answer; `None` is with the call.
    pub(crate) give_up: Option<Instant>,
    /// When this device begins although the exchange goes on; `None` is never.
    pub(crate) hedge: Option<Instant>,
}

/// A run that waits for an endpoint, and what is predicted of both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    /// When the run began.
    pub(crate) begun: Instant,
    /// When the exchange begins.
    pub(crate) now: Instant,
    /// When the run has to have ended.
    pub(crate) deadline: Option<Instant>,
    /// The whole run with the endpoint, from `begun`.
    pub(crate) endpoint: Option<&'a LatencyBand>,
    /// What is left to be computed, on this device.
    pub(crate) stand_in: Option<Duration>,
}

impl Waiting<'_> {
    /// When the exchange is broken off; `None` where it may take as long as the run.
    pub(crate) fn give_up(&self) -> Option<Instant> {
        // Twice as long as one of twenty takes, and as long again as it takes to stand in: from then on waiting can
        // only lose.
        let slow = self.endpoint.zip(self.stand_in);
        let slow = slow.map(|(endpoint, stand_in)| self.begun + endpoint.p95() * 2 + stand_in);
        [self.near_the_end(), slow].into_iter().flatten().min()
    }

    /// When it is time to stand in before the deadline; `None` where that would be too late anyway, or where there is time for
    /// one of the two only and the endpoint, which the plan has chosen, is expected to be in time.
    fn near_the_end(&self) -> Option<Instant> {
        let left = self.deadline?.saturating_duration_since(self.now);
        let reserve = reserve(left, self.stand_in);
        if let Some(spare) = left.checked_sub(reserve).filter(|spare| !spare.is_zero()) {
            return Some(self.now + spare);
        }
        let hopeless = self.stand_in.is_some_and(|stand_in| stand_in >= left);
        let in_time = |band: &LatencyBand| Some(self.begun + band.p95()) <= self.deadline;
        (!hopeless && !self.endpoint.is_some_and(in_time)).then_some(self.now)
    }
}

/// The time that is kept for standing in, which takes `stand_in`, of the time that is left.
///
/// More than that: predictions are middles and ends, not bounds. However short the work is, threads wake late, by milliseconds
/// where others want the processor, and answers are put together.
fn reserve(left: Duration, stand_in: Option<Duration>) -> Duration {
    /// Of the time that is left, where nothing is known of how long this device takes; of what it takes, where that is known.
    const SHARE: u32 = 3;
    const LATE: Duration = Duration::from_millis(10);
    const PART: u32 = 20;
    stand_in.map_or(left / SHARE, |time| time + (time / SHARE).max(LATE).max(left / PART))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// After how much time the exchange is broken off, of a run that has just begun.
    fn after(left: Option<u64>, endpoint: Option<u64>, stand_in: Option<u64>) -> Option<Duration> {
        let begun = Instant::now();
        let band = endpoint.map(|middle| LatencyBand::lognormal(ms(middle), 0.1));
        let waiting = Waiting {
            begun,
            now: begun,
            deadline: left.map(|left| begun + ms(left)),
            endpoint: band.as_ref(),
            stand_in: stand_in.map(ms),
        };
        waiting.give_up().map(|moment| moment.saturating_duration_since(begun))
    }

    #[test]
    fn what_is_kept_is_the_work_and_a_third_a_twentieth_or_some_milliseconds_more() {
        assert_eq!(after(Some(10_000), None, Some(3_000)), Some(ms(6_000)));
        assert_eq!(after(Some(10_000), None, Some(60)), Some(ms(9_440)));
        assert_eq!(after(Some(100), None, Some(3)), Some(ms(87)));
        assert_eq!(after(Some(100), None, Some(0)), Some(ms(90)));
        assert_eq!(after(Some(900), None, None), Some(ms(600)));
    }

    #[test]
    fn however_short_the_work_some_milliseconds_are_kept_beside_it() {
        for left in [20, 30, 50, 100, 1_000, 60_000] {
            for stand_in in 0..left {
                let Some(given_up) = after(Some(left), None, Some(stand_in)) else { continue };
                let kept = ms(left).saturating_sub(given_up);
                assert!(given_up.is_zero() || kept >= ms(stand_in + 10), "{left} {stand_in}: {kept:?}");
            }
        }
    }

    #[test]
    fn a_device_that_would_be_late_does_not_take_the_time_of_an_endpoint_that_would_not() {
        assert_eq!(
            after(Some(50), Some(20), Some(80)),
            Some(2 * LatencyBand::lognormal(ms(20), 0.1).p95() + ms(80))
        );
        assert_eq!(after(Some(50), None, Some(80)), None);
        // There is time for one of the two only.
        assert!(after(Some(50), Some(20), Some(45)) > Some(ms(50)));
        assert_eq!(after(Some(50), Some(70), Some(45)), Some(ms(0)));
        assert_eq!(after(Some(50), None, Some(45)), Some(ms(0)));
    }

    #[test]
    fn without_a_deadline_only_slowness_ends_the_wait() {
        assert_eq!(after(None, None, Some(80)), None);
        assert_eq!(after(None, Some(20), None), None);
        assert_eq!(
            after(None, Some(20), Some(80)),
            Some(2 * LatencyBand::lognormal(ms(20), 0.1).p95() + ms(80))
        );
    }
}
