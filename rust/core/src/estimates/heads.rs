//! How much of a model the heads of its cuts take on this device.

use serde::{Deserialize, Serialize};

use super::scalar::{Drift, LogValue};
use super::snapshot::Sane;
use crate::CutCosts;

/// Variance of the logarithm of a share that was never seen, where it is next to nothing. A head that is nearly the
/// whole model leaves no room for error.
const UNSEEN: f64 = 0.04;
/// How a share drifts: only as much as one part of a model feels heat and load more than another.
const DRIFT: Drift = Drift { ceiling: 0.01, tau: 3600.0 };
/// Variance of the logarithm of a share by a profile.
const PROFILED: f64 = 0.01;
/// The same, where the profiled run paid for what later ones do not.
const PROFILED_FIRST: f64 = 0.04;
/// A smaller share is nothing, or not known.
const LEAST: f64 = 1e-3;
/// A head may take somewhat longer than the whole, in which more is fused.
const MOST: f64 = 2.0;
/// Cuts whose heads are kept.
const CUTS: usize = 16;

/// The heads of one model's cuts, as far as they ran on this device or were profiled.
///
/// Shares are kept, not factors to what a manifest states: another manifest of the same model may state others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Heads(Vec<(String, LogValue)>);

impl Heads {
    /// The share that the head of `cut` takes of the whole model; the stated one where nothing was seen.
    pub(super) fn share(&self, cut: &CutCosts) -> f64 {
        let known = self.0.iter().find(|(id, _)| **id == *cut.id);
        known.map_or_else(|| cut.head_share(), |(_, share)| share.mean.exp())
    }

    /// That share and the variance of its logarithm; `None` where there is no head to speak of.
    pub(super) fn known(&self, cut: &CutCosts, now: f64) -> Option<(f64, f64)> {
        let known = self.0.iter().find(|(id, _)| **id == *cut.id);
        match known {
            Some((_, share)) => Some((share.mean.exp(), share.variance_at(now, DRIFT))),
            None => prior(cut, now).map(|prior| (prior.mean.exp(), prior.variance)),
        }
    }

    /// Learns that the head of `cut` took `share` of the whole, with the variance of that logarithm's error.
    pub(super) fn learn(&mut self, cut: &CutCosts, share: f64, noise: f64, now: f64) {
        let Some(prior) = prior(cut, now) else { return };
        let index = self.0.iter().position(|(id, _)| **id == *cut.id).unwrap_or_else(|| {
            if self.0.len() == CUTS {
                self.0.remove(0);
            }
            self.0.push((cut.id.to_string(), prior));
            self.0.len() - 1
        });
        self.0[index].1.look(share.clamp(LEAST, MOST).ln(), noise, now, DRIFT);
    }

    /// Learns a share from a profile; `first` where that run paid for what later ones do not.
    pub(super) fn profile(&mut self, cut: &CutCosts, share: f64, first: bool, now: f64) {
        if share.is_finite() && share > 0.0 {
            self.learn(cut, share, if first { PROFILED_FIRST } else { PROFILED }, now);
        }
    }
}

/// What is stated of the head of `cut`; `None` where that is nothing.
fn prior(cut: &CutCosts, now: f64) -> Option<LogValue> {
    let share = cut.head_share();
    (share >= LEAST).then(|| LogValue::prior(share.ln(), UNSEEN * (1.0 - share), now))
}

impl Sane for Heads {
    fn is_sane(&self, now: f64) -> bool {
        self.0.len() <= CUTS && self.0.iter().all(|(_, share)| share.is_sane(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(id: &str, share: f64) -> CutCosts {
        CutCosts { id: id.into(), head_fraction: share, ..CutCosts::default() }
    }

    #[test]
    fn a_share_is_the_stated_one_until_it_is_seen() {
        let (mut heads, cut) = (Heads::default(), cut("a", 0.2));
        assert!((heads.share(&cut) - 0.2).abs() < 1e-12);
        let (_, before) = heads.known(&cut, 0.0).unwrap();
        for second in 1..20 {
            heads.learn(&cut, 0.5, 0.004, f64::from(second));
        }
        assert!((heads.share(&cut) - 0.5).abs() < 0.01, "{}", heads.share(&cut));
        assert!(heads.known(&cut, 20.0).unwrap().1 < before);
        // Another manifest states another share of the same cut: what was seen is what counts.
        let stated = CutCosts { head_fraction: 0.9, ..cut };
        assert!((heads.share(&stated) - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_cut_at_the_inputs_has_no_head_to_learn() {
        let (mut heads, cut) = (Heads::default(), cut("a", 0.0));
        heads.learn(&cut, 0.5, 0.004, 1.0);
        heads.profile(&cut, 0.5, false, 1.0);
        assert_eq!(heads, Heads::default());
        assert!(heads.known(&cut, 1.0).is_none());
    }

    #[test]
    fn no_more_cuts_are_kept_than_there_is_room_for_and_no_share_that_cannot_be() {
        let mut heads = Heads::default();
        for index in 0..100 {
            heads.profile(&cut(&index.to_string(), 0.5), f64::NAN, false, 1.0);
            heads.profile(&cut(&index.to_string(), 0.5), 1e9, false, 1.0);
        }
        assert_eq!(heads.0.len(), CUTS);
        assert!(heads.is_sane(1.0) && heads.share(&cut("99", 0.5)) <= MOST);
    }
}
