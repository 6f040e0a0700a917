//! Everything that could be done with a run, and what forbids or discourages it.

use super::predict::{EndpointNow, LocalNow, Work};
use super::{EndpointView, PlanRequest, PlannerSettings, Reachability};
use crate::estimates::{Circuit, moment};
use crate::{
    Candidate, CutCosts, InferenceMode, MemoryPressure, NetworkKind, Objective, Placement, Predicted, Reason,
};

/// How strongly a placement is discouraged: an earlier constraint weighs more, whatever the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Nothing speaks against it.
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) tier: Tier,
    /// Whether its endpoint has to start.
    pub(super) cold: bool,
    /// The endpoint's place in the request, counted from 1; 0 is this device.
    pub(super) endpoint: usize,
}

/// Every placement of a request, and what decides over each. Two lists side by side: the first becomes the plan's.
pub(super) struct Considered {
    pub(super) candidates: Vec<Candidate>,
    pub(super) standings: Vec<Standing>,
}

impl Considered {
    fn push(
        &mut self,
        placement: Placement,
        (tier, reason): Verdict,
        predicted: Option<Predicted>,
        endpoint: usize,
        there: Option<&EndpointNow>,
    ) {
        let allowed = tier != Tier::Forbidden;
        let cold = there.is_some_and(|there| there.server.cold.is_some());
        self.candidates.push(Candidate { placement, allowed, reason, predicted });
        self.standings.push(Standing { tier, cold, endpoint });
    }
}

/// What forbids or discourages a placement, and the code for it.
type Verdict = (Tier, Reason);

const FREE: Verdict = (Tier::Free, Reason::Default);

/// Every placement of the request: this device, then for each endpoint the whole model and each cut.
pub(super) fn consider(settings: &PlannerSettings, request: &PlanRequest<'_>) -> Considered {
    let count = 1 + request.endpoints.len() * (1 + request.costs.cuts.len());
    let mut all = Considered { candidates: Vec::with_capacity(count), standings: Vec::with_capacity(count) };
    let here = LocalNow::of(request);
    let predicted = here.as_ref().map(|here| here.predict(&settings.energy));
    let verdict = judged(settings, request, device_verdict(request), predicted.as_ref());
    all.push(Placement::OnDevice, verdict, predicted, 0, None);
    for (index, endpoint) in request.endpoints.iter().enumerate() {
        at_endpoint(settings, request, (index + 1, endpoint), here.as_ref(), &mut all);
    }
    all
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
    all: &mut Considered,
) {
    let there = EndpointNow::of(request, endpoint);
    let admitted = admit(request, endpoint);
    let predict = |work: &Work| there.as_ref().map(|there| there.predict(work, &settings.energy, request));

    let predicted = there.as_ref().and_then(|there| predict(&Work::whole(request, there)));
    let private = !request.private_inputs.is_empty() && admitted.0 != Tier::Forbidden;
    let verdict = if private { (Tier::Forbidden, Reason::PrivateInput) } else { admitted };
    let verdict = judged(settings, request, verdict, predicted.as_ref());
    let placement = Placement::InCloud { endpoint: endpoint.name.clone() };
    all.push(placement, verdict, predicted, index, there.as_ref());

    let factors = request.estimates.cut_factors(&endpoint.name, request.costs);
    for cut in &request.costs.cuts {
        let factor = factors.as_ref().map_or(1.0, |factor| factor(&cut.id));
        let work = match (here, &there) {
            (Some(here), Some(there)) => Work::split(cut, here, there, factor),
            _ => None,
        };
        let predicted = work.and_then(|work| predict(&work));
        let verdict = split_verdict(request, endpoint, cut, admitted);
        let verdict = judged(settings, request, verdict, predicted.as_ref());
        let placement = Placement::Split { cut: cut.id.clone(), endpoint: endpoint.name.clone() };
        all.push(placement, verdict, predicted, index, there.as_ref());
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
    endpoint: &EndpointView,
    cut: &CutCosts,
    admitted: Verdict,
) -> Verdict {
    if admitted.0 == Tier::Forbidden {
        admitted
    } else if request.mode == InferenceMode::OnlyInCloud {
        (Tier::Forbidden, Reason::ModeForbids)
    } else if cut.carries(request.private_inputs) {
        (Tier::Forbidden, Reason::PrivateInput)
    } else if !cut.endpoints.contains(&endpoint.name) || cut.forms.is_empty() {
        (Tier::Forbidden, Reason::NotDeployed)
    } else {
        admitted
    }
}

/// The verdict with the constraints that need a prediction.
fn judged(
    settings: &PlannerSettings,
    request: &PlanRequest<'_>,
    verdict: Verdict,
    predicted: Option<&Predicted>,
) -> Verdict {
    let Some(predicted) = predicted else { return verdict };
    let metered = request.device.metered == Some(true)
        && request.mode == InferenceMode::Auto
        && request.objective != Objective::Latency
        && predicted.bytes_up.saturating_add(predicted.bytes_down) > settings.metered_bytes;
    if metered && verdict.0 < Tier::Metered {
        (Tier::Metered, Reason::Metered)
    } else if verdict.0 == Tier::Free && request.remaining.is_some_and(|left| predicted.latency.p90 > left) {
        (Tier::Late, Reason::Deadline)
    } else {
        verdict
    }
}
