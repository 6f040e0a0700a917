//! The formulas of the traces.
//!
//! The logarithm of the rate is a first-order autoregressive process, `x' = rho x + sd sqrt(1 - rho^2) N(0, 1)`, once a
//! second; the rate is `median exp(x)`, both ways from the same `x`. A second state, outage, is entered and left with
//! fixed probabilities a second and takes the rate to 3 %. The round trip is `base (1 + Exp(0.15))`, four times a second.
//!
//! Medians, spreads, correlations and outages of 3G, LTE and 5G are fitted to the downlink of `Lumos5G` (Narayanan et al.,
//! SIGCOMM 2021, artifact) and to the cellular traces of Mahimahi (Netravali et al., USENIX ATC 2015), which have uplinks
//! for 3G and LTE. There was no uplink for 5G: a ninth of the downlink with the downlink's spread is our assumption, and so
//! are all numbers of Wi-Fi, tunnel and lift, and the base round trips.

use std::time::Duration;

use super::{LinkState, Trace};
use crate::Random;

/// States a second.
const TICKS: usize = 4;
/// Seconds until a trace begins again.
const SECONDS: usize = 900;
/// What an outage leaves of the rate.
const OUTAGE: f64 = 0.03;

/// A place and a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// 3G in a car: 1.1 Mbit/s up, 1.9 down, 150 ms.
    ThreeGDrive,
    /// LTE on foot: 5.7 Mbit/s up, 28 down, 60 ms.
    LteWalk,
    /// LTE in a car: as on foot, with outages that are more frequent.
    LteDrive,
    /// 5G on foot: 58 Mbit/s up, 526 down, 30 ms, outages every half minute.
    FiveGWalk,
    /// Wi-Fi at home: 40 Mbit/s both ways, 8 ms.
    Wifi,
    /// LTE in a train: nothing for 5 to 60 s every 2 to 5 minutes.
    Tunnel,
    /// Wi-Fi in a building: nothing for 10 to 40 s every 1 to 3 minutes, and little just before and after.
    Lift,
}

/// The numbers behind a scenario.
struct Model {
    up_mbps: f64,
    down_mbps: f64,
    up_sd: f64,
    down_sd: f64,
    rho: f64,
    rtt_ms: f64,
    enter: f64,
    leave: f64,
    /// Seconds between gaps, and of gaps: from, to.
    gaps: Option<[(f64, f64); 2]>,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 7] = [
        Self::ThreeGDrive,
        Self::LteWalk,
        Self::LteDrive,
        Self::FiveGWalk,
        Self::Wifi,
        Self::Tunnel,
        Self::Lift,
    ];

    /// Its name: `lte_walk`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThreeGDrive => "3g_drive",
            Self::LteWalk => "lte_walk",
            Self::LteDrive => "lte_drive",
            Self::FiveGWalk => "5g_walk",
            Self::Wifi => "wifi",
            Self::Tunnel => "tunnel",
            Self::Lift => "lift",
        }
    }

    const fn model(self) -> Model {
        let lte = Model {
            up_mbps: 5.7,
            down_mbps: 28.0,
            up_sd: 0.68,
            down_sd: 0.83,
            rho: 0.73,
            rtt_ms: 60.0,
            enter: 0.012,
            leave: 0.37,
            gaps: None,
        };
        let wifi = Model {
            up_mbps: 40.0,
            down_mbps: 40.0,
            up_sd: 0.4,
            down_sd: 0.4,
            rho: 0.9,
            rtt_ms: 8.0,
            enter: 0.0,
            leave: 1.0,
            gaps: None,
        };
        match self {
            Self::ThreeGDrive => Model {
                up_mbps: 1.1,
                down_mbps: 1.9,
                up_sd: 0.52,
                down_sd: 0.84,
                rho: 0.68,
                rtt_ms: 150.0,
                enter: 0.020,
                leave: 0.32,
                gaps: None,
            },
            Self::LteWalk => lte,
            Self::LteDrive => Model { enter: 0.022, leave: 0.21, ..lte },
            Self::FiveGWalk => Model {
                up_mbps: 58.0,
                down_mbps: 526.0,
                up_sd: 0.97,
                down_sd: 0.97,
                rho: 0.86,
                rtt_ms: 30.0,
                enter: 0.032,
                leave: 0.30,
                gaps: None,
            },
            Self::Wifi => wifi,
            Self::Tunnel => Model { gaps: Some([(120.0, 300.0), (5.0, 60.0)]), ..lte },
            Self::Lift => Model { gaps: Some([(60.0, 180.0), (10.0, 40.0)]), ..wifi },
        }
    }

    /// The trace of `seed`: fifteen minutes, four states a second.
    pub fn trace(self, seed: u64) -> Trace {
        let model = self.model();
        let mut random = Random::new(seed ^ (self as u64).wrapping_mul(0x9e37_79b9));
        let gaps = model.gaps.map(|gaps| gap_seconds(gaps, &mut random)).unwrap_or_default();
        let mut x = random.normal();
        let mut outage = false;
        let mut states = Vec::with_capacity(SECONDS * TICKS);
        for second in 0..SECONDS {
            x = model.rho * x + (1.0 - model.rho * model.rho).sqrt() * random.normal();
            outage = random.unit() < if outage { 1.0 - model.leave } else { model.enter };
            let share = if outage { OUTAGE } else { 1.0 } * passing(&gaps, second);
            for _ in 0..TICKS {
                let rtt = model.rtt_ms * (1.0 + random.exponential(0.15));
                states.push(LinkState {
                    up_bps: share * model.up_mbps * 1e6 * (model.up_sd * x).exp(),
                    down_bps: share * model.down_mbps * 1e6 * (model.down_sd * x).exp(),
                    rtt: Duration::from_secs_f64(rtt / 1e3),
                });
            }
        }
        Trace { name: self.as_str().to_owned(), tick: Duration::from_millis(1000 / TICKS as u64), states }
    }
}

/// First and last second of every gap.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they are seconds of a quarter of an hour"
)]
fn gap_seconds([between, of]: [(f64, f64); 2], random: &mut Random) -> Vec<(usize, usize)> {
    let mut gaps = Vec::new();
    let mut draw = |(from, to): (f64, f64)| (from + (to - from) * random.unit()).round() as usize;
    // The first comes soon, so that a short run meets one.
    let mut start = draw(between) / 2;
    while start < SECONDS {
        let end = start + draw(of);
        gaps.push((start, end));
        start = end + draw(between);
    }
    gaps
}

/// How much gets through in that second: nothing in a gap, a fifth in the two seconds before and after it.
fn passing(gaps: &[(usize, usize)], second: usize) -> f64 {
    let share = |&(from, to): &(usize, usize)| match second {
        _ if (from..to).contains(&second) => 0.0,
        _ if (from.saturating_sub(2)..to + 2).contains(&second) => 0.2,
        _ => 1.0,
    };
    gaps.iter().map(share).fold(1.0, f64::min)
}
