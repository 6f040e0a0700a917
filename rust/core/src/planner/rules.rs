//! The decision by rule alone: mode, label, and whether an endpoint answers.

use super::{EndpointView, Plan, PlanRequest, Planner, Reachability, hedge};
use crate::{Candidate, Error, InferenceMode, OfflineBehavior, Placement, PolicyError, Reason, RemoteError};

/// The word for a planned run in errors of policy.
pub(super) const OPERATION: &str = "run";

/// Decides by rule alone.
///
/// [`InferenceMode::Auto`] runs on this device, which costs no data and no waiting for a network. An endpoint that
/// did not answer comes last.
#[derive(Clone, Copy, Debug, Default)]
pub struct RulePlanner;

impl Planner for RulePlanner {
    fn plan(&self, request: &PlanRequest<'_>) -> Result<Plan, Error> {
        let cloud = cloud_candidates(request);
        let device = device_candidate(request.mode);
        let cloud_first = matches!(request.mode, InferenceMode::PreferInCloud | InferenceMode::OnlyInCloud);

        let mut order: Vec<&Candidate> = cloud.iter().filter(|candidate| candidate.allowed).collect();
        // Stable: among endpoints that answer, the order of the request stays.
        order.sort_by_key(|candidate| candidate.reason == Reason::Unreachable);
        let worth_trying = request.offline == OfflineBehavior::Fail
            || order.iter().any(|candidate| candidate.reason != Reason::Unreachable);
        if device.allowed {
            order.insert(if cloud_first && worth_trying { order.len() } else { 0 }, &device);
        }
        let order: Vec<Placement> = order.into_iter().map(|candidate| candidate.placement.clone()).collect();
        let Some(chosen) = order.first().cloned() else {
            return Err(nothing_left(request));
        };

        let candidates = std::iter::once(device)
            .chain(cloud)
            .map(|candidate| {
                let passed_over = candidate.allowed
                    && candidate.placement != chosen
                    && candidate.reason != Reason::Unreachable;
                if passed_over { Candidate { reason: Reason::NotFirst, ..candidate } } else { candidate }
            })
            .collect::<Vec<Candidate>>();
        let first = candidates.iter().find(|candidate| candidate.placement == chosen);
        let hedge_after = first.and_then(|first| hedge::after(request, first, &candidates[0]));
        Ok(Plan { order, candidates, hedge_after })
    }
}

fn device_candidate(mode: InferenceMode) -> Candidate {
    let reason = match mode {
        InferenceMode::OnlyOnDevice => Reason::ModeRequires,
        InferenceMode::PreferOnDevice => Reason::ModePrefers,
        InferenceMode::OnlyInCloud => Reason::ModeForbids,
        InferenceMode::Auto | InferenceMode::PreferInCloud => Reason::Default,
    };
    let allowed = mode != InferenceMode::OnlyInCloud;
    Candidate { placement: Placement::OnDevice, allowed, reason, predicted: None }
}

fn cloud_candidates(request: &PlanRequest<'_>) -> Vec<Candidate> {
    let candidate = |endpoint: &EndpointView| {
        let (allowed, reason) = if request.mode == InferenceMode::OnlyOnDevice {
            (false, Reason::ModeForbids)
        } else if endpoint.admit(request.sensitivity, OPERATION).is_err() {
            (false, Reason::SensitivityForbids)
        } else if !request.private_tensors.is_empty() {
            (false, Reason::PrivateTensor)
        } else if endpoint.reachability == Reachability::Unreachable {
            (true, Reason::Unreachable)
        } else {
            (
                true,
                match request.mode {
                    InferenceMode::OnlyInCloud => Reason::ModeRequires,
                    InferenceMode::PreferInCloud => Reason::ModePrefers,
                    _ => Reason::Default,
                },
            )
        };
        let placement = Placement::InCloud { endpoint: endpoint.name.clone() };
        Candidate { placement, allowed, reason, predicted: None }
    };
    request.endpoints.iter().map(candidate).collect()
}

/// Only [`InferenceMode::OnlyInCloud`] can leave nothing: everything else allows the device.
pub(super) fn nothing_left(request: &PlanRequest<'_>) -> Error {
    let refusal = request.endpoints.first().map(|endpoint| endpoint.admit(request.sensitivity, OPERATION));
    match refusal {
        Some(Err(denied)) => denied.into(),
        Some(Ok(())) if !request.private_tensors.is_empty() => {
            PolicyError::PrivateTensor { name: request.private_tensors[0].clone(), operation: OPERATION }
                .into()
        }
        Some(Ok(())) | None => RemoteError::NoEndpoint.into(),
    }
}
