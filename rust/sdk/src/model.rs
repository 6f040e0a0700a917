//! A loaded model: predict, offload, run, plan.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Candidate, Control, Decision, DeviceObservation, DeviceState, Endpoint, EndpointView,
    Error, Estimates, LoadError, LoadOptions, LocalModel, ModelCosts, ModelInfo, ModelSource, NamedTensors,
    Part, Placement, Plan, PlanRequest, Prediction, Probe, Profile, ProfileObservation, Reason, RemoteError,
    RunError, RunOptions, Timing,
};

use crate::call::Call;
use crate::costs::{Costs, sizes};
use crate::exchange::{Exchange, Payload};
use crate::probing::{self, Occasion, Question};
use crate::running::Running;
use crate::runtime::Parts;
use crate::splits::Splits;

pub(crate) struct Shared {
    pub(crate) parts: Arc<Parts>,
    pub(crate) info: ModelInfo,
    /// Taken away by `close`; a call under way holds its own handle.
    local: RwLock<Option<Arc<dyn LocalModel>>>,
    pub(crate) splits: Option<Splits>,
    pub(crate) costs: Costs,
    /// Whether the whole model has run on this device.
    pub(crate) has_run: AtomicBool,
    pub(crate) closing: CancellationToken,
}

/// A loaded model. Clones share it; any number of threads may call it at once.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
}

/// Outputs and times of a run, before the decision is added.
pub(crate) struct Outcome {
    pub(crate) outputs: NamedTensors,
    pub(crate) timing: Timing,
}

