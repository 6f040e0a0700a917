//! The decision where a run happens, by rule: mode, label, and whether an endpoint answers.

use crate::{
    Candidate, Endpoint, Error, InferenceMode, OfflineBehavior, Placement, PolicyError, Reason, RemoteError,
    Sensitivity,
};

/// The word for a planned run in policy errors.
const OPERATION: &str = "run";

/// Whether an endpoint answered when it was last tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// Not tried yet, or too long ago.
    #[default]
    Unknown,
    /// It answered.
    Reachable,
    /// It did not.
    Unreachable,
}

/// What the planner knows of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// Its name.
    pub name: String,
    /// Whether data labelled internal may go there: trusted, and over TLS.
    pub takes_internal: bool,
    /// Whether it answered when it was last tried.
    pub reachability: Reachability,
}

impl EndpointView {
    /// What the planner knows of `endpoint`.
    pub fn new(endpoint: &Endpoint, reachability: Reachability) -> Self {
        Self {
            name: endpoint.name.clone(),
            takes_internal: endpoint.trusted && endpoint.is_tls(),
            reachability,
        }
    }

    /// Whether data of this label may go there by `operation`, a word for the error: `offload`.
    pub fn admit(&self, sensitivity: Sensitivity, operation: &'static str) -> Result<(), PolicyError> {
        match sensitivity {
            Sensitivity::Public => Ok(()),
            Sensitivity::Internal if self.takes_internal => Ok(()),
            Sensitivity::Internal => {
                Err(PolicyError::EndpointNotTrusted { sensitivity, endpoint: self.name.clone() })
            }
            Sensitivity::Private => Err(PolicyError::StaysOnDevice { sensitivity, operation }),
        }
    }
}

/// What a decision depends on: the whole of it, so that it can be replayed.
#[derive(Clone, Debug)]
pub struct PlanRequest<'a> {
    /// Where the run may happen.
    pub mode: InferenceMode,
    /// How far its data may travel.
    pub sensitivity: Sensitivity,
    /// What happens when the cloud is preferred and cannot be reached.
    pub offline: OfflineBehavior,
    /// The endpoints to consider, the preferred one first.
    pub endpoints: &'a [EndpointView],
}

/// The decision without the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    pub order: Vec<Placement>,
    /// Everything that was considered.
    pub candidates: Vec<Candidate>,
}

impl Plan {
    /// Why `placement` was chosen or not.
    pub fn reason(&self, placement: &Placement) -> Option<Reason> {
        self.candidates
            .iter()
            .find(|candidate| candidate.placement == *placement)
            .map(|candidate| candidate.reason)
    }
}

/// Decides where a run happens. Pure: the same request gives the same plan.
pub trait Planner: Send + Sync {
    /// The placements to try, in order; never none. An error where policy leaves nothing.
    fn plan(&self, request: &PlanRequest<'_>) -> Result<Plan, Error>;
}

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
            .collect();
        Ok(Plan { order, candidates })
    }
}

fn device_candidate(mode: InferenceMode) -> Candidate {
    let reason = match mode {
        InferenceMode::OnlyOnDevice => Reason::ModeRequires,
        InferenceMode::PreferOnDevice => Reason::ModePrefers,
        InferenceMode::OnlyInCloud => Reason::ModeForbids,
        InferenceMode::Auto | InferenceMode::PreferInCloud => Reason::Default,
    };
    Candidate { placement: Placement::OnDevice, allowed: mode != InferenceMode::OnlyInCloud, reason }
}

fn cloud_candidates(request: &PlanRequest<'_>) -> Vec<Candidate> {
    let candidate = |endpoint: &EndpointView| {
        let (allowed, reason) = if request.mode == InferenceMode::OnlyOnDevice {
            (false, Reason::ModeForbids)
        } else if endpoint.admit(request.sensitivity, OPERATION).is_err() {
            (false, Reason::SensitivityForbids)
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
        Candidate { placement: Placement::InCloud { endpoint: endpoint.name.clone() }, allowed, reason }
    };
    request.endpoints.iter().map(candidate).collect()
}

/// Only [`InferenceMode::OnlyInCloud`] can leave nothing: everything else allows the device.
fn nothing_left(request: &PlanRequest<'_>) -> Error {
    let refusal = request.endpoints.first().map(|endpoint| endpoint.admit(request.sensitivity, OPERATION));
    match refusal {
        Some(Err(denied)) => denied.into(),
        Some(Ok(())) | None => RemoteError::NoEndpoint.into(),
    }
}

#[cfg(test)]
mod tests;
