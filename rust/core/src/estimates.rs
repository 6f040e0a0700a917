//! What was learned from the runs so far.

mod observation;
mod statistics;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use observation::{DeviceObservation, ExchangeFailure, Part, Probe, ProbeObservation, RemoteObservation};
pub use statistics::Statistics;

use crate::{DeviceState, Placement, Plan};

/// What was learned from the runs so far: of links, of servers, of this device, and of the planner itself.
///
/// Plain data that only the `observe_` methods change. It has no clock: `now` is the time since the runtime's start, and
/// never goes back. It can be cloned, written and read by serde, and takes a bounded amount of memory however many
/// endpoints, networks and models it meets: what was not used for longest is forgotten. Observations that make no sense
/// (a time of nothing or of hours) are bounded or dropped, never believed as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimates {
    statistics: Statistics,
}

impl Estimates {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns that a run of `model` follows `plan`. To be called once for each planned run, before it starts.
    pub fn observe_decision(&mut self, model: &str, plan: &Plan, now: Duration) {
        let _ = (model, plan, now);
    }

    /// Learns from an exchange with an endpoint that succeeded.
    pub fn observe_remote(&mut self, seen: &RemoteObservation<'_>, now: Duration) {
        let _ = (seen, now);
    }

    /// Learns from a computation on this device.
    pub fn observe_device(&mut self, seen: &DeviceObservation<'_>, now: Duration) {
        let _ = (seen, now);
    }

    /// Learns from an exchange with an endpoint that failed. Cancellations and wrong requests say nothing of the
    /// endpoint and are not told here.
    pub fn observe_failure(
        &mut self,
        endpoint: &str,
        device: &DeviceState,
        failure: ExchangeFailure,
        now: Duration,
    ) {
        let _ = (endpoint, device, failure, now);
        self.statistics.failures += 1;
    }

    /// Learns from a probe.
    pub fn observe_probe(&mut self, seen: &ProbeObservation<'_>, now: Duration) {
        let _ = (seen, now);
        self.statistics.probes += 1;
    }

    /// Learns how a planned run ended: on `ended`, `total` after its start. Tells how good the prediction was where it
    /// ended as planned, and counts a fallback where not. A run that was cancelled is not told.
    pub fn observe_outcome(&mut self, plan: &Plan, ended: &Placement, total: Duration, now: Duration) {
        let _ = now;
        self.statistics.count(plan, ended, total);
    }

    /// How runs were placed so far, and how good the predictions were.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }
}
