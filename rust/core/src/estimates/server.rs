//! What a server takes: for its queue, for a model, and to start it.

use serde::{Deserialize, Serialize};

use super::counts::Counted;
use super::device::assumed_seconds;
use super::scalar::{Drift, LogValue};
use super::snapshot::{Sane, past, within};
use crate::ModelCosts;

/// How a server's speed at one model drifts.
const SPEED_DRIFT: Drift = Drift { ceiling: 0.25, tau: 300.0 };
/// Variance of the logarithm of one computation about the usual.
const NOISE: f64 = 0.01;
/// The same where the time is what was left of an exchange, or a mean in which starts count.
const LEFT_NOISE: f64 = 0.25;
/// The same of a mean over the requests of some minutes, all clients' together.
const COUNTED_NOISE: f64 = 0.04;
/// A server is taken for so much faster than this device where nothing is known of it.
const FASTER: f64 = 4.0;
/// What a model is assumed to take on a server where nothing at all is known, in seconds.
const ASSUMED: f64 = 0.05;
/// An answer that took so much longer than usual, after a pause, came from a server that had to start.
const COLD: f64 = 5.0;
/// The shortest pause, in seconds, after which a server may have to start.
const COLD_AFTER: f64 = 30.0;
/// A wait that is longer is not believed, in seconds.
const LONGEST_QUEUE: f64 = 60.0;
/// Cuts whose own difference from their share is kept.
const CUTS: usize = 16;

/// What the whole model is believed to take on an endpoint, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerNow {
    pub(crate) whole: f64,
    pub(crate) variance: f64,
    /// What starting adds, where it is expected to have to.
    pub(crate) cold: Option<f64>,
}

/// One model on one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Server {
    /// The logarithm of the whole model's seconds.
    whole: LogValue,
    /// By how much the tail of a cut differs from its share of the whole, as a logarithm.
    cuts: Vec<(String, LogValue)>,
    cold: Cold,
    last: Option<f64>,
    /// Whether its last answer did not say what it took.
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    pub(super) counted: Counted,
}

/// When a server has to start, and how long that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cold {
    /// The pause in seconds after which it had to.
    after: Option<f64>,
    /// What that added, in seconds.
    extra: f64,
}

impl Server {
    /// What can be said before the first answer: by what is known of servers, else by what this device is known, found
    /// (`here`, in seconds) or assumed to take.
    pub(super) fn prior(costs: &ModelCosts, here: Option<f64>, now: f64) -> Self {
        let known = costs.device_time.map(|time| time.as_secs_f64()).or(here);
        let (seconds, variance) = match (costs.server_time, known, costs.multiply_adds) {
            (Some(time), _, _) => (time.as_secs_f64(), 0.25),
            (None, Some(here), _) => (here / FASTER, 1.0),
            (None, None, Some(count)) => (assumed_seconds(count) / FASTER, 1.5),
            (None, None, None) => (ASSUMED, 2.0),
        };
        let whole = LogValue::prior(seconds.clamp(1e-6, 3600.0).ln(), variance, now);
        Self {
            whole,
            cuts: Vec::new(),
            cold: Cold::default(),
            last: None,
            silent: false,
            counted: Counted::default(),
        }
    }

    /// What the whole is believed to take at `now`.
    pub(super) fn at(&self, now: f64) -> ServerNow {
        let pause = self.last.map_or(0.0, |last| now - last);
        let starts = self.cold.after.is_some_and(|after| pause >= after);
        ServerNow {
            whole: self.whole.mean.exp(),
            variance: self.whole.variance_at(now, SPEED_DRIFT),
            cold: starts.then_some(self.cold.extra),
        }
    }

    /// The factor by which the tail of `cut` differs from its share of the whole.
    pub(super) fn cut_factor(&self, cut: &str) -> f64 {
        self.cuts.iter().find(|(id, _)| id == cut).map_or(1.0, |(_, factor)| factor.mean.exp())
    }

