//! Who decides: the planner, the oracle, or nobody.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::{
    CostPlanner, DeviceObservation, DeviceState, EndpointView, Error, Estimates, ExchangeFailure,
    InferenceMode, ModelCosts, NetworkKind, Objective, OfflineBehavior, Part, Placement, Plan, PlanRequest,
    Planner, Probe, ProbeObservation, Reachability, RemoteObservation, Risk, Sensitivity,
};

use super::{Measured, World};

/// Who decides where a request runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The planner, with nothing but what it has learned.
    Planner,
    /// One that knows what each placement will take, and takes the quickest.
    Oracle,
    /// Always the whole model on the endpoint.
    CloudOnly,
    /// Always the whole model here.
    DeviceOnly,
    /// Always the cut of that index.
    Cut(usize),
}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// When it began.
    pub at: Duration,
    /// Where it was meant to run.
    pub placement: Placement,
    /// What it took.
    pub measured: Measured,
    /// Joules of a probe beside it.
    pub probe_energy: f64,
    /// How many probes were sent beside it.
    pub probes: u32,
    /// The planner's plan, where it decided.
    pub plan: Option<Plan>,
}

/// A policy in a world of its own.
#[derive(Clone, Debug)]
pub struct Driver {
    policy: Policy,
    world: World,
    costs: ModelCosts,
    planner: CostPlanner,
    estimates: Estimates,
    device: DeviceState,
    objective: Objective,
    mode: InferenceMode,
    endpoints: Vec<EndpointView>,
    /// Every placement that there is.
    placements: Vec<Placement>,
    /// Those that have computed something here: the library tells the planner of a first run as such.
    ran: Vec<Placement>,
    pause: Duration,
}

/// The name of the only endpoint.
const ENDPOINT: &str = "cloud";

impl Driver {
    /// A policy that serves one request after the other, each `pause` after the last has ended.
    pub fn new(policy: Policy, world: World, costs: ModelCosts, kind: NetworkKind, pause: Duration) -> Self {
        let endpoint = EndpointView {
            name: ENDPOINT.into(),
            takes_internal: world.tls(),
            tls: world.tls(),
            reachability: Reachability::Unknown,
        };
        let split = |id: &Arc<str>| Placement::Split { cut: id.clone(), endpoint: ENDPOINT.into() };
        let placements = [Placement::OnDevice, Placement::InCloud { endpoint: ENDPOINT.into() }]
            .into_iter()
            .chain(costs.cuts.iter().map(|cut| split(&cut.id)))
            .collect();
        Self {
            policy,
            world,
            costs,
            planner: CostPlanner::default(),
            estimates: Estimates::new(),
            device: DeviceState { network: kind, ..DeviceState::default() },
            objective: Objective::Latency,
            mode: InferenceMode::Auto,
            endpoints: vec![endpoint],
            placements,
            ran: Vec::new(),
            pause,
        }
    }

    /// The same with another planner.
    pub fn with_planner(self, planner: CostPlanner) -> Self {
        Self { planner, ..self }
    }

    /// The same for another objective.
    pub fn with_objective(self, objective: Objective) -> Self {
        Self { objective, ..self }
    }

    /// The same in another mode.
    pub fn with_mode(self, mode: InferenceMode) -> Self {
        Self { mode, ..self }
    }

    /// The world.
    pub fn world(&mut self) -> &mut World {
        &mut self.world
    }

    /// What the host tells of the device.
    pub fn device(&mut self) -> &mut DeviceState {
        &mut self.device
    }

    /// What the planner has learned.
    pub fn estimates(&self) -> &Estimates {
        &self.estimates
    }

    /// The quickest placement for the next request, and what it would take.
    pub fn best(&self) -> Option<(Placement, Measured)> {
        let tried = self.placements.iter().map(|placement| {
            let measured = self.world.clone().run(&self.costs, placement);
            (placement.clone(), measured)
        });
        tried.min_by_key(|(_, measured)| measured.total)
    }

