//! When an endpoint is worth a probe.
//!
//! A run on this device says nothing of the network, so a planner that has turned away from a link would never learn that
//! it is good again; and one that sends ordinary requests there to find out makes the app pay for it. Instead a probe asks:
//! only where an optimistic view of the endpoint would change the decision, seldom, and within a budget.
//!
//! Where a bare look wakes no radio and costs no money it is sent oftener, out of a budget of its own, and a link that is
//! found to have changed is weighed at once.

mod budget;
mod look;

use serde::{Deserialize, Serialize};

pub(super) use budget::Budget;

use super::snapshot::{Sane, past};
use super::{Circuit, Estimates, LinkNow, Probe, ProbeCharge, ProbeWork, moment, seconds};
use crate::number::float;
use crate::planner::{ProbeSettings, transfer};
use crate::{
    Candidate, InferenceMode, NetworkKind, Objective, Placement, Plan, PlanRequest, PlannerSettings,
    Predicted,
};

/// An optimistic view has to be better by this share: what hysteresis would ask for in the end.
const MARGIN: f64 = 0.05;
/// An optimistic view lies so many spreads below the middle: one time of twenty is shorter.
const HOPE: f64 = 1.64;
/// Seconds between a bare probe and one that weighs the link, where the first left hope.
const NEXT_STEP: f64 = 0.5;
/// Seconds of a round trip over the very best link.
const SHORTEST_TRIP: f64 = 1e-3;
/// On a sleeping radio a probe costs joules: that much less often.
const ASLEEP: f64 = 4.0;

/// The probes of one endpoint over one network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Probing {
    /// When the last was sent.
    last: Option<f64>,
    /// Whether that was a bare one.
    bare: bool,
    /// How many in a row changed nothing.
    fruitless: u32,
    /// When a look was last sent.
    looked: Option<f64>,
    /// How many requests there had been by then.
    #[serde(default)]
    looked_after: u64,
}

impl Probing {
    /// Learns that a look was sent, after so many requests.
    pub(super) fn look(&mut self, requests: u64, now: f64) {
        (self.looked, self.looked_after) = (Some(now), requests);
    }

    /// Whether the endpoint was not probed before over this network.
    fn is_new(self) -> bool {
        self.fruitless <= 1
    }

    /// Whether a bare probe was just sent that the next one follows up.
    fn is_stepping(self, now: f64) -> bool {
        self.bare && self.last.is_some_and(|last| now - last < 10.0 * NEXT_STEP)
    }

    pub(super) fn sent(&mut self, bare: bool, now: f64) {
        if !self.is_stepping(now) {
            self.fruitless = self.fruitless.saturating_add(1);
        }
        (self.last, self.bare) = (Some(now), bare);
    }

    /// Learns that runs moved to the endpoint: probes are worth while.
    pub(super) fn pay_off(&mut self) {
        self.fruitless = 0;
    }
}

impl Sane for Probing {
    fn is_sane(&self, now: f64) -> bool {
        past([self.last, self.looked], now)
    }
}