    /// Whether the tail of any cut is known to differ.
    pub(super) fn knows_cuts(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// What the part that takes `share` of the whole, the tail of `cut` where one is named, is believed to take, and the
    /// variance of its logarithm.
    pub(super) fn part(&self, share: f64, cut: Option<&str>, now: f64) -> (f64, f64) {
        let whole = self.at(now);
        let factor = cut.map_or(1.0, |cut| self.cut_factor(cut));
        (whole.whole * share * factor + whole.cold.unwrap_or(0.0), whole.variance)
    }

    /// Learns that the part took `seconds`, an answer that came at `now`. `trust` is false where the time was what was
    /// left over, not what the server said.
    pub(super) fn learn(&mut self, share: f64, cut: Option<&str>, seconds: f64, trust: bool, now: f64) {
        let pause = self.last.map_or(0.0, |last| now - last);
        (self.last, self.silent) = (Some(now), !trust);
        let share = share.max(1e-3);
        let factor = cut.map_or(1.0, |cut| self.cut_factor(cut));
        let usual = self.whole.mean.exp() * share * factor;
        if self.whole.looks > 0 && pause >= COLD_AFTER {
            if seconds > COLD * usual && seconds > usual + 0.1 {
                // It had to start: that says nothing of how fast it is.
                let after = self.cold.after.map_or(pause, |after| after.min(pause));
                self.cold = Cold { after: Some(after), extra: seconds - usual };
                return;
            }
            if self.cold.after.is_some_and(|after| pause >= after) {
                self.cold.after = Some(1.5 * pause);
            }
        }
        self.look(cut, (seconds.max(1e-6) / usual).ln(), if trust { NOISE } else { LEFT_NOISE }, now);
    }

    /// Whether answers come that do not say what it took.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Learns what the part took on average, by the server's own counts: `all` is since its start.
    pub(super) fn learn_mean(&mut self, share: f64, cut: Option<&str>, seconds: f64, all: bool, now: f64) {
        let factor = cut.map_or(1.0, |cut| self.cut_factor(cut));
        let usual = self.whole.mean.exp() * share.max(1e-3) * factor;
        self.look(cut, (seconds.max(1e-6) / usual).ln(), if all { LEFT_NOISE } else { COUNTED_NOISE }, now);
    }

    /// Takes a surprise, as a logarithm with the variance `noise`, for the server's or, of a tail, for both.
    fn look(&mut self, cut: Option<&str>, surprise: f64, noise: f64, now: f64) {
        match cut {
            None => self.whole.look(self.whole.mean + surprise, noise, now, SPEED_DRIFT),
            Some(cut) => self.learn_cut(cut, surprise, noise, now),
        }
    }

    /// Shares what is left of the surprise between the server's speed and the cut's own factor.
    fn learn_cut(&mut self, cut: &str, look: f64, noise: f64, now: f64) {
        let steady = Drift { ceiling: 0.09, tau: 600.0 };
        let index = self.cuts.iter().position(|(id, _)| id == cut).unwrap_or_else(|| {
            if self.cuts.len() == CUTS {
                self.cuts.remove(0);
            }
            self.cuts.push((cut.to_owned(), LogValue::prior(0.0, 0.09, now)));
            self.cuts.len() - 1
        });
        let factor = &mut self.cuts[index].1;
        let (of_cut, of_whole) = (factor.variance_at(now, steady), self.whole.variance_at(now, SPEED_DRIFT));
        let mean = self.whole.mean;
        factor.look(factor.mean + look, noise + of_whole, now, steady);
        self.whole.look(mean + look, noise + of_cut, now, SPEED_DRIFT);
    }
}

/// How long requests wait at an endpoint for their turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The usual wait, in seconds: an average in which a longer wait counts three tenths, a shorter one half.
    pub(super) seconds: f64,
}

impl Queue {
    pub(super) fn learn(&mut self, seconds: f64) {
        let change = seconds.clamp(0.0, LONGEST_QUEUE) - self.seconds;
        self.seconds += if change > 0.0 { 0.3 * change } else { 0.5 * change };
    }
}

impl Sane for Server {
    fn is_sane(&self, now: f64) -> bool {
        past([self.last], now)
            && self.counted.is_sane(now)
            && self.whole.is_sane(now)
            && self.cuts.len() <= CUTS
            && self.cuts.iter().all(|(_, factor)| factor.is_sane(now))
            && within([self.cold.extra], (0.0, 3600.0))
            && within(self.cold.after, (0.0, 1e12))
    }
}

impl Sane for Queue {
    fn is_sane(&self, _: f64) -> bool {
        within([self.seconds], (0.0, LONGEST_QUEUE))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn costs() -> ModelCosts {
        ModelCosts { server_time: Some(Duration::from_millis(40)), ..ModelCosts::default() }
    }

    #[test]
    fn its_speed_is_learned_from_the_whole_and_from_tails() {
        let mut server = Server::prior(&costs(), None, 0.0);
        for second in 1..10 {
            server.learn(1.0, None, 0.02, true, f64::from(second));
        }
        let (whole, _) = server.part(1.0, None, 10.0);
        assert!((whole - 0.02).abs() < 0.001, "{whole}");
        for second in 10..40 {
            server.learn(0.5, Some("c"), 0.015, true, f64::from(second));
        }
        let (tail, _) = server.part(0.5, Some("c"), 40.0);
        assert!((tail - 0.015).abs() < 0.001, "{tail}");
    }

    #[test]
    fn a_start_is_told_apart_and_expected_after_the_same_pause() {
        let mut server = Server::prior(&costs(), None, 0.0);
        server.learn(1.0, None, 0.04, true, 1.0);
        server.learn(1.0, None, 4.0, true, 301.0);
        let warm = server.at(302.0);
        assert!(warm.cold.is_none() && (warm.whole - 0.04).abs() < 0.005, "{warm:?}");
        let cold = server.at(601.0).cold.unwrap();
        assert!((cold - 3.96).abs() < 0.01, "{cold}");
        // It was warm after a pause that long: the next start is expected later.
        server.learn(1.0, None, 0.04, true, 601.0);
        assert!(server.at(901.0).cold.is_none());
    }
}
