//! Links as they change over time: 3G, LTE, 5G, Wi-Fi, a tunnel, a lift, and plain steps.
//!
//! Made from a seed by formulas, never recorded: the same on every machine. The virtual world of the simulator and the
//! relay on real sockets read the same traces.

mod generate;

use std::time::Duration;

pub use generate::Scenario;

use crate::Random;

/// What a link carries at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkState {
    /// Towards the endpoint, in bit/s. Zero: nothing gets through.
    pub up_bps: f64,
    /// Towards the device, in bit/s. Zero: nothing gets through.
    pub down_bps: f64,
    /// The round trip of an empty packet; half of it each way.
    pub rtt: Duration,
}

impl LinkState {
    /// A link of the same rate both ways.
    pub fn new(bps: f64, rtt: Duration) -> Self {
        Self { up_bps: bps, down_bps: bps, rtt }
    }

    /// Whether nothing gets through.
    pub fn is_outage(&self) -> bool {
        self.up_bps <= 0.0
    }
}

/// A link over time: constant within each tick, and again from the start when it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    name: String,
    tick: Duration,
    states: Vec<LinkState>,
}

impl Trace {
    /// A trace that holds each of `states` for one `tick`. `None` where there is no state or the tick is zero.
    pub fn new(name: impl Into<String>, tick: Duration, states: Vec<LinkState>) -> Option<Self> {
        (!states.is_empty() && !tick.is_zero()).then(|| Self { name: name.into(), tick, states })
    }

    /// A link that never changes.
    pub fn constant(state: LinkState) -> Self {
        Self { name: "constant".to_owned(), tick: Duration::from_hours(24), states: vec![state] }
    }

    /// A link that wanders a little about `state`, for ten minutes: its rates with a standard deviation of `spread` in their
    /// logarithm, ten times a second, its round trip longer by an exponential share of mean `jitter`.
    pub fn around(state: LinkState, spread: f64, jitter: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let wander = |_| {
            let factor = (spread * random.normal()).exp();
            LinkState {
                up_bps: state.up_bps * factor,
                down_bps: state.down_bps * factor,
                rtt: state.rtt.mul_f64(1.0 + random.exponential(jitter)),
            }
        };
        let states = (0..6000).map(wander).collect();
        Self { name: "around".to_owned(), tick: Duration::from_millis(100), states }
    }

    /// A link that is `before` for `time` and `after` from then on, for an hour.
    pub fn step(before: LinkState, time: Duration, after: LinkState) -> Self {
        let tick = Duration::from_millis(100);
        let ticks =
            |time: Duration| usize::try_from(time.as_millis() / tick.as_millis()).unwrap_or(usize::MAX);
        let first = ticks(time).clamp(1, 100_000);
        let mut states = vec![before; first];
        states.resize(first + 36_000, after);
        Self { name: "step".to_owned(), tick, states }
    }

    /// Its name: `lte_walk`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it is until it begins again.
    pub fn length(&self) -> Duration {
        self.tick.saturating_mul(u32::try_from(self.states.len()).unwrap_or(u32::MAX))
    }

    /// How long each state lasts.
    pub fn tick(&self) -> Duration {
        self.tick
    }

    /// The link at the time `t` after the start.
    pub fn at(&self, t: Duration) -> LinkState {
        let index = t.as_nanos() / self.tick.as_nanos() % self.states.len() as u128;
        self.states[usize::try_from(index).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ln(values: &[f64]) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "there are some thousands")]
        let count = values.len() as f64;
        let mean = values.iter().map(|v| v.ln()).sum::<f64>() / count;
        let variance = values.iter().map(|v| (v.ln() - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn a_trace_is_the_same_for_the_same_seed_and_differs_for_another() {
        for scenario in Scenario::ALL {
            let trace = scenario.trace(7);
            assert_eq!(trace, scenario.trace(7));
            assert_ne!(trace, scenario.trace(8));
            assert!(trace.length() >= Duration::from_mins(10), "{}", trace.name());
            let states = (0..600).map(|second| trace.at(Duration::from_secs(second)));
            for state in states {
                assert!(state.up_bps >= 0.0 && state.down_bps >= 0.0 && state.up_bps.is_finite());
                assert!(state.rtt > Duration::ZERO && state.rtt < Duration::from_secs(3));
            }
        }
    }

    #[test]
    fn rates_have_the_median_and_the_spread_of_the_measured_ones() {
        for (scenario, median, spread) in [
            (Scenario::LteWalk, 5.7e6, 0.68),
            (Scenario::ThreeGDrive, 1.1e6, 0.52),
            (Scenario::Wifi, 40e6, 0.4),
        ] {
            let mut rates = Vec::new();
            for seed in 0..8 {
                let trace = scenario.trace(seed);
                let up = |second| trace.at(Duration::from_secs(second)).up_bps;
                // Outages apart: they take the rate to 3 % of what it would be.
                rates.extend((0..600).map(up).filter(|&rate| rate > 0.08 * median));
            }
            let (mean, sd) = ln(&rates);
            assert!((mean - f64::ln(median)).abs() < 0.15, "{scenario:?}: {}", mean.exp());
            assert!((sd - spread).abs() < 0.15, "{scenario:?}: {sd}");
        }
    }

    #[test]
    fn a_tunnel_and_a_lift_let_nothing_through_for_a_while() {
        for scenario in [Scenario::Tunnel, Scenario::Lift] {
            let trace = scenario.trace(3);
            let out = (0..600).filter(|&second| trace.at(Duration::from_secs(second)).is_outage()).count();
            assert!((10..400).contains(&out), "{scenario:?}: {out}");
        }
    }

    #[test]
    fn a_step_changes_when_it_says() {
        let (before, after) =
            (LinkState::new(1e6, Duration::from_millis(5)), LinkState::new(2e6, Duration::from_millis(9)));
        let trace = Trace::step(before, Duration::from_secs(3), after);
        assert_eq!(trace.at(Duration::from_millis(2999)), before);
        assert_eq!(trace.at(Duration::from_secs(3)), after);
        assert_eq!(trace.at(Duration::from_mins(59)), after);
        assert_eq!(Trace::constant(after).at(Duration::from_hours(2000)), after);
        assert!(Trace::new("", Duration::ZERO, vec![before]).is_none());
    }
}
