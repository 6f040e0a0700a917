//! Everything that could be done with a run, and what forbids or discourages it.

use super::predict::{EndpointNow, LocalNow, Work};
use super::{EndpointView, PlanRequest, PlannerSettings, Reachability};
use crate::estimates::{Circuit, moment};
use crate::{
    Candidate, CutCosts, InferenceMode, MemoryPressure, NetworkKind, Objective, Placement, Predicted, Reason,
};

/// How strongly a placement is discouraged: an earlier constraint weighs more, whatever the objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Nothing speaks against it.
    #[default]
    Free,
    /// It would probably miss the deadline.
    Late,
    /// The device is short of memory.
    Memory,
    /// The endpoint is not expected to answer.
    Down,
    /// The network costs money and the request is large.
    Metered,
    /// Policy forbids it.
    Forbidden,
}

/// What decides over a placement beside its prediction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub(super) tier: Tier,
    /// Whether its endpoint has to start.
    pub(super) cold: bool,
    /// Whether it is this device, and what the model takes here is a guess.
    pub(super) untried: bool,
    /// The endpoint's place in the request, counted from 1; 0 is this device.
    pub(super) endpoint: usize,
    /// Seconds of the 90th percentile; nothing where nothing is predicted.
    pub(super) late: f64,
}

/// Every placement of a request, and what decides over each. Two lists side by side: the first becomes the plan's.
pub(super) struct Considered {
    pub(super) candidates: Vec<Candidate>,
    pub(super) standings: Vec<Standing>,
}

/// What forbids or discourages a placement, and the code for it.
type Verdict = (Tier, Reason);

const FREE: Verdict = (Tier::Free, Reason::Default);

/// Every placement of the request: this device, then for each endpoint the whole model and each cut.
pub(super) fn consider(settings: &PlannerSettings, request: &PlanRequest<'_>) -> Considered {
    let count = 1 + request.endpoints.len() * (1 + request.costs.cuts.len());
    let mut all = Considered { candidates: Vec::with_capacity(count), standings: Vec::with_capacity(count) };
    let judge = Judge::of(settings, request);
    let here = LocalNow::of(request);
    let predicted = here.as_ref().map(|here| here.predict(&settings.energy));
    let untried = here.as_ref().is_some_and(|here| !here.is_measured());
    let standing = Standing { untried, ..Standing::default() };
    let standing = judge.stand(device_verdict(request), predicted.as_ref(), standing);
    all.push(Placement::OnDevice, standing, predicted);
    for (index, endpoint) in request.endpoints.iter().enumerate() {
        at_endpoint(settings, request, (index + 1, endpoint), here.as_ref(), &judge, &mut all);
    }
    all
}

impl Considered {
    /// Whether nothing is predicted from anything that was seen or told.
    pub(super) fn is_a_guess(&self) -> bool {
        let both = self.candidates.iter().zip(&self.standings);
        both.into_iter().all(|(candidate, standing)| candidate.predicted.is_none() || standing.untried)
    }

    #[inline]
    fn push(
        &mut self,
        placement: Placement,
        (standing, reason): (Standing, Reason),
        predicted: Option<Predicted>,
    ) {
        let allowed = standing.tier != Tier::Forbidden;
        self.standings.push(standing);
        self.candidates.push(Candidate { placement, allowed, reason, predicted });
    }
}

fn device_verdict(request: &PlanRequest<'_>) -> Verdict {
    if request.mode == InferenceMode::OnlyInCloud {
        (Tier::Forbidden, Reason::ModeForbids)
    } else if request.device.memory == MemoryPressure::Critical && request.mode == InferenceMode::Auto {
        (Tier::Memory, Reason::LowMemory)
    } else {
        FREE
    }
}

