//! The decision by predicted cost.

use super::candidates::consider;
use super::choice::choose;
use super::rules::nothing_left;
use super::{Plan, PlanRequest, Planner, PlannerSettings, RulePlanner, hedge};
use crate::estimates::{Circuit, moment};
use crate::{Candidate, EndpointView, Error, Placement, Reachability, Reason};

/// Decides by what each placement is predicted to cost.
///
/// Constraints come first, in this order: the mode, the sensitivity label and private tensors, a metered network, a
/// network or an endpoint that does not answer, memory, the deadline at the 90th percentile. Mode, label and private
/// inputs forbid; the others put a placement behind all that they do not concern. Among those the objective decides at
/// the risk level of the request, and hysteresis keeps the last placement where another is hardly better.
///
/// Where nothing can be predicted it decides as [`RulePlanner`] does.
///
/// ```
/// use std::time::Duration;
/// use tandem_core::{
///     CostPlanner, DeviceState, EndpointView, Estimates, InferenceMode, ModelCosts, NetworkKind, Objective,
///     OfflineBehavior, Placement, PlanRequest, Planner, Reachability, Risk, Sensitivity,
/// };
///
/// let endpoint = EndpointView {
///     name: "cloud".into(),
///     takes_internal: true,
///     tls: true,
///     reachability: Reachability::Unknown,
/// };
/// let costs = ModelCosts {
///     model: "digest".into(),
///     request_bytes: 150_000,
///     reply_bytes: 4_000,
///     device_time: Some(Duration::from_secs(2)),
///     server_time: Some(Duration::from_millis(50)),
///     ..ModelCosts::default()
/// };
/// let plan = CostPlanner::default().plan(&PlanRequest {
///     mode: InferenceMode::Auto,
///     sensitivity: Sensitivity::Internal,
///     private_tensors: &[],
///     objective: Objective::Latency,
///     risk: Risk::default(),
///     offline: OfflineBehavior::RunLocally,
///     remaining: None,
///     endpoints: &[endpoint],
///     costs: &costs,
///     estimates: &Estimates::new(),
///     device: &DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() },
///     server_load: 1.0,
///     now: Duration::ZERO,
/// })?;
/// assert_eq!(plan.order[0], Placement::InCloud { endpoint: "cloud".into() });
/// println!("{}", plan.explain());
/// # Ok::<(), tandem_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CostPlanner {
    /// What an app may set.
    pub settings: PlannerSettings,
}

impl Planner for CostPlanner {
    fn plan(&self, request: &PlanRequest<'_>) -> Result<Plan, Error> {
        let mut all = consider(&self.settings, request);
        if all.is_a_guess() {
            return by_rule(request, all.candidates);
        }
        let order = choose(&self.settings, request, &mut all);
        let Some(&chosen) = order.first() else {
            return Err(nothing_left(request));
        };
        let candidates = all.candidates;
        let hedge_after = hedge::after(request, &candidates[chosen], &candidates[0]);
        let order = order.into_iter().map(|index| candidates[index].placement.clone()).collect();
        Ok(Plan { order, candidates, hedge_after })
    }
}

/// The plan of the rules, with what they do not know: cuts, and endpoints that are left alone for a while.
fn by_rule(request: &PlanRequest<'_>, all: Vec<Candidate>) -> Result<Plan, Error> {
    let left_alone = |endpoint: &EndpointView| {
        let circuit = request.estimates.circuit(&endpoint.name, request.device, moment(request.now));
        matches!(circuit, Circuit::Open | Circuit::HalfOpen)
    };
    let view = |endpoint: &EndpointView| EndpointView {
        reachability: if left_alone(endpoint) { Reachability::Unreachable } else { endpoint.reachability },
        ..endpoint.clone()
    };
    let endpoints: Vec<EndpointView> = request.endpoints.iter().map(view).collect();
    let mut plan = RulePlanner.plan(&PlanRequest { endpoints: &endpoints, ..request.clone() })?;
    for (endpoint, now) in request.endpoints.iter().zip(&endpoints) {
        let whole = |one: &&mut Candidate| one.placement.endpoint() == Some(&*endpoint.name);
        if endpoint.reachability != now.reachability
            && let Some(candidate) = plan.candidates.iter_mut().find(whole)
            && candidate.reason == Reason::Unreachable
        {
            candidate.reason = Reason::CircuitOpen;
        }
    }
    let cuts = all.into_iter().filter(|candidate| matches!(candidate.placement, Placement::Split { .. }));
    plan.candidates.extend(cuts.map(|candidate| Candidate {
        reason: if candidate.allowed { Reason::Unpredicted } else { candidate.reason },
        ..candidate
    }));
    Ok(plan)
}

#[cfg(test)]
mod tests;
