//! A loaded model: predict, offload, run, plan.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tandem_core::{
    CancelRegistration, CancellationToken, Candidate, Control, Decision, DeviceState, Endpoint, EndpointView,
    Error, Estimates, LocalModel, ModelCosts, ModelInfo, NamedTensors, OfflineBehavior, Placement, Plan,
    PlanRequest, PolicyError, Prediction, Profile, Reason, RemoteError, RemoteRequest, RunError, RunOptions,
    Timing,
};

use crate::call::Call;
use crate::runtime::Parts;

struct Shared {
    parts: Arc<Parts>,
    info: ModelInfo,
    /// Taken away by `close`; a call under way holds its own handle.
    local: RwLock<Option<Arc<dyn LocalModel>>>,
    closing: CancellationToken,
    _runtime_closing: CancelRegistration,
}

/// A loaded model. Clones share it; any number of threads may call it at once.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
}

/// Outputs and times of one placement, before the decision is added.
struct Outcome {
    outputs: NamedTensors,
    timing: Timing,
}

impl Model {
    pub(crate) fn new(parts: Arc<Parts>, local: Arc<dyn LocalModel>, name: Option<&str>) -> Self {
        let mut info = local.info().clone();
        if let Some(name) = name {
            name.clone_into(&mut info.name);
        }
        let closing = CancellationToken::new();
        let token = closing.clone();
        let runtime_closing = parts.closing.on_cancel(move || token.cancel());
        let local = RwLock::new(Some(local));
        Self { shared: Arc::new(Shared { parts, info, local, closing, _runtime_closing: runtime_closing }) }
    }

    /// What the model is. Stays readable after [`Model::close`].
    pub fn info(&self) -> &ModelInfo {
        &self.shared.info
    }

    /// Runs the model on this device. Never touches the network; mode and sensitivity do not matter.
    pub fn predict(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        let outcome = self.on_device(inputs, options, &call)?;
        Ok(outcome.into_prediction(only(Placement::OnDevice)))
    }

    /// Runs the model on an endpoint: the one that the options name, else the first. Never runs on this device and
    /// never queues.
    ///
    /// Fails with `PolicyDenied` where the sensitivity label does not let the data go there.
    pub fn offload(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        let endpoints = self.shared.parts.endpoints.chosen(options.endpoint.as_deref())?;
        let endpoint = *endpoints.first().ok_or(RemoteError::NoEndpoint)?;
        self.view(endpoint).admit(options.sensitivity, "offload")?;
        self.shared.info.check_private_inputs(&options.private_inputs)?;
        if let Some(name) = options.private_inputs.first() {
            return Err(PolicyError::PrivateInput { name: name.clone(), operation: "offload" }.into());
        }
        let outcome = self.in_cloud(endpoint, inputs, options, &call)?;
        Ok(outcome.into_prediction(only(Placement::InCloud { endpoint: endpoint.name.clone() })))
    }

    /// Runs the model where the planner decides, and elsewhere where that fails and mode, label and offline behaviour
    /// allow it.
    ///
    /// A cancelled token, a passed deadline, an input that does not fit and a policy denial never lead elsewhere.
    pub fn run(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        self.shared.info.check_inputs(inputs)?;
        let plan = self.plan(options)?;
        let mut cause: Option<Error> = None;
        for placement in &plan.order {
            if let Some(error) = &cause
                && !leads_elsewhere(error, placement, options.offline)
            {
                break;
            }
            let result = match placement {
                Placement::InCloud { endpoint } => {
                    let endpoint = self.shared.parts.endpoints.get(endpoint)?;
                    self.in_cloud(endpoint, inputs, options, &call)
                }
                Placement::OnDevice => self.on_device(inputs, options, &call),
                placement => {
                    Err(Error::Internal(format!("a model without a manifest cannot run {placement}")))
                }
            };
            match result {
                Ok(outcome) => {
                    return Ok(outcome.into_prediction(decision(&plan, placement, cause.as_ref())));
                }
                Err(error) => {
                    log::warn!("model {:?} failed {placement}: {error}", self.shared.info.name);
                    cause = Some(error);
                }
            }
        }
        Err(cause.unwrap_or_else(|| Error::Internal("the planner gave no placement".to_owned())))
    }

    /// Decides as [`Model::run`] would, without running or contacting anything.
    pub fn plan(&self, options: &RunOptions) -> Result<Plan, Error> {
        if self.shared.closing.is_cancelled() {
            return Err(Error::Closed("model"));
        }
        self.shared.info.check_private_inputs(&options.private_inputs)?;
        let parts = &self.shared.parts;
        let endpoints = parts.endpoints.chosen(options.endpoint.as_deref())?;
        let views: Vec<EndpointView> = endpoints.into_iter().map(|endpoint| self.view(endpoint)).collect();
        parts.planner.plan(&PlanRequest {
            mode: options.mode,
            sensitivity: options.sensitivity,
            private_inputs: &options.private_inputs,
            objective: options.objective,
            risk: options.risk,
            offline: options.offline,
            remaining: options.timeout,
            endpoints: &views,
            costs: &ModelCosts::default(),
            estimates: &Estimates::default(),
            device: &DeviceState::default(),
            now: Duration::ZERO,
        })
    }

