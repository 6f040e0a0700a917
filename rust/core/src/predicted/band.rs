//! The range in which a time is expected.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::estimates::Ends;
use crate::seconds;

/// The range in which the whole time of a run is expected: a lognormal, its ends where real times have put them.
///
/// From [`p05`](Self::p05) to [`p95`](Self::p95) is the 90 % band: nine real times of ten should fall into it, and
/// [`Statistics`](crate::Statistics) counts how many do. A plan holds hundreds of these and shows few, so the quantiles
/// are worked out when they are asked for.
///
/// In JSON, seconds as numbers: `{"mean", "p05", "p50", "p90", "p95", "spread"}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Quantiles", into = "Quantiles")]
pub struct LatencyBand {
    middle: f64,
    spread: f64,
    ends: Ends,
}

impl LatencyBand {
    /// The lognormal of that middle, where `spread` is the standard deviation of the time's logarithm.
    pub fn lognormal(middle: Duration, spread: f64) -> Self {
        Self::new(middle.as_secs_f64(), spread, Ends { below: 1.6449, above: 1.6449, ninth: 1.2816 })
    }

    pub(crate) const fn new(middle: f64, spread: f64, ends: Ends) -> Self {
        Self { middle, spread, ends }
    }

    /// Seconds at `z` spreads above the middle.
    pub(crate) fn at(&self, z: f64) -> f64 {
        self.middle * (z * self.spread).exp()
    }

    /// Seconds of [`p50`](Self::p50).
    pub(crate) const fn middle(&self) -> f64 {
        self.middle
    }

    /// Seconds of [`p90`](Self::p90).
    pub(crate) fn late(&self) -> f64 {
        self.at(self.ends.ninth)
    }

    /// The average.
    pub fn mean(&self) -> Duration {
        seconds::duration(self.at(0.5 * self.spread))
    }

    /// One time of twenty is shorter.
    pub fn p05(&self) -> Duration {
        seconds::duration(self.at(-self.ends.below))
    }

    /// Half of the times are shorter.
    pub fn p50(&self) -> Duration {
        seconds::duration(self.middle)
    }

    /// Nine times of ten are shorter.
    pub fn p90(&self) -> Duration {
        seconds::duration(self.late())
    }

    /// Nineteen times of twenty are shorter.
    pub fn p95(&self) -> Duration {
        seconds::duration(self.at(self.ends.above))
    }

    /// The standard deviation of the logarithm of the time, as the cost model has it: what the band is made from, wider
    /// or narrower as real times have shown.
    pub const fn spread(&self) -> f64 {
        self.spread
    }
}

/// The band as it is written.
#[derive(Serialize, Deserialize)]
struct Quantiles {
    mean: f64,
    p05: f64,
    p50: f64,
    p90: f64,
    p95: f64,
    spread: f64,
}

impl From<LatencyBand> for Quantiles {
    fn from(band: LatencyBand) -> Self {
        let LatencyBand { middle, spread, ends } = band;
        let (mean, p05, p95) = (band.at(0.5 * spread), band.at(-ends.below), band.at(ends.above));
        Self { mean, p05, p50: middle, p90: band.late(), p95, spread }
    }
}

impl From<Quantiles> for LatencyBand {
    fn from(Quantiles { mean: _, p05, p50, p90, p95, spread }: Quantiles) -> Self {
        // Without a spread every quantile is the middle.
        let at = |quantile: f64| if spread > 0.0 && p50 > 0.0 { (quantile / p50).ln() / spread } else { 0.0 };
        Self::new(p50, spread, Ends { below: -at(p05), above: at(p95), ninth: at(p90) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_json_is_seconds_and_reads_back() {
        let band = LatencyBand::lognormal(Duration::from_millis(250), 0.4);
        let json = serde_json::to_value(band).unwrap();
        assert!((json["p50"].as_f64().unwrap() - 0.25).abs() < 1e-12, "{json}");
        assert!((json["p95"].as_f64().unwrap() - 0.25 * (1.6449_f64 * 0.4).exp()).abs() < 1e-12, "{json}");
        let read: LatencyBand = serde_json::from_value(json).unwrap();
        for (wrote, read) in [(band.mean(), read.mean()), (band.p05(), read.p05()), (band.p90(), read.p90())]
        {
            assert!(wrote.abs_diff(read) <= Duration::from_nanos(1), "{wrote:?} {read:?}");
        }
    }

    #[test]
    fn nothing_is_a_band_too() {
        let nothing = LatencyBand::default();
        assert_eq!((nothing.p05(), nothing.p95()), (Duration::ZERO, Duration::ZERO));
        let read: LatencyBand = serde_json::from_value(serde_json::to_value(nothing).unwrap()).unwrap();
        assert_eq!(read.p90(), Duration::ZERO);
    }
}
