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
/// Multiplications and additions a second, where a model was never run: a phone's core, within a factor of three.
const ASSUMED_SPEED: f64 = 8e9;

/// What the whole model is believed to take on this device, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceNow {
    pub(crate) whole: f64,
    pub(crate) variance: f64,
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
        let neighbour = met.max_by(|a, b| a.1.0.at.total_cmp(&b.1.0.at));
        let (seconds, variance) = match (neighbour, costs.device_time, costs.multiply_adds) {
            (Some((_, met)), _, _) => {
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
            (None, None, Some(count)) => (float(count) / ASSUMED_SPEED * slowdown(device), 1.0),
            (None, None, None) => return None,
        };
        Some(Self(LogValue::prior(seconds.clamp(1e-6, 3600.0).ln(), variance, now)))
    }

    /// A speed of which nothing can be said, for the first look at it.
    pub(super) fn unknown(seconds: f64, now: f64) -> Self {
        Self(LogValue::prior(seconds.ln(), 1.0, now))
    }

    pub(super) fn at(&self, now: f64) -> DeviceNow {
        DeviceNow { whole: self.0.mean.exp(), variance: self.0.variance_at(now, DRIFT) + NOISE }
    }

    /// Learns that `share` of the model took `seconds`.
    pub(super) fn learn(&mut self, share: f64, seconds: f64, now: f64) {
        // A small share says less of the whole: its own share may be wrong.
        let share = share.clamp(1e-3, 1.0);
        self.0.look((seconds / share).ln(), NOISE + 0.04 * (1.0 - share), now, DRIFT);
    }
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
            speed.learn(1.0, 0.2, f64::from(second));
        }
        assert!((speed.at(10.0).whole - 0.2).abs() < 0.005);
        let hot = DeviceState { thermal: ThermalState::Serious, ..DeviceState::default() };
        assert_ne!(bucket(&cool), bucket(&hot));
        let there = Speed::prior(&costs, &hot, [("cool", &speed)].into_iter(), 10.0).unwrap().at(10.0);
        assert!(there.whole > 0.15 && there.variance > speed.at(10.0).variance, "{there:?}");
        assert!(Speed::prior(&ModelCosts::default(), &hot, std::iter::empty(), 0.0).is_none());
    }
}
