//! What probes may cost.

use serde::{Deserialize, Serialize};

use crate::estimates::snapshot::{Sane, within};
use crate::number::float;
use crate::planner::ProbeSettings;

/// What a way that was never taken is worth: a bare look and one that weighs it.
const EACH: f64 = 2.0;
/// How much of the joules that were counted is kept with each run: some two hundred runs are remembered, so that no more than
/// their share is ever saved up.
const KEPT: f64 = 0.995;

/// How many probes may be sent, and how many joules bare ones may take beside that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::estimates) struct Budget {
    requests: u64,
    probes: u64,
    /// Ways to an endpoint over a network that were met.
    met: u64,
    /// Joules of the last runs, and of the looks beside them.
    runs: f64,
    looks: f64,
}

impl Budget {
    /// Learns of a run that is predicted to take `joules`.
    pub(in crate::estimates) fn request(&mut self, joules: f64) {
        self.requests += 1;
        self.runs = KEPT * self.runs + joules.max(0.0);
        self.looks *= KEPT;
    }

    /// How many runs there were.
    pub(in crate::estimates) fn requests(self) -> u64 {
        self.requests
    }

    pub(in crate::estimates) fn probe(&mut self) {
        self.probes += 1;
    }

    pub(in crate::estimates) fn look(&mut self, joules: f64) {
        self.looks += joules.max(0.0);
    }

    pub(in crate::estimates) fn meet(&mut self) {
        self.met += 1;
    }

    /// Whether one more probe may be sent, and `spare` others after it.
    pub(in crate::estimates) fn allows(self, settings: &ProbeSettings, spare: f64) -> bool {
        let allowed = settings.saved + EACH * float(self.met) + settings.share * float(self.requests);
        float(self.probes) + 1.0 + spare <= allowed
    }

    /// Whether a look of so many joules may be sent.
    pub(super) fn affords(self, settings: &ProbeSettings, joules: f64) -> bool {
        self.looks + joules <= settings.energy_share * self.runs
    }
}

impl Sane for Budget {
    fn is_sane(&self, _: f64) -> bool {
        within([self.runs, self.looks], (0.0, 1e12))
    }
}
