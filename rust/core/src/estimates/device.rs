//! How fast this device is at a model, in the state it is in.

use serde::{Deserialize, Serialize};

use super::scalar::{Drift, LogValue};
use super::snapshot::Sane;
use crate::number::float;
use crate::{DeviceState, ModelCosts, ThermalState};

/// How the device's speed drifts: other apps come and go.
const DRIFT: Drift = Drift { ceiling: 0.0625, tau: 600.0 };
/// Variance of the logarithm of one run about the usual.
const NOISE: f64 = 0.004;
/// The same of a first run, which pays for what later ones do not: memory that is touched, caches that are cold.
const FIRST_NOISE: f64 = 0.25;
/// Multiplications and additions a second, where a model was never run: a phone's core, within a factor of three.
const ASSUMED_SPEED: f64 = 8e9;

/// What the whole model is believed to take on this device, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceNow {
    pub(crate) whole: f64,
    pub(crate) variance: f64,
    /// Whether this rests on a run or a profile that says what the next run takes.
    pub(crate) measured: bool,
}

/// The state of the device that its speed depends on, as a name.
///
/// Unknown and cool are one, and so are hot and too hot: what is rarely met teaches little.
pub(super) fn bucket(device: &DeviceState) -> &'static str {
    let saving = device.low_power_mode == Some(true);
    match device.thermal {
        ThermalState::Unknown | ThermalState::Nominal if saving => "cool, saving",
        ThermalState::Unknown | ThermalState::Nominal => "cool",
        ThermalState::Fair if saving => "warm, saving",
        ThermalState::Fair => "warm",
        ThermalState::Serious | ThermalState::Critical if saving => "hot, saving",
        ThermalState::Serious | ThermalState::Critical => "hot",
    }
}

/// What a slow state costs, where it was not met yet: a factor by heat, as the notes have it, and one for saving.
fn slowdown(device: &DeviceState) -> f64 {
    let heat = match device.thermal {
        ThermalState::Unknown | ThermalState::Nominal => 1.0,
        ThermalState::Fair => 1.15,
        ThermalState::Serious | ThermalState::Critical => 1.6,
    };
    if device.low_power_mode == Some(true) { heat * 1.4 } else { heat }
}

/// The logarithm of the whole model's seconds in one state of the device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Speed(LogValue);

impl Speed {
    /// What can be said before the first run in this state; `None` where that is nothing. A state not met yet starts from
    /// one that was, with room for error.
    pub(super) fn prior<'a>(
        costs: &ModelCosts,
        device: &DeviceState,
        met: impl Iterator<Item = (&'a str, &'a Self)>,
        now: f64,
    ) -> Option<Self> {
        let (seconds, variance) = match (Self::latest(met), costs.device_time, costs.multiply_adds) {
            (Some(met), _, _) => {
                let base = costs.device_time.map_or_else(
                    || met.0.mean.exp(),
                    |time| {
                        // Between what it was there and what the profile and the state say.
                        (met.0.mean.exp() * time.as_secs_f64() * slowdown(device)).sqrt()
                    },
                );
                (base, 0.16)
            }
            (None, Some(time), _) => (time.as_secs_f64() * slowdown(device), 0.09),
            (None, None, Some(count)) => (assumed_seconds(count) * slowdown(device), 1.0),
            (None, None, None) => return None,
        };
        Some(Self(LogValue::prior(seconds.clamp(1e-6, 3600.0).ln(), variance, now)))
    }

    /// The one of these that was learned of last.
    pub(super) fn latest<'a>(met: impl Iterator<Item = (&'a str, &'a Self)>) -> Option<&'a Self> {
        met.map(|(_, speed)| speed).max_by(|a, b| a.0.at.total_cmp(&b.0.at))
    }

    /// A speed of which nothing can be said, for the first look at it.
    pub(super) fn unknown(seconds: f64, now: f64) -> Self {
        Self(LogValue::prior(seconds.ln(), 1.0, now))
    }

    /// What the whole model is believed to take; `measured` as [`DeviceNow`] has it.
    pub(super) fn at(&self, measured: bool, now: f64) -> DeviceNow {
        let variance = self.0.variance_at(now, DRIFT) + NOISE;
        DeviceNow { whole: self.seconds(), variance, measured }
    }

    /// What the whole model is believed to take, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.0.mean.exp()
    }

    /// Whether a run was seen that says what the next one takes.
    pub(super) fn is_measured(&self) -> bool {
        self.0.looks > 0
    }

    /// Learns that the model took `seconds`.
    pub(super) fn learn(&mut self, seconds: f64, now: f64) {
        self.0.look(seconds.ln(), NOISE, now, DRIFT);
    }

    /// Learns that the model took `seconds` in a first run: better than nothing, and no look.
    pub(super) fn learn_first(&mut self, seconds: f64, now: f64) {
        self.0.look(seconds.ln(), FIRST_NOISE, now, DRIFT);
        self.0.looks = 0;
    }

    /// Learns that a head took `seconds`, which is `share` of the model with that variance of its logarithm. Gives the share
    /// that is left to explain it, and the variance of that.
    pub(super) fn learn_head(&mut self, (share, variance): (f64, f64), seconds: f64, now: f64) -> (f64, f64) {
        self.0.look((seconds / share).ln(), NOISE + variance, now, DRIFT);
        // One after the other, so that the same surprise is not learned twice.
        (seconds / self.seconds(), NOISE + self.0.variance_at(now, DRIFT))
    }
}

/// What so many multiplications and additions take on a device on which nothing was run, in seconds.
pub(super) fn assumed_seconds(multiply_adds: u64) -> f64 {
    float(multiply_adds) / ASSUMED_SPEED
}

impl Sane for Speed {
    fn is_sane(&self, now: f64) -> bool {
        self.0.is_sane(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_state_not_met_yet_starts_from_one_that_was() {
        let costs = ModelCosts { device_time: Some(Duration::from_millis(100)), ..ModelCosts::default() };
        let cool = DeviceState::default();
        let mut speed = Speed::prior(&costs, &cool, std::iter::empty(), 0.0).unwrap();
        for second in 1..10 {
            speed.learn(0.2, f64::from(second));
        }
        assert!((speed.seconds() - 0.2).abs() < 0.005);
        let hot = DeviceState { thermal: ThermalState::Serious, ..DeviceState::default() };
        assert_ne!(bucket(&cool), bucket(&hot));
        let there = Speed::prior(&costs, &hot, [("cool", &speed)].into_iter(), 10.0).unwrap();
        let (here, there) = (speed.at(true, 10.0), there.at(true, 10.0));
        assert!(there.whole > 0.15 && there.variance > here.variance, "{there:?}");
        assert!(Speed::prior(&ModelCosts::default(), &hot, std::iter::empty(), 0.0).is_none());
    }

    #[test]
    fn a_first_run_moves_what_was_guessed_and_is_forgotten_with_the_next() {
        let costs = ModelCosts { multiply_adds: Some(800_000_000), ..ModelCosts::default() };
        let mut speed = Speed::prior(&costs, &DeviceState::default(), std::iter::empty(), 0.0).unwrap();
        assert!((speed.seconds() - 0.1).abs() < 1e-9 && !speed.is_measured());
        speed.learn_first(0.4, 1.0);
        assert!(speed.seconds() > 0.2 && speed.seconds() < 0.4 && !speed.is_measured());
        speed.learn(0.05, 2.0);
        speed.learn(0.05, 3.0);
        assert!((speed.seconds() - 0.05).abs() < 0.005 && speed.is_measured(), "{}", speed.seconds());
    }
}
