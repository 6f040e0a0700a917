//! Keeping the 90 % band honest: conformal prediction that adapts.
//!
//! The cost model gives each prediction a spread, `sigma`, and the score of a real time is `ln(time / middle) / sigma`. The
//! band's ends are quantiles of the last scores rather than those of the normal distribution (split conformal prediction),
//! and which quantiles moves with every miss: `a += gamma (alpha - miss)` (adaptive conformal inference, Gibbs and Candès,
//! `NeurIPS` 2021), below and above on their own. The whole time is calibrated, not its parts: quantiles do not add.

use serde::{Deserialize, Serialize};

use super::snapshot::{Sane, within};
use crate::LatencyBand;

/// Scores that are kept.
const WINDOW: usize = 60;
/// The share of times that may fall out at either end of the band.
const ALPHA: f64 = 0.05;
/// How fast the quantile moves. 0.005 as in the paper is of no use within a thousand runs.
const GAMMA: f64 = 0.03;
/// The quantile stays within these.
const BOUNDS: (f64, f64) = (0.012, 0.15);
/// A score further out tells no more than that it is far out.
const FURTHEST: f64 = 8.0;
/// The quantiles of a normal distribution at twenty even steps, times 0.8: where the scores start. Our spreads tend to be
/// wide, and one real score moves the ends by less than with none to start from.
const SEED: [f64; 20] = [
    -1.568, -1.152, -0.920, -0.748, -0.604, -0.478, -0.363, -0.255, -0.151, -0.050, 0.050, 0.151, 0.255,
    0.363, 0.478, 0.604, 0.748, 0.920, 1.152, 1.568,
];

/// Where the ends of the band lie, in spreads from the middle. All are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ends {
    pub(crate) below: f64,
    pub(crate) above: f64,
    /// Where nine times of ten are shorter.
    pub(crate) ninth: f64,
}

/// The scores of one kind of placement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    scores: Vec<f64>,
    /// Where the next score goes once the window is full.
    next: usize,
    miss_below: f64,
    miss_above: f64,
    ends: Ends,
}

impl Default for Calibration {
    fn default() -> Self {
        let ends = Ends { below: 1.3, above: 1.3, ninth: 1.0 };
        let mut fresh = Self { scores: SEED.to_vec(), next: 0, miss_below: ALPHA, miss_above: ALPHA, ends };
        fresh.settle();
        fresh
    }
}

impl Calibration {
    pub(super) fn ends(&self) -> Ends {
        self.ends
    }

    /// Learns that a time of `seconds` was predicted as `band`.
    pub(super) fn learn(&mut self, band: &LatencyBand, seconds: f64) {
        let middle = band.middle();
        let score = (seconds / middle).ln() / band.spread();
        if !score.is_finite() {
            return;
        }
        let adapt = |level: f64, missed: bool| {
            (level + GAMMA * (ALPHA - f64::from(u8::from(missed)))).clamp(BOUNDS.0, BOUNDS.1)
        };
        self.miss_below = adapt(self.miss_below, seconds < band.p05().as_secs_f64());
        self.miss_above = adapt(self.miss_above, seconds > band.p95().as_secs_f64());
        let score = score.clamp(-FURTHEST, FURTHEST);
        if self.scores.len() < WINDOW {
            self.scores.push(score);
        } else if let Some(oldest) = self.scores.get_mut(self.next) {
            *oldest = score;
            self.next = (self.next + 1) % WINDOW;
        }
        self.settle();
    }

    fn settle(&mut self) {
        let mut sorted = self.scores.clone();
        sorted.sort_by(f64::total_cmp);
        let above = |a: f64| sorted[rank(sorted.len(), a) - 1];
        let below = |a: f64| -sorted[sorted.len() - rank(sorted.len(), a)];
        // A band has its middle inside.
        let least = 0.05;
        let end = above(self.miss_above).max(least);
        let ninth = above(2.0 * self.miss_above).clamp(least / 2.0, end);
        self.ends = Ends { below: below(self.miss_below).max(least), above: end, ninth };
    }
}

impl Sane for Calibration {
    fn is_sane(&self, _: f64) -> bool {
        let Ends { below, above, ninth } = self.ends;
        (1..=WINDOW).contains(&self.scores.len())
            && self.next < WINDOW
            && within(self.scores.iter().copied(), (-FURTHEST, FURTHEST))
            && within([self.miss_below, self.miss_above], BOUNDS)
            && within([below, above, ninth], (0.0, FURTHEST))
    }
}

/// Split conformal prediction: which of `count` sorted scores, counted from 1, a new one exceeds with a chance of at most
/// `a`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "there are at most some dozens of scores"
)]
fn rank(count: usize, a: f64) -> usize {
    (((count + 1) as f64 * (1.0 - a)).ceil() as usize).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::float;

    /// A stretch of times whose logarithm has the standard deviation `real` where `spread` is believed.
    fn coverage(real: f64, spread: f64, bias: f64) -> f64 {
        let (mut calibration, mut inside, mut state) = (Calibration::default(), 0, 1_u64);
        let (warm_up, count) = (60, 2000);
        for turn in 0..warm_up + count {
            let ends = calibration.ends();
            let band = LatencyBand::new(0.1, spread, ends);
            // Twelve uniform numbers make a normal one.
            let normal: f64 = (0..12)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    float(state >> 11) / float(1 << 53)
                })
                .sum::<f64>()
                - 6.0;
            let seconds = 0.1 * (real * normal + bias).exp();
            let fits = seconds >= band.p05().as_secs_f64() && seconds <= band.p95().as_secs_f64();
            inside += i32::from(turn >= warm_up && fits);
            calibration.learn(&band, seconds);
        }
        f64::from(inside) / f64::from(count)
    }

    #[test]
    fn nine_of_ten_times_fall_into_the_band_whatever_the_spread_was_believed_to_be() {
        for (real, spread, bias) in [(0.2, 0.2, 0.0), (0.1, 0.4, 0.0), (0.5, 0.2, 0.0), (0.2, 0.2, 0.15)] {
            let coverage = coverage(real, spread, bias);
            assert!((0.87..=0.94).contains(&coverage), "{real} as {spread}, {bias} off: {coverage}");
        }
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let mut calibration = Calibration::default();
        let band = LatencyBand::default();
        calibration.learn(&band, 0.0);
        calibration.learn(&band, f64::NAN);
        assert_eq!(calibration, Calibration::default());
    }
}