/// The whole model and each cut at one endpoint.
fn at_endpoint(
    settings: &PlannerSettings,
    request: &PlanRequest<'_>,
    (index, endpoint): (usize, &EndpointView),
    here: Option<&LocalNow>,
    judge: &Judge,
    all: &mut Considered,
) {
    let there = EndpointNow::of(request, endpoint);
    let admitted = admit(request, endpoint);
    let radio = settings.energy.radio(request.device.network);
    let cold = there.as_ref().is_some_and(|there| there.server.cold.is_some());
    let standing = Standing { cold, endpoint: index, ..Standing::default() };

    let private = !request.private_tensors.is_empty() && admitted.0 != Tier::Forbidden;
    let whole = if private { (Tier::Forbidden, Reason::PrivateTensor) } else { admitted };
    let factors = request.estimates.cut_factors(&endpoint.name, request.costs);
    // The whole model, then its cuts, through the same lines: a plan is short because this loop is.
    for cut in std::iter::once(None).chain(request.costs.cuts.iter().enumerate().map(Some)) {
        let work = match (cut, here, &there) {
            (None, _, Some(there)) => Some(Work::whole(request, there)),
            (Some((place, cut)), Some(here), Some(there)) => {
                let factor = factors.as_ref().map_or(1.0, |factor| factor(&cut.id));
                Work::split((place, cut), here, there, factor)
            }
            _ => None,
        };
        let predicted =
            work.zip(there.as_ref()).map(|(work, there)| there.predict(&work, &settings.energy, radio));
        let (placement, verdict) = match cut {
            None => (Placement::InCloud { endpoint: endpoint.name.clone() }, whole),
            Some((_, cut)) => (
                Placement::Split { cut: cut.id.clone(), endpoint: endpoint.name.clone() },
                split_verdict(request, (index, endpoint), cut, admitted),
            ),
        };
        all.push(placement, judge.stand(verdict, predicted.as_ref(), standing), predicted);
    }
}

/// What holds for an endpoint whatever runs there.
fn admit(request: &PlanRequest<'_>, endpoint: &EndpointView) -> Verdict {
    if request.mode == InferenceMode::OnlyOnDevice {
        return (Tier::Forbidden, Reason::ModeForbids);
    }
    if endpoint.admit(request.sensitivity, super::rules::OPERATION).is_err() {
        return (Tier::Forbidden, Reason::SensitivityForbids);
    }
    if request.device.network == NetworkKind::None {
        return (Tier::Down, Reason::Offline);
    }
    if endpoint.reachability == Reachability::Unreachable {
        return (Tier::Down, Reason::Unreachable);
    }
    match request.estimates.circuit(&endpoint.name, request.device, moment(request.now)) {
        Circuit::Closed | Circuit::Trial => FREE,
        Circuit::Open | Circuit::HalfOpen => (Tier::Down, Reason::CircuitOpen),
    }
}

fn split_verdict(
    request: &PlanRequest<'_>,
    (index, endpoint): (usize, &EndpointView),
    cut: &CutCosts,
    admitted: Verdict,
) -> Verdict {
    if admitted.0 == Tier::Forbidden {
        admitted
    } else if request.mode == InferenceMode::OnlyInCloud {
        (Tier::Forbidden, Reason::ModeForbids)
    } else if cut.reveals(request.private_tensors) {
        (Tier::Forbidden, Reason::PrivateTensor)
    } else if !cut.is_served_by(&endpoint.name, index) || cut.forms.is_empty() {
        (Tier::Forbidden, Reason::NotDeployed)
    } else {
        admitted
    }
}

/// The constraints that need a prediction.
struct Judge {
    /// More bytes than this are not worth their money; `None` where they cost none.
    metered: Option<u64>,
    /// Seconds that are left; infinite where there is no deadline.
    left: f64,
}

impl Judge {
    fn of(settings: &PlannerSettings, request: &PlanRequest<'_>) -> Self {
        let metered = request.device.metered == Some(true)
            && request.mode == InferenceMode::Auto
            && request.objective != Objective::Latency;
        Self {
            metered: metered.then_some(settings.metered_bytes),
            left: request.remaining.map_or(f64::INFINITY, |left| left.as_secs_f64()),
        }
    }

    /// `standing` with what these constraints make of `verdict`.
    fn stand(
        &self,
        verdict: Verdict,
        predicted: Option<&Predicted>,
        standing: Standing,
    ) -> (Standing, Reason) {
        let Some(predicted) = predicted else { return (Standing { tier: verdict.0, ..standing }, verdict.1) };
        let late = predicted.latency.late();
        let bytes = predicted.bytes_up.saturating_add(predicted.bytes_down);
        let (tier, reason) = if verdict.0 < Tier::Metered && self.metered.is_some_and(|most| bytes > most) {
            (Tier::Metered, Reason::Metered)
        } else if verdict.0 == Tier::Free && late > self.left {
            (Tier::Late, Reason::Deadline)
        } else {
            verdict
        };
        (Standing { tier, late, ..standing }, reason)
    }
}