    /// Runs the model once on this device and measures every node.
    pub fn profile(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Profile, Error> {
        self.with_local(options, |local, control| local.profile(inputs, control))
    }

    /// Prepares the model for inputs of these shapes, so that the first run does not pay for it.
    pub fn warm_up(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<(), Error> {
        self.with_local(options, |local, control| local.warm_up(inputs, control))
    }

    /// Closes the model and frees its memory once nothing runs. Calls under way end with [`Error::Closed`]; further
    /// ones begin and end with it. Closing again does nothing.
    pub fn close(&self) {
        self.shared.closing.cancel();
        self.shared.local.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn begin(&self, options: &RunOptions) -> Result<Call, Error> {
        let call = Call::begin(options, &self.shared.closing);
        call.check()?;
        Ok(call)
    }

    fn local(&self) -> Result<Arc<dyn LocalModel>, Error> {
        let local = self.shared.local.read().unwrap_or_else(PoisonError::into_inner);
        local.clone().ok_or(Error::Closed("model"))
    }

    fn view(&self, endpoint: &Endpoint) -> EndpointView {
        self.shared.parts.endpoints.view(endpoint, Instant::now())
    }

    fn with_local<T>(
        &self,
        options: &RunOptions,
        work: impl FnOnce(&dyn LocalModel, &Control) -> Result<T, RunError>,
    ) -> Result<T, Error> {
        let call = self.begin(options)?;
        work(&*self.local()?, &call.control).map_err(|error| call.blame(error.into()))
    }

    fn on_device(&self, inputs: &NamedTensors, options: &RunOptions, call: &Call) -> Result<Outcome, Error> {
        let started = Instant::now();
        let outputs = self
            .local()?
            .run(inputs, &options.outputs, &call.control)
            .map_err(|error| call.blame(error.into()))?;
        let device = Some(started.elapsed());
        Ok(Outcome { outputs, timing: Timing { total: call.started.elapsed(), device, remote: None } })
    }

    fn in_cloud(
        &self,
        endpoint: &Endpoint,
        inputs: &NamedTensors,
        options: &RunOptions,
        call: &Call,
    ) -> Result<Outcome, Error> {
        let Shared { parts, info, .. } = &*self.shared;
        info.check_inputs(inputs)?;
        let wanted = info.wanted_outputs(&options.outputs)?;
        let id = options.tag.as_deref();
        let request = RemoteRequest { endpoint, model: info, inputs, wanted: &wanted, id };
        let result = parts.remote()?.infer(&request, &call.control);
        parts.endpoints.learn(endpoint, &result, Instant::now());
        let answer = result.map_err(|error| call.blame(error.into()))?;
        let timing = Timing { total: call.started.elapsed(), device: None, remote: Some(answer.timing) };
        Ok(Outcome { outputs: answer.outputs, timing })
    }
}

impl Outcome {
    fn into_prediction(self, decision: Decision) -> Prediction {
        Prediction { outputs: self.outputs, decision, timing: self.timing }
    }
}

/// The decision of a call that leaves no choice.
fn only(placement: Placement) -> Decision {
    let reason = Reason::ModeRequires;
    let candidate = Candidate { placement: placement.clone(), allowed: true, reason, predicted: None };
    Decision { placement, reason, candidates: vec![candidate], fallback_cause: None, predicted: None }
}

fn decision(plan: &Plan, placement: &Placement, cause: Option<&Error>) -> Decision {
    let reason = match cause {
        Some(_) => Reason::Fallback,
        None => plan.reason(placement).unwrap_or(Reason::Default),
    };
    Decision {
        placement: placement.clone(),
        reason,
        candidates: plan.candidates.clone(),
        fallback_cause: cause.map(Error::to_string),
        predicted: plan.predicted(placement),
    }
}

/// Whether a run that failed with `error` may go on at `next`.
fn leads_elsewhere(error: &Error, next: &Placement, offline: OfflineBehavior) -> bool {
    match error {
        Error::Remote(RemoteError::Unreachable { .. }) if *next == Placement::OnDevice => {
            offline == OfflineBehavior::RunLocally
        }
        Error::Remote(error) => error.allows_fallback(),
        Error::Run(error) => matches!(
            error,
            RunError::UnsupportedOperator { .. } | RunError::ResourceLimit { .. } | RunError::Internal { .. }
        ),
        _ => false,
    }
}
