//! What is learned of this device, and what that says.

use std::time::Duration;

use super::device::{DeviceNow, Speed, bucket};
use super::heads::Heads;
use super::{DeviceObservation, Estimates, Part, ProfileObservation, moment, seconds};
use crate::{CutCosts, DeviceState, ModelCosts};

impl Estimates {
    /// Learns from a computation on this device.
    pub fn observe_device(&mut self, seen: &DeviceObservation<'_>, now: Duration) {
        if seen.time.is_zero() {
            return;
        }
        let (now, time) = (moment(now), seconds(seen.time));
        let DeviceObservation { costs, part, device, first, .. } = *seen;
        match part {
            // Where later runs have told more, a first one says nothing.
            Part::Whole if first && self.is_measured(costs) => {}
            Part::Whole if first => self.speed(costs, device, time, now).learn_first(time, now),
            Part::Whole => self.speed(costs, device, time, now).learn(time, now),
            Part::Cut(_) if first => {}
            Part::Cut(id) => {
                let Some(cut) = costs.cut(id) else { return };
                let heads = self.heads.get(&costs.model, "");
                let known =
                    heads.map_or_else(|| Heads::default().known(cut, now), |heads| heads.known(cut, now));
                let Some(known) = known else { return };
                let (share, noise) =
                    self.speed(costs, device, time / known.0, now).learn_head(known, time, now);
                self.heads.entry(&costs.model, "", now, Heads::default).learn(cut, share, noise, now);
            }
        }
    }

    /// Learns from a profile of the whole model on this device.
    pub fn observe_profile(&mut self, seen: &ProfileObservation<'_>, now: Duration) {
        let ProfileObservation { costs, device, time, first, heads } = *seen;
        self.observe_device(&DeviceObservation { costs, part: Part::Whole, device, time, first }, now);
        let now = moment(now);
        for (id, share) in heads {
            if let Some(cut) = costs.cut(id) {
                let known = self.heads.entry(&costs.model, "", now, Heads::default);
                known.profile(cut, *share, first, now);
            }
        }
    }

    /// What is known of the device at the model, in the state in which it is; `time` is what it took where that is nothing.
    fn speed(&mut self, costs: &ModelCosts, device: &DeviceState, time: f64, now: f64) -> &mut Speed {
        let prior = Speed::prior(costs, device, self.speeds.of(&costs.model), now);
        let new = || prior.unwrap_or_else(|| Speed::unknown(time, now));
        self.speeds.entry(&costs.model, bucket(device), now, new)
    }

    /// Whether the device's time at the model was measured, in whatever state.
    fn is_measured(&self, costs: &ModelCosts) -> bool {
        costs.device_time.is_some() || self.speeds.of(&costs.model).any(|(_, speed)| speed.is_measured())
    }

    /// What the whole model is believed to take on this device; `None` where nothing can be said.
    pub(crate) fn device(&self, costs: &ModelCosts, device: &DeviceState, now: f64) -> Option<DeviceNow> {
        let speed = match self.speeds.get(&costs.model, bucket(device)) {
            Some(speed) => *speed,
            None => Speed::prior(costs, device, self.speeds.of(&costs.model), now)?,
        };
        Some(speed.at(self.is_measured(costs), now))
    }

    /// How much of the whole model the head of each cut takes on this device.
    pub(crate) fn head_shares(&self, costs: &ModelCosts) -> Vec<f64> {
        match self.heads.get(&costs.model, "") {
            Some(heads) => costs.cuts.iter().map(|cut| heads.share(cut)).collect(),
            None => costs.cuts.iter().map(CutCosts::head_share).collect(),
        }
    }

    /// How much of the whole model the head of `cut` takes on this device; the stated share where it never ran.
    pub fn head_share(&self, costs: &ModelCosts, cut: &CutCosts) -> f64 {
        self.heads.get(&costs.model, "").map_or_else(|| cut.head_share(), |heads| heads.share(cut))
    }

    /// What the whole model was found to take on this device in the state that it was in last, in seconds.
    pub(super) fn latest_speed(&self, costs: &ModelCosts) -> Option<f64> {
        Speed::latest(self.speeds.of(&costs.model)).map(Speed::seconds)
    }
}

#[cfg(test)]
mod tests;