    /// Serves one request.
    pub fn serve(&mut self) -> Result<Turn, Error> {
        let at = self.world.now();
        let turn = match self.policy {
            Policy::Planner => self.plan_and_run(at)?,
            Policy::Oracle => {
                let best = self.best().map(|(placement, _)| placement);
                self.plain(at, best.unwrap_or(Placement::OnDevice))
            }
            Policy::CloudOnly => self.plain(at, Placement::InCloud { endpoint: ENDPOINT.into() }),
            Policy::DeviceOnly => self.plain(at, Placement::OnDevice),
            Policy::Cut(index) => {
                let placement = self.placements.get(index.saturating_add(2)).cloned();
                self.plain(at, placement.unwrap_or(Placement::OnDevice))
            }
        };
        self.world.wait(self.pause);
        Ok(turn)
    }

    fn plain(&mut self, at: Duration, placement: Placement) -> Turn {
        let measured = self.world.run(&self.costs, &placement);
        Turn { at, placement, measured, probe_energy: 0.0, probes: 0, plan: None }
    }

    /// The next request, as the planner is asked about it.
    fn request(&self, at: Duration) -> PlanRequest<'_> {
        PlanRequest {
            mode: self.mode,
            sensitivity: Sensitivity::Public,
            private_tensors: &[],
            objective: self.objective,
            risk: Risk::default(),
            offline: OfflineBehavior::RunLocally,
            remaining: None,
            endpoints: &self.endpoints,
            costs: &self.costs,
            estimates: &self.estimates,
            device: &self.device,
            server_load: 1.0,
            now: at,
        }
    }

    fn plan_and_run(&mut self, at: Duration) -> Result<Turn, Error> {
        let settings = self.planner.settings;
        let request = self.request(at);
        let plan = self.planner.plan(&request)?;
        self.estimates.observe_decision(&self.costs.model, &self.device, &plan, at);
        let placement = plan.order.first().cloned().unwrap_or(Placement::OnDevice);
        let (mut probes, mut probe_energy) = (0, 0.0);
        let mut next = self.estimates.probe_due(&settings, &self.request(at), &plan);
        while let Some(probe) = next {
            probes += 1;
            probe_energy += self.probe(&probe, at);
            let request = self.request(at);
            let plan = self.planner.plan(&request)?;
            next = self.estimates.follow_up(&probe, &settings, &request, &plan);
        }
        let measured = self.world.run(&self.costs, &placement);
        self.learn(&plan, &placement, &measured);
        Ok(Turn { at, placement, measured, probe_energy, probes, plan: Some(plan) })
    }

    fn probe(&mut self, probe: &Probe, at: Duration) -> f64 {
        let (timing, joules) = self.world.probe(&self.costs, &probe.work);
        let (costs, device, tls) = (&self.costs, &self.device, self.world.tls());
        let seen = ProbeObservation { probe, costs, device, tls, timing: timing.as_ref() };
        self.estimates.observe_probe(&seen, at);
        joules
    }

    fn learn(&mut self, plan: &Plan, placement: &Placement, measured: &Measured) {
        let now = self.world.now();
        let (costs, device, tls) = (&self.costs, &self.device, self.world.tls());
        let part = match placement {
            Placement::Split { cut, .. } => Part::Cut(cut),
            _ => Part::Whole,
        };
        if measured.failed {
            let after = measured.total.saturating_sub(measured.device);
            self.estimates.observe_failure(ENDPOINT, device, ExchangeFailure::TimedOut { after }, now);
            self.estimates.observe_outcome(plan, &Placement::OnDevice, measured.total);
            return;
        }
        if !measured.device.is_zero() {
            let first = !self.ran.contains(placement);
            if first {
                self.ran.push(placement.clone());
            }
            let seen = DeviceObservation { costs, part, device, time: measured.device, first };
            self.estimates.observe_device(&seen, now);
        }
        if let Some(timing) = &measured.remote {
            let seen = RemoteObservation { endpoint: ENDPOINT, costs, part, device, tls, timing };
            self.estimates.observe_remote(&seen, now);
        }
        self.estimates.observe_outcome(plan, placement, measured.total);
    }
}
