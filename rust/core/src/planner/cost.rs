//! The decision by predicted cost.

use std::time::Duration;

use super::candidates::consider;
use super::choice::choose;
use super::rules::nothing_left;
use super::{Plan, PlanRequest, Planner, PlannerSettings, RulePlanner};
use crate::{Candidate, CutCosts, Error, Placement, Reason};

/// Decides by what each placement is predicted to cost.
///
/// Constraints come first, in this order: the mode, the sensitivity label and private inputs, a metered network, a
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
///     private_inputs: &[],
///     objective: Objective::Latency,
///     risk: Risk::default(),
///     offline: OfflineBehavior::RunLocally,
///     remaining: None,
///     endpoints: &[endpoint],
///     costs: &costs,
///     estimates: &Estimates::new(),
///     device: &DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() },
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
        if all.candidates.iter().all(|one| one.predicted.is_none()) {
            return by_rule(request, all.candidates);
        }
        let order = choose(&self.settings, request, &mut all);
        let Some(&chosen) = order.first() else {
            return Err(nothing_left(request));
        };
        let candidates = all.candidates;
        let hedge_after = hedge_after(request, &candidates[chosen], &candidates[0]);
        let order = order.into_iter().map(|index| candidates[index].placement.clone()).collect();
        Ok(Plan { order, candidates, hedge_after })
    }
}

/// The plan of the rules, with the cuts added that they do not know.
fn by_rule(request: &PlanRequest<'_>, all: Vec<Candidate>) -> Result<Plan, Error> {
    let mut plan = RulePlanner.plan(request)?;
    let cuts = all.into_iter().filter(|candidate| matches!(candidate.placement, Placement::Split { .. }));
    plan.candidates.extend(cuts.map(|candidate| Candidate {
        reason: if candidate.allowed { Reason::Unpredicted } else { candidate.reason },
        ..candidate
    }));
    Ok(plan)
}

/// When a hedged run begins on this device too: when the endpoint has taken longer than nineteen times of twenty, or when
/// what is left to do here would otherwise come too late (Dean and Barroso, "The Tail at Scale", CACM 2013).
fn hedge_after(request: &PlanRequest<'_>, chosen: &Candidate, here: &Candidate) -> Option<Duration> {
    chosen.placement.endpoint()?;
    let (there, here) = (chosen.predicted?.latency, here.allowed.then_some(here.predicted?.latency)?);
    let rest = match &chosen.placement {
        Placement::Split { cut, .. } => 1.0 - request.costs.cut(cut).map_or(0.0, CutCosts::head_share),
        _ => 1.0,
    };
    let in_time = request.remaining.and_then(|left| left.checked_sub(here.p90().mul_f64(rest)));
    Some(in_time.map_or(there.p95(), |in_time| in_time.min(there.p95())))
}

#[cfg(test)]
mod tests;