impl Model {
    pub(crate) fn load(
        parts: Arc<Parts>,
        source: &ModelSource,
        options: &LoadOptions,
        control: &Control,
    ) -> Result<Self, LoadError> {
        let linked = LoadOptions { token: control.token.clone(), ..options.clone() };
        let local = parts.engine.load(source, &linked)?;
        let may_go_on = || control.check(Instant::now()).map_err(LoadError::from);
        may_go_on()?;
        let mut info = local.info().clone();
        let load = |manifest| Splits::load(manifest, source, options, &info, parts.engine.clone(), may_go_on);
        let splits = options.manifest.as_ref().map(load).transpose()?;
        if let Some(name) = options.name.as_ref().or(splits.as_ref().map(|splits| &splits.served)) {
            info.name.clone_from(name);
        }
        let closing = CancellationToken::child_of([&parts.closing]);
        let shared = Shared {
            parts,
            info,
            local: RwLock::new(Some(local)),
            splits,
            costs: Costs::new(),
            has_run: AtomicBool::new(false),
            closing,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the model is. Stays readable after [`Model::close`].
    pub fn info(&self) -> &ModelInfo {
        &self.shared.info
    }

    /// Runs the model on this device. Never touches the network; mode and sensitivity do not matter.
    pub fn predict(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        let (outputs, device) = self.shared.compute(inputs, &options.outputs, &call)?;
        self.shared.saw_device(inputs, device);
        let timing = Timing { total: call.started.elapsed(), device: Some(device), remote: None };
        Ok(Outcome { outputs, timing }.into_prediction(only(Placement::OnDevice)))
    }

    /// Runs the model on an endpoint: the one that the options name, else the first. Never runs on this device and
    /// never queues.
    ///
    /// Fails with `PolicyDenied` where the sensitivity label or a private tensor does not let the data go there.
    pub fn offload(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        let shared = &*self.shared;
        let endpoints = shared.parts.endpoints.chosen(options.endpoint.as_deref())?;
        let endpoint = *endpoints.first().ok_or(RemoteError::NoEndpoint)?;
        let device = shared.parts.learning.device();
        let costs = shared.costs(Some(inputs));
        shared.know_private(options)?;
        let payload = Payload::Whole { inputs };
        let exchange = Exchange { shared, options, endpoint, payload, costs: &costs, device: &device };
        exchange.admit("offload")?;
        shared.info.check_inputs(inputs)?;
        let wanted = shared.info.wanted_outputs(&options.outputs)?;
        let answer = exchange.make(&wanted, &call.control).map_err(|error| call.blame(error.into()))?;
        let timing = Timing { total: call.started.elapsed(), device: None, remote: Some(answer.timing) };
        let placement = Placement::InCloud { endpoint: endpoint.name.as_str().into() };
        Ok(Outcome { outputs: answer.outputs, timing }.into_prediction(only(placement)))
    }

    /// Runs the model where the planner decides, and elsewhere where that fails and mode, label and offline behaviour
    /// allow it.
    ///
    /// A split run whose endpoint fails, is slow, or would not answer before the deadline is finished on this device from
    /// the tensors at the cut; nothing is computed twice. With [`RunOptions::hedge`], this device begins beside a slow
    /// endpoint, and the first answer wins. A cancelled token, a passed deadline, an input that does not fit and a
    /// policy denial never lead elsewhere.
    pub fn run(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Prediction, Error> {
        let call = self.begin(options)?;
        let shared = &*self.shared;
        shared.info.check_inputs(inputs)?;
        shared.know_private(options)?;
        let costs = shared.costs(Some(inputs));
        let device = shared.parts.learning.device();
        let plan = shared.decide(options, &costs, &device)?;
        let running =
            Running { shared, inputs, options, call: &call, plan: &plan, costs: &costs, device: &device };
        let finished = running.finish();
        if let Some(question) = shared.question_due(options, &costs, &device, &plan) {
            let sizes = sizes(&shared.info, inputs);
            let options = options.clone();
            probing::send(&self.shared, question, Occasion { options, costs, device, sizes });
        }
        let (outcome, decision) = finished?;
        Ok(outcome.into_prediction(decision))
    }

    /// Decides as [`Model::run`] would, without running or contacting anything.
    ///
    /// The sizes of inputs are those of the latest run; before the first one every symbolic dimension counts as 1. The
    /// state of the device is what the runtime's provider says.
    pub fn plan(&self, options: &RunOptions) -> Result<Plan, Error> {
        self.plan_if(options, None, None)
    }

    /// [`Model::plan`] for other circumstances: what would be if the device were in that state, and servers took
    /// `server_load` times as long as was learned. What is `None` is as it is.
    pub fn plan_if(
        &self,
        options: &RunOptions,
        device: Option<DeviceState>,
        server_load: Option<f64>,
    ) -> Result<Plan, Error> {
        if self.shared.closing.is_cancelled() {
            return Err(Error::Closed("model"));
        }
        let load = server_load.unwrap_or(1.0);
        if !(load.is_finite() && load > 0.0) {
            return Err(Error::InvalidArgument(format!("the server load is {load}, expected more than 0")));
        }
        self.shared.know_private(options)?;
        let device = device.unwrap_or_else(|| self.shared.parts.learning.device());
        self.shared.decide_if(options, &self.shared.costs(None), &device, load)
    }

    /// Runs the model once on this device and measures every node. The planner learns from it what the model and the
    /// heads of its cuts take here; for the latter the model is read again.
    pub fn profile(&self, inputs: &NamedTensors, options: &RunOptions) -> Result<Profile, Error> {
        let device = self.shared.parts.learning.device();
        let profile = self.with_local(options, |local, control| {
            local.warm_up(inputs, control)?;
            local.profile(inputs, control)
        })?;
        self.shared.saw_profile(inputs, &device, &profile, &options.token);
        Ok(profile)
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
        if let Some(splits) = &self.shared.splits {
            splits.close();
        }
    }

    fn begin(&self, options: &RunOptions) -> Result<Call, Error> {
        let call = Call::begin(options, &self.shared.closing);
        call.check()?;
        Ok(call)
    }

    fn with_local<T>(
        &self,
        options: &RunOptions,
        work: impl FnOnce(&dyn LocalModel, &Control) -> Result<T, RunError>,
    ) -> Result<T, Error> {
        let call = self.begin(options)?;
        work(&*self.shared.local()?, &call.control).map_err(|error| call.blame(error.into()))
    }
}

impl Shared {
    pub(crate) fn local(&self) -> Result<Arc<dyn LocalModel>, Error> {
        let local = self.local.read().unwrap_or_else(PoisonError::into_inner);
        local.clone().ok_or(Error::Closed("model"))
    }

    pub(crate) fn view(&self, endpoint: &Endpoint) -> EndpointView {
        self.parts.endpoints.view(endpoint, Instant::now())
    }

    fn costs(&self, inputs: Option<&NamedTensors>) -> Arc<ModelCosts> {
        let local = self.local().ok();
        let compute = |shapes: &[Vec<usize>]| local?.multiply_adds(shapes);
        self.costs.of(&self.info, self.splits.as_ref(), self.parts.endpoints.names(), inputs, compute)
    }

    /// Runs the whole model here. Where the planner learns of it, the time is that of the run alone, and a plan for new shapes is
    /// made before; small runs of which nobody learns need not look it up twice.
    pub(crate) fn compute(
        &self,
        inputs: &NamedTensors,
        wanted: &[String],
        call: &Call,
    ) -> Result<(NamedTensors, Duration), Error> {
        let local = self.local()?;
        let blame = |error: RunError| call.blame(error.into());
        if self.parts.remote.is_some() {
            local.warm_up(inputs, &call.control).map_err(blame)?;
        }
        let begun = Instant::now();
        let outputs = local.run(inputs, wanted, &call.control).map_err(blame)?;
        Ok((outputs, begun.elapsed()))
    }

    /// Decides for a run, and takes note of it before anyone else decides: of all that find a circuit half open, one tries.
    fn decide(&self, options: &RunOptions, costs: &ModelCosts, device: &DeviceState) -> Result<Plan, Error> {
        let decide = |request: &PlanRequest<'_>| self.parts.planner.plan(request);
        self.ask_and(options, costs, device, decide, |plan, estimates, now| {
            if let Ok(plan) = plan {
                estimates.observe_decision(&costs.model, device, plan, now);
            }
        })?
    }

    /// Decides for nobody: what would be if servers took so many times as long.
    fn decide_if(
        &self,
        options: &RunOptions,
        costs: &ModelCosts,
        device: &DeviceState,
        server_load: f64,
    ) -> Result<Plan, Error> {
        let planner = &self.parts.planner;
        self.ask(options, costs, device, |request| {
            planner.plan(&PlanRequest { server_load, ..request.clone() })
        })?
    }

    /// What should be asked of an endpoint after a run by `plan`. Nothing where no endpoint may have the run's data: then there
    /// is nothing to decide.
    fn question_due(
        &self,
        options: &RunOptions,
        costs: &ModelCosts,
        device: &DeviceState,
        plan: &Plan,
    ) -> Option<Question> {
        let settings = self.parts.probes.as_ref()?;
        let decides = |candidate: &Candidate| candidate.allowed && candidate.placement.endpoint().is_some();
        if !plan.candidates.iter().any(decides) {
            return None;
        }
        let due = |request: &PlanRequest<'_>| {
            let probe = request.estimates.probe_due(settings, request, plan).map(Question::Probe);
            probe.or_else(|| request.estimates.counts_due(settings, request, plan).map(Question::Counts))
        };
        self.ask(options, costs, device, due).ok()?
    }

    /// What should be asked at once after `probe`, of which the estimates have learned.
    pub(crate) fn follow_up(
        &self,
        probe: &Probe,
        options: &RunOptions,
        costs: &ModelCosts,
        device: &DeviceState,
    ) -> Option<Probe> {
        let settings = self.parts.probes.as_ref()?;
        let due = |request: &PlanRequest<'_>| {
            let plan = self.parts.planner.plan(request).ok()?;
            request.estimates.follow_up(probe, settings, request, &plan)
        };
        self.ask(options, costs, device, due).ok()?
    }

    fn ask<T>(
        &self,
        options: &RunOptions,
        costs: &ModelCosts,
        device: &DeviceState,
        question: impl FnOnce(&PlanRequest<'_>) -> T,
    ) -> Result<T, Error> {
        self.ask_and(options, costs, device, question, |_, _, _| ())
    }

    /// Asks the question, and lets the estimates learn of the answer before anyone else asks.
    fn ask_and<T>(
        &self,
        options: &RunOptions,
        costs: &ModelCosts,
        device: &DeviceState,
        question: impl FnOnce(&PlanRequest<'_>) -> T,
        note: impl FnOnce(&T, &mut Estimates, Duration),
    ) -> Result<T, Error> {
        let endpoints = self.parts.endpoints.chosen(options.endpoint.as_deref())?;
        let views: Vec<EndpointView> = endpoints.into_iter().map(|endpoint| self.view(endpoint)).collect();
        Ok(self.parts.learning.with(|estimates, now| {
            let answer = question(&PlanRequest {
                mode: options.mode,
                sensitivity: options.sensitivity,
                private_tensors: &options.private_tensors,
                objective: options.objective,
                risk: options.risk,
                offline: options.offline,
                remaining: options.timeout,
                endpoints: &views,
                costs,
                estimates,
                device,
                server_load: 1.0,
                now,
            });
            note(&answer, estimates, now);
            answer
        }))
    }

    /// Learns from a run of the whole model on this device that nobody planned.
    fn saw_device(&self, inputs: &NamedTensors, time: Duration) {
        let first = !self.has_run.swap(true, std::sync::atomic::Ordering::Relaxed);
        if self.parts.remote.is_none() {
            // Without an endpoint there is nothing to decide.
            return;
        }
        let (costs, device) = (self.costs(Some(inputs)), self.parts.learning.device());
        let seen = DeviceObservation { costs: &costs, part: Part::Whole, device: &device, time, first };
        self.parts.learning.with(|estimates, now| estimates.observe_device(&seen, now));
    }
}

impl Shared {
    /// Learns from a profile of the whole model on this device, until `token` is cancelled.
    fn saw_profile(
        &self,
        inputs: &NamedTensors,
        device: &DeviceState,
        profile: &Profile,
        token: &CancellationToken,
    ) {
        let first = !self.has_run.swap(true, std::sync::atomic::Ordering::Relaxed);
        if self.parts.remote.is_none() {
            return;
        }
        let costs = &*self.costs(Some(inputs));
        let token = CancellationToken::child_of([token, &self.closing]);
        let heads = self.splits.as_ref().map_or_else(Vec::new, |splits| splits.head_shares(profile, &token));
        let time = profile.total;
        let seen = ProfileObservation { costs, device, time, first, heads: &heads };
        self.parts.learning.with(|estimates, now| estimates.observe_profile(&seen, now));
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
