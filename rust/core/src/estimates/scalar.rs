//! One quantity that is learned from noisy looks at it: a Kalman filter over its logarithm.

use serde::{Deserialize, Serialize};

use super::snapshot::{Sane, past, within};

/// How a quantity drifts while nobody looks: its variance grows towards `ceiling` with the time constant `tau` seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift {
    pub(super) ceiling: f64,
    pub(super) tau: f64,
}

impl Drift {
    /// The variance after `age` seconds, from `variance`. Never smaller.
    pub(super) fn aged(self, variance: f64, age: f64) -> f64 {
        variance + (self.ceiling - variance).max(0.0) * -(-age.max(0.0) / self.tau).exp_m1()
    }
}

/// A look that lies further off than this many standard deviations is believed only when the next one agrees.
const GATE: f64 = 3.0;

/// Whether a look is an outlier: the first of its side is bounded, the second in a row believed as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gate(i8);

/// What a [`Gate`] says of a look.
pub(super) struct Passed {
    /// The error, bounded.
    pub(super) error: f64,
    /// By how much more uncertain the state is than it thought, as a factor of its variance.
    pub(super) inflate: f64,
    /// Whether the state is another than it was.
    pub(super) moved: bool,
}

impl Gate {
    /// Whatever was seen before, the next look is believed if it is lower: nothing makes it so but a change.
    pub(super) fn believe_lower(&mut self) {
        self.0 = -1;
    }

    /// Judges a look that is `error` off where `sd` was expected.
    pub(super) fn pass(&mut self, error: f64, sd: f64) -> Passed {
        let bound = GATE * sd;
        if error.abs() <= bound {
            self.0 = 0;
            return Passed { error, inflate: 1.0, moved: false };
        }
        let side = if error > 0.0 { 1 } else { -1 };
        let again = self.0 == side;
        self.0 = side;
        // Two in a row are a change: the state is as uncertain as the change is large.
        if again {
            Passed { error, inflate: (error / sd).powi(2).min(1e4), moved: true }
        } else {
            Passed { error: bound.copysign(error), inflate: 2.0, moved: false }
        }
    }
}

/// The logarithm of a positive quantity: where it is believed to be, and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LogValue {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// When it was last looked at, in seconds since the runtime's start.
    pub(super) at: f64,
    /// How often.
    pub(super) looks: u32,
    gate: Gate,
}

impl LogValue {
    /// A belief before the first look.
    pub(super) fn prior(mean: f64, variance: f64, now: f64) -> Self {
        Self { mean, variance, at: now, looks: 0, gate: Gate::default() }
    }

    /// The variance at `now`.
    pub(super) fn variance_at(&self, now: f64, drift: Drift) -> f64 {
        drift.aged(self.variance, now - self.at)
    }

    /// Learns from a look: `value` with `noise`, the variance of its own error.
    pub(super) fn look(&mut self, value: f64, noise: f64, now: f64, drift: Drift) {
        if !value.is_finite() {
            return;
        }
        let mut variance = self.variance_at(now, drift);
        let passed = self.gate.pass(value - self.mean, (variance + noise).sqrt());
        variance *= passed.inflate;
        let gain = variance / (variance + noise);
        self.mean += gain * passed.error;
        self.variance = (1.0 - gain) * variance;
        self.at = self.at.max(now);
        self.looks = self.looks.saturating_add(1);
    }
}

impl Sane for LogValue {
    fn is_sane(&self, now: f64) -> bool {
        past([Some(self.at)], now)
            && within([self.mean], (-50.0, 50.0))
            && within([self.variance], (0.0, 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIFT: Drift = Drift { ceiling: 1.0, tau: 40.0 };

    #[test]
    fn one_outlier_moves_it_little_and_two_move_it_there() {
        let mut value = LogValue::prior(0.0, 0.01, 0.0);
        for look in 1..=10 {
            value.look(0.0, 0.01, f64::from(look), DRIFT);
        }
        let before = value;
        value.look(3.0, 0.01, 11.0, DRIFT);
        assert!(value.mean < 0.6, "{}", value.mean);
        value.look(3.0, 0.01, 12.0, DRIFT);
        assert!((value.mean - 3.0).abs() < 0.1, "{}", value.mean);

        let mut calmed = before;
        calmed.look(3.0, 0.01, 11.0, DRIFT);
        calmed.look(0.0, 0.01, 12.0, DRIFT);
        calmed.look(0.0, 0.01, 13.0, DRIFT);
        assert!(calmed.mean.abs() < 0.1, "{}", calmed.mean);
    }

    #[test]
    fn age_widens_and_moves_nothing() {
        let value = LogValue::prior(1.0, 0.04, 0.0);
        let mut last = 0.0;
        for age in [0.0, 1.0, 10.0, 100.0, 1e6] {
            let variance = value.variance_at(age, DRIFT);
            assert!(variance >= last && variance <= 1.0);
            last = variance;
        }
        // What is vaguer than the ceiling stays so.
        assert!((LogValue::prior(0.0, 4.0, 0.0).variance_at(50.0, DRIFT) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_not_believed() {
        let mut value = LogValue::prior(0.0, 0.5, 0.0);
        value.look(f64::NAN, 0.1, 1.0, DRIFT);
        value.look(f64::INFINITY, 0.1, 2.0, DRIFT);
        assert_eq!(value, LogValue::prior(0.0, 0.5, 0.0));
    }
}
