//! What an app may set of the planner.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::EnergyModel;

/// What an app may set of the planner. The defaults are meant to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannerSettings {
    /// What computing and sending take from the battery.
    pub energy: EnergyModel,
    /// On a metered network a run in mode `auto` moves no more bytes than this, unless its objective is latency.
    pub metered_bytes: u64,
    /// [`Objective::Balanced`](crate::Objective::Balanced): seconds that a joule is worth. Nothing on external power, four
    /// times as much when the battery is low or to be saved.
    pub seconds_per_joule: f64,
    /// The same: seconds that a megabyte is worth; ten times as much on a metered network.
    pub seconds_per_megabyte: f64,
    /// When the planner stays where it is.
    pub hysteresis: Hysteresis,
    /// When endpoints are probed.
    pub probes: ProbeSettings,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self {
            energy: EnergyModel::default(),
            metered_bytes: 1 << 20,
            seconds_per_joule: 0.05,
            seconds_per_megabyte: 0.01,
            hysteresis: Hysteresis::default(),
            probes: ProbeSettings::default(),
        }
    }
}

/// When the planner leaves the placement of the last run for a better one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hysteresis {
    /// At once, where the score is better by this share.
    pub large: f64,
    /// After [`Hysteresis::decisions`] in a row, where it is better by this share.
    pub small: f64,
    /// In how many decisions in a row.
    pub decisions: u32,
}

impl Default for Hysteresis {
    fn default() -> Self {
        Self { large: 0.1, small: 0.02, decisions: 2 }
    }
}

/// When endpoints are probed, so that the planner notices a link that has become good again. A probe carries no user
/// data, is sent only while the app makes requests, and only where its answer could change a decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeSettings {
    /// Whether there are any.
    pub enabled: bool,
    /// How many there may be for each request, in the long run.
    pub share: f64,
    /// How many there may be beyond that, besides two for each way to an endpoint that was never taken.
    pub saved: f64,
    /// The shortest time between two probes of an endpoint; doubled each time that a probe has changed nothing.
    #[serde(with = "crate::seconds::plain")]
    pub interval: Duration,
    /// The longest.
    #[serde(with = "crate::seconds::plain")]
    pub longest: Duration,
    /// Bytes that a probe may send at most; an eighth of them on a cellular network, a sixty-fourth on a metered one. A
    /// placement that sends more is not weighed, and used only where what else was seen speaks for it.
    pub bytes: u64,
    /// Where a bare look wakes no radio and costs no money (Wi-Fi and cable, unless metered), looks may take this share of
    /// the joules that the runs take. They are not counted in `share` and `saved`, which a link that was found to have
    /// changed is then weighed from. 0 is none.
    pub energy_share: f64,
    /// The shortest time between two looks.
    #[serde(with = "crate::seconds::plain")]
    pub look_interval: Duration,
    /// The fewest requests from one look to the next.
    pub look_requests: u64,
}

impl Default for ProbeSettings {
    /// One for each hundred requests and four more, half a minute to half an hour apart, 2 MiB; looks for less than a fifth
    /// of the runs' energy, two seconds and four requests apart.
    fn default() -> Self {
        Self {
            enabled: true,
            share: 0.01,
            saved: 4.0,
            interval: Duration::from_secs(30),
            longest: Duration::from_mins(30),
            bytes: 2 << 20,
            energy_share: 0.18,
            look_interval: Duration::from_secs(2),
            look_requests: 4,
        }
    }
}
