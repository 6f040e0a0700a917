//! How runs were placed, and how good the predictions were.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Placement, Plan};

/// How runs were placed so far, and how good the predictions were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Runs that ended on this device as planned.
    pub on_device: u64,
    /// Runs that ended on an endpoint as planned.
    pub in_cloud: u64,
    /// Runs that ended split as planned.
    pub split: u64,
    /// Runs that ended elsewhere than was planned.
    pub fallbacks: u64,
    /// Exchanges that failed.
    pub failures: u64,
    /// Probes that were sent.
    pub probes: u64,
    /// Runs whose time had been predicted.
    pub predicted: u64,
    /// Those of them whose time fell into the 90 % band.
    pub within_band: u64,
    /// Those of them that were faster than the band.
    pub below_band: u64,
    /// Those of them that were slower than the band.
    pub above_band: u64,
}

impl Statistics {
    /// The share of predicted runs whose time fell into the 90 % band; `None` where none was predicted.
    pub fn coverage(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
        let share = |part: u64, whole: u64| part as f64 / whole as f64;
        (self.predicted > 0).then(|| share(self.within_band, self.predicted))
    }

    pub(crate) fn count(&mut self, plan: &Plan, ended: &Placement, total: Duration) {
        if plan.order.first() != Some(ended) {
            self.fallbacks += 1;
            return;
        }
        match ended {
            Placement::OnDevice => self.on_device += 1,
            Placement::InCloud { .. } => self.in_cloud += 1,
            Placement::Split { .. } => self.split += 1,
        }
        let Some(predicted) = plan.predicted(ended) else { return };
        self.predicted += 1;
        if total < predicted.latency.p05() {
            self.below_band += 1;
        } else if total > predicted.latency.p95() {
            self.above_band += 1;
        } else {
            self.within_band += 1;
        }
    }
}
