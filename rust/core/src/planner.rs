//! The decision where a run happens.

mod candidates;
mod choice;
mod cost;
mod energy;
mod hedge;
mod plan;
mod predict;
mod rules;
mod settings;
pub(crate) mod transfer;

use std::sync::Arc;
use std::time::Duration;

pub use cost::CostPlanner;
pub(crate) use energy::ExchangeEnergy;
pub use energy::{EnergyModel, RadioEnergy};
pub use plan::Plan;
pub use rules::RulePlanner;
pub use settings::{Hysteresis, PlannerSettings, ProbeSettings};

use crate::{
    DeviceState, Endpoint, Error, Estimates, InferenceMode, ModelCosts, Objective, OfflineBehavior,
    PolicyError, Risk, Sensitivity,
};

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
    pub name: Arc<str>,
    /// Whether data labelled internal may go there: trusted, and over TLS.
    pub takes_internal: bool,
    /// Whether it is reached over TLS, whose handshake costs round trips.
    pub tls: bool,
    /// Whether it answered when it was last tried.
    pub reachability: Reachability,
}

impl EndpointView {
    /// What the planner knows of `endpoint`.
    pub fn new(endpoint: &Endpoint, reachability: Reachability) -> Self {
        Self {
            name: endpoint.name.as_str().into(),
            takes_internal: endpoint.trusted && endpoint.is_tls(),
            tls: endpoint.is_tls(),
            reachability,
        }
    }

    /// Whether data of this label may go there by `operation`, a word for the error: `offload`.
    pub fn admit(&self, sensitivity: Sensitivity, operation: &'static str) -> Result<(), PolicyError> {
        match sensitivity {
            Sensitivity::Public => Ok(()),
            Sensitivity::Internal if self.takes_internal => Ok(()),
            Sensitivity::Internal => {
                Err(PolicyError::EndpointNotTrusted { sensitivity, endpoint: self.name.to_string() })
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
    /// The tensors, by name, that never leave the device, nor anything computed from them.
    pub private_tensors: &'a [String],
    /// What the run should be best at.
    pub objective: Objective,
    /// How much an uncertain prediction counts against a placement.
    pub risk: Risk,
    /// What happens when the cloud is preferred and cannot be reached.
    pub offline: OfflineBehavior,
    /// The time that is left to the run; `None` is as long as it takes.
    pub remaining: Option<Duration>,
    /// The endpoints to consider, the preferred one first.
    pub endpoints: &'a [EndpointView],
    /// What is known of the model.
    pub costs: &'a ModelCosts,
    /// What was learned so far.
    pub estimates: &'a Estimates,
    /// The state of the device.
    pub device: &'a DeviceState,
    /// How many times as long as was learned servers are taken to need: 1, but to see what would be if. Bounded to a
    /// thousandth and a thousand; what is no number counts as 1.
    pub server_load: f64,
    /// The time since the runtime's start.
    pub now: Duration,
}

/// Decides where a run happens. Pure: the same request gives the same plan.
pub trait Planner: Send + Sync {
    /// The placements to try, in order; never none. An error where policy leaves nothing.
    fn plan(&self, request: &PlanRequest<'_>) -> Result<Plan, Error>;
}

#[cfg(test)]
mod tests;