impl Estimates {
    /// The probe that should be sent now, beside the run that follows `plan`: where its answer could change the next
    /// decision. To be told with [`Estimates::observe_probe`] when it is done, and not to be asked again before.
    pub fn probe_due(
        &self,
        settings: &PlannerSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<Probe> {
        let wanted = settings.probes.enabled
            && request.mode == InferenceMode::Auto
            && matches!(request.objective, Objective::Latency | Objective::Balanced)
            && request.device.network != NetworkKind::None
            && request.device.low_power_mode != Some(true);
        if !wanted {
            return None;
        }
        let charge = ProbeCharge::One;
        let due = request.endpoints.iter().find_map(|endpoint| {
            let work = self.due(&endpoint.name, &settings.probes, request, plan)?;
            Some(Probe { endpoint: endpoint.name.clone(), work, charge })
        });
        let look = || request.endpoints.iter().find_map(|one| self.look(one, settings, request, plan));
        due.or_else(look)
    }

    /// What should be asked at once after `probe`, while the radio is still awake: after a look how much the link carries,
    /// where that is the question, and after one that has found another link than was believed what weighs it. `plan` is one
    /// that knows of the look.
    pub fn follow_up(
        &self,
        probe: &Probe,
        settings: &PlannerSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<Probe> {
        let ProbeWork::Look { padding } = probe.work else { return None };
        let endpoint = request.endpoints.iter().find(|one| one.name == probe.endpoint)?;
        let due = self.due(&endpoint.name, &settings.probes, request, plan);
        if let Some(work) = due.filter(|work| matches!(work, ProbeWork::Whole | ProbeWork::Tail { .. })) {
            return Some(Probe { endpoint: endpoint.name.clone(), work, charge: ProbeCharge::One });
        }
        (padding == 0).then(|| self.padded_look(endpoint, settings, request, plan))?
    }

    /// What `endpoint` is worth asking.
    fn due(
        &self,
        endpoint: &str,
        settings: &ProbeSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<ProbeWork> {
        let now = moment(request.now);
        let circuit = self.circuit(endpoint, request.device, now);
        let chosen = plan.chosen()?;
        let in_use = chosen.placement.endpoint() == Some(endpoint);
        if circuit == Circuit::Open {
            return None;
        }
        let network = super::network(request.device);
        let probing = self.probing.get(endpoint, network).copied().unwrap_or_default();
        let pause = probing.last.map_or(f64::INFINITY, |last| now - last);
        let interval = seconds(settings.interval);
        let doubled = interval * 2.0_f64.powi(probing.fruitless.saturating_sub(1).min(20).cast_signed());
        let asleep = self.link(endpoint, request.device, now).is_some_and(|link| link.asleep);
        let waited = doubled * if asleep { ASLEEP } else { 1.0 };
        let elapsed = pause >= waited.min(seconds(settings.longest));
        if circuit != Circuit::Closed {
            return (elapsed && !in_use).then_some(ProbeWork::Ready);
        }
        let known = self.links.get(endpoint, network);
        // The system's word that the link has changed is a reason to look again.
        let changed = known.is_some_and(|known| known.hinted(request.device).is_some());
        let elapsed = elapsed || changed;
        let fresh = |at: Option<f64>| !changed && at.is_some_and(|at| now - at < interval);
        let weighed = known.is_some_and(|known| fresh(known.weighed));
        let second = probing.bare && (NEXT_STEP..interval).contains(&pause);
        // A link that was found to be another is weighed at once: that is what probes are saved up for.
        let moved = known.filter(|known| known.moved_since_weighed());
        if let Some(moved) = moved.filter(|_| self.budget.allows(settings, 0.0)) {
            // Of its rate nothing is known any more.
            let link = moved.at(request.device, now);
            return Self::weigh(endpoint, settings, request, plan, |one| at_any_rate(one, &link));
        }
        if !self.budget.allows(settings, if probing.is_new() { 0.0 } else { 1.0 }) {
            return None;
        }
        let heard = known.is_some_and(|known| fresh(known.traffic));
        // Small runs there tell nothing of what a large one would take, and large ones little of a small one. Where looks
        // tell the round trip all the time, a bare probe has nothing to add.
        if !weighed && (second || ((in_use || heard) && elapsed)) {
            return Self::weigh(endpoint, settings, request, plan, hope);
        }
        if in_use {
            let timed = known.is_some_and(|known| fresh(known.timed));
            let worth = elapsed && !timed && Self::weigh(endpoint, settings, request, plan, hope).is_some();
            return worth.then_some(ProbeWork::Ready);
        }
        // Of a link that was never used, or is said to be another, nothing is known.
        let open = known.is_none() || changed;
        let hopes = if open { could_win(endpoint, plan) } else { Self::hopes(endpoint, plan) };
        let worth = elapsed && !heard && hopes;
        worth.then_some(ProbeWork::Ready)
    }

    /// Whether anything at `endpoint` could beat what was chosen, or nothing is predicted of it.
    fn hopes(endpoint: &str, plan: &Plan) -> bool {
        let Some(bar) = bar(plan) else { return true };
        at(endpoint, plan).any(|candidate| candidate.predicted.is_none_or(|predicted| hope(&predicted) < bar))
    }

    /// Of the placements at `endpoint` that could beat what was chosen and are not too large to be tried the one that sends
    /// most: it tells most.
    fn weigh(
        endpoint: &str,
        settings: &ProbeSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
        view: impl Fn(&Predicted) -> f64,
    ) -> Option<ProbeWork> {
        let bar = bar(plan)?;
        let device = request.device;
        let most = match (device.metered == Some(true), device.network.is_cellular()) {
            (true, _) => settings.bytes / 64,
            (false, true) => settings.bytes / 8,
            (false, false) => settings.bytes,
        };
        let chosen = plan.order.first()?;
        let hopeful = at(endpoint, plan)
            .filter(|candidate| candidate.placement != *chosen)
            .filter_map(|candidate| Some((&candidate.placement, candidate.predicted?)))
            .filter(|(_, predicted)| predicted.bytes_up <= most)
            .filter(|(_, predicted)| view(predicted) < bar)
            .max_by_key(|(_, predicted)| predicted.bytes_up)?;
        match hopeful.0 {
            Placement::Split { cut, .. } => Some(ProbeWork::Tail { cut: cut.clone() }),
            _ => Some(ProbeWork::Whole),
        }
    }
}

/// The allowed placements at `endpoint`.
fn at<'a>(endpoint: &'a str, plan: &'a Plan) -> impl Iterator<Item = &'a Candidate> {
    plan.candidates
        .iter()
        .filter(move |candidate| candidate.allowed && candidate.placement.endpoint() == Some(endpoint))
}

/// Whether anything at `endpoint` would win over the very best link, over which little but the server's and the head's
/// time is left, or nothing is predicted of it.
fn could_win(endpoint: &str, plan: &Plan) -> bool {
    let Some(bar) = bar(plan) else { return true };
    let best = |one: &Predicted| computing(one) + SHORTEST_TRIP;
    at(endpoint, plan).any(|one| one.predicted.as_ref().is_none_or(|one| best(one) < bar))
}

/// Whether anything at `endpoint` would win over `link` if only its rate were better.
fn could_win_at_a_better_rate(endpoint: &str, plan: &Plan, link: &LinkNow) -> bool {
    let Some(bar) = bar(plan) else { return true };
    at(endpoint, plan).filter_map(|one| one.predicted.as_ref()).any(|one| at_any_rate(one, link) < bar)
}

/// What a placement takes beside the link.
fn computing(predicted: &Predicted) -> f64 {
    predicted.parts.head + predicted.parts.encode + predicted.parts.server
}

/// What a placement would take over `link` at the very best rate: round trips are waited for at any.
fn at_any_rate(predicted: &Predicted, link: &LinkNow) -> f64 {
    let bytes = float(predicted.bytes_up);
    let trips = transfer::upload(bytes, link.rtt, f64::INFINITY, transfer::INITIAL_WINDOW).waiting;
    computing(predicted) + link.rtt + trips
}

/// What has to be beaten, in seconds; `None` where that is not known.
fn bar(plan: &Plan) -> Option<f64> {
    let chosen = plan.chosen()?.predicted?;
    Some(chosen.latency.middle() * (1.0 - MARGIN))
}

/// An optimistic view of a time, over a connection that is open by then.
fn hope(predicted: &Predicted) -> f64 {
    let middle = predicted.latency.middle() - predicted.parts.setup;
    middle * (-HOPE * predicted.latency.spread()).exp()
}
