//! Which of the placements is best, and in which order others take over.

use std::cmp::Ordering;

use super::candidates::{Considered, Standing, Tier};
use super::{PlanRequest, PlannerSettings};
use crate::number::float;
use crate::{Candidate, InferenceMode, Objective, OfflineBehavior, Placement, Predicted, Reason};

/// A device on which the model never ran is judged by what one time of twenty is better than: so many spreads below the
/// middle. What was guessed too low is found out by the first run; what was guessed too high never would be.
const HOPE: f64 = 1.64;

/// The objective as one number for a placement: less is better. The second decides between equals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score(f64, f64);

impl Score {
    /// By which share this is better than `other`; not positive where it is not.
    fn gain_over(self, other: Self) -> f64 {
        if other.0 > 0.0 { (other.0 - self.0) / other.0 } else { 0.0 }
    }
}

/// What a placement is ordered by: the first that differs decides.
#[derive(Clone, Copy, Debug)]
struct Key {
    rank: u8,
    tier: Tier,
    /// 1 where something is predicted, else 2: last, but for this device, 0, which is tried first, because that costs no waiting
    /// for a network.
    unknown: u8,
    score: Score,
}

impl Key {
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        let class =
            |key: &Self| (u32::from(key.rank) << 16) | ((key.tier as u32) << 8) | u32::from(key.unknown);
        class(self)
            .cmp(&class(other))
            .then_with(|| self.score.0.total_cmp(&other.score.0))
            .then_with(|| self.score.1.total_cmp(&other.score.1))
    }
}

/// How the objective weighs time, energy and bytes for this request.
pub(super) struct Weights {
    objective: Objective,
    risk: f64,
    joule: f64,
    byte: f64,
}

impl Weights {
    pub(super) fn of(settings: &PlannerSettings, request: &PlanRequest<'_>) -> Self {
        /// A battery below this is low.
        const LOW_BATTERY: f32 = 0.2;
        let device = request.device;
        let saving = device.low_power_mode == Some(true)
            || device.battery_level.is_some_and(|level| level < LOW_BATTERY);
        let battery = match device.charging {
            Some(true) => 0.0,
            _ if saving => 4.0,
            _ => 1.0,
        };
        let metered = if device.metered == Some(true) { 10.0 } else { 1.0 };
        Self {
            objective: request.objective,
            risk: request.risk.weight(),
            joule: settings.seconds_per_joule * battery,
            byte: settings.seconds_per_megabyte * metered / 1e6,
        }
    }

    #[inline]
    fn key(&self, request: &PlanRequest<'_>, candidate: &Candidate, standing: &Standing) -> Key {
        let (unknown, score) = match &candidate.predicted {
            // Late whatever the objective says: what comes closest.
            Some(_) if standing.tier == Tier::Late => (1, Score(standing.late, 0.0)),
            Some(predicted) if standing.untried => (1, self.hope(predicted)),
            Some(predicted) => (1, self.score(predicted, standing)),
            None if standing.endpoint == 0 => (0, Score(0.0, 0.0)),
            None => (2, Score(0.0, 0.0)),
        };
        Key { rank: rank(request, &candidate.placement, standing.tier), tier: standing.tier, unknown, score }
    }

    fn score(&self, predicted: &Predicted, standing: &Standing) -> Score {
        let middle = predicted.latency.middle();
        self.weigh(predicted, middle + self.risk * (standing.late - middle), predicted.energy_joules)
    }

    /// What it is worth to one who is lucky.
    fn hope(&self, predicted: &Predicted) -> Score {
        let luck = (-HOPE * predicted.latency.spread()).exp();
        self.weigh(predicted, luck * predicted.latency.middle(), luck * predicted.energy_joules)
    }

    fn weigh(&self, predicted: &Predicted, time: f64, joules: f64) -> Score {
        let bytes = float(predicted.bytes_up) + float(predicted.bytes_down);
        match self.objective {
            Objective::Latency => Score(time, joules),
            Objective::Energy => Score(joules, time),
            Objective::Data => Score(bytes, time),
            Objective::Balanced => Score(time + self.joule * joules + self.byte * bytes, time),
        }
    }

    /// Why what scored worse was not chosen.
    fn loss(&self, standing: &Standing) -> Reason {
        match self.objective {
            Objective::Latency | Objective::Balanced if standing.cold => Reason::Cold,
            Objective::Latency => Reason::Slower,
            Objective::Energy => Reason::MoreEnergy,
            Objective::Data => Reason::MoreData,
            Objective::Balanced => Reason::WorseBalance,
        }
    }
}

/// What comes first, by mode: less is earlier.
fn rank(request: &PlanRequest<'_>, placement: &Placement, tier: Tier) -> u8 {
    match request.mode {
        InferenceMode::PreferInCloud => match placement {
            // An endpoint that will not answer is not worth a try before this device, unless being offline is to fail.
            Placement::InCloud { .. } if tier == Tier::Down => match request.offline {
                OfflineBehavior::Fail => 0,
                OfflineBehavior::RunLocally => 3,
            },
            Placement::InCloud { .. } => 0,
            Placement::Split { .. } => 1,
            Placement::OnDevice => 2,
        },
        InferenceMode::PreferOnDevice => match placement {
            Placement::OnDevice => 0,
            Placement::Split { .. } => 1,
            Placement::InCloud { .. } => 2,
        },
        InferenceMode::Auto | InferenceMode::OnlyOnDevice | InferenceMode::OnlyInCloud => 0,
    }
}

/// The order in which placements are tried, as indices into `all`, with the reasons written there. Of the placements on
/// one endpoint the best only: where that fails, another there will fail too. Empty where nothing is allowed.
pub(super) fn choose(
    settings: &PlannerSettings,
    request: &PlanRequest<'_>,
    all: &mut Considered,
) -> Vec<usize> {
    let weights = Weights::of(settings, request);
    let both = all.candidates.iter().zip(&all.standings);
    let keys: Vec<Key> =
        both.map(|(candidate, standing)| weights.key(request, candidate, standing)).collect();
    // The best of each endpoint and of this device. The first of equals: the preferred endpoint, the earlier cut.
    let mut winners: Vec<Option<usize>> = vec![None; 1 + request.endpoints.len()];
    for (index, standing) in all.standings.iter().enumerate().filter(|(_, one)| one.tier != Tier::Forbidden) {
        let winner = &mut winners[standing.endpoint];
        if winner.is_none_or(|winner| keys[index].order(&keys[winner]).is_lt()) {
            *winner = Some(index);
        }
    }
    let mut order: Vec<usize> = winners.into_iter().flatten().collect();
    order.sort_by(|&a, &b| keys[a].order(&keys[b]));
    let Some(&best) = order.first() else {
        return order;
    };
    let incumbent = incumbent(settings, request, all, &keys, best);
    if let Some(incumbent) = incumbent {
        let endpoint = all.standings[incumbent].endpoint;
        order.retain(|&index| all.standings[index].endpoint != endpoint);
        order.insert(0, incumbent);
    }
    let chosen = incumbent.unwrap_or(best);

    let predicted = |one: &&Candidate| one.allowed && one.predicted.is_some();
    let compared = all.candidates.iter().filter(predicted).nth(1).is_some();
    let hoped = is_hoped(&weights, all, &keys, chosen);
    for (index, one) in all.candidates.iter_mut().enumerate().filter(|(_, one)| one.allowed) {
        let standing = &all.standings[index];
        one.reason = if index == chosen {
            if hoped {
                Reason::Unpredicted
            } else {
                winning(request, one, standing, incumbent.is_some(), compared)
            }
        } else if standing.tier != Tier::Free {
            one.reason
        } else if request.mode != InferenceMode::Auto || hoped || (incumbent.is_some() && index == best) {
            Reason::NotFirst
        } else if one.predicted.is_none() {
            Reason::Unpredicted
        } else if compared && keys[index].order(&keys[chosen]).is_gt() {
            weights.loss(standing)
        } else {
            Reason::NotFirst
        };
    }
    order
}

/// Whether the chosen placement is this device, to find out what the model takes here: another one is predicted to be
/// better.
fn is_hoped(weights: &Weights, all: &Considered, keys: &[Key], chosen: usize) -> bool {
    let plain =
        |index: usize| Some(weights.score(all.candidates[index].predicted.as_ref()?, &all.standings[index]));
    if !all.standings[chosen].untried || all.standings[chosen].tier != Tier::Free {
        return false;
    }
    let Some(mine) = plain(chosen) else { return false };
    let beats = |index: usize| {
        keys[index].rank == keys[chosen].rank
            && all.standings[index].tier == Tier::Free
            && plain(index).is_some_and(|other| other.gain_over(mine) > 0.0)
    };
    (0..keys.len()).any(|index| index != chosen && beats(index))
}

/// Why the chosen placement was chosen.
fn winning(
    request: &PlanRequest<'_>,
    chosen: &Candidate,
    standing: &Standing,
    stays: bool,
    compared: bool,
) -> Reason {
    match (request.mode, &chosen.placement) {
        (InferenceMode::OnlyOnDevice | InferenceMode::OnlyInCloud, _) => Reason::ModeRequires,
        (InferenceMode::PreferOnDevice, Placement::OnDevice)
        | (InferenceMode::PreferInCloud, Placement::InCloud { .. }) => Reason::ModePrefers,
        _ if standing.tier != Tier::Free => chosen.reason,
        (InferenceMode::Auto, _) if stays => Reason::Hysteresis,
        (InferenceMode::Auto, _) if compared && chosen.predicted.is_some() => Reason::Best,
        _ => Reason::Default,
    }
}

/// The placement of the last run, where it is not enough worse than `best` to leave it.
fn incumbent(
    settings: &PlannerSettings,
    request: &PlanRequest<'_>,
    all: &Considered,
    keys: &[Key],
    best: usize,
) -> Option<usize> {
    let last = request.estimates.incumbent(&request.costs.model)?;
    if request.mode != InferenceMode::Auto || all.candidates[best].placement == last.placement {
        return None;
    }
    let index = all.candidates.iter().position(|one| one.allowed && one.placement == last.placement)?;
    if all.standings[index].untried {
        // It ran here to find out, and that is no reason to stay.
        return None;
    }
    let (before, after) = (&keys[index], &keys[best]);
    if before.tier != after.tier || before.unknown != 1 || after.unknown != 1 {
        return None;
    }
    let gain = after.score.gain_over(before.score);
    let hysteresis = &settings.hysteresis;
    let agreed = last.challenged.saturating_add(1) >= hysteresis.decisions;
    let leave = gain > hysteresis.large || (gain > hysteresis.small && agreed);
    (!leave).then_some(index)
}
