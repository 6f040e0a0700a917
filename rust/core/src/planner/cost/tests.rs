use std::time::Duration;

use super::*;
use crate::{
    CutCosts, DeviceObservation, DeviceState, EndpointView, ErrorCode, Estimates, ExchangeFailure, FormCosts,
    InferenceMode, MemoryPressure, ModelCosts, NetworkKind, Objective, OfflineBehavior, Part, Reachability,
    RemoteObservation, RemoteTiming, Risk, Sensitivity,
};

mod explained;
mod properties;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn cut(id: &str, head: f64, bytes_up: u64, keeps: &[&str]) -> CutCosts {
    CutCosts {
        id: id.into(),
        head_fraction: head,
        tail_fraction: 1.0 - head,
        forms: vec![FormCosts { name: "u8".into(), bytes_up }],
        bytes_down: 4_000,
        keeps: keeps.iter().map(|&name| name.to_owned()).collect(),
        endpoints: vec!["a".into(), "b".into()],
    }
}

/// A model of two inputs: the first cut carries what comes from `x` and keeps what is computed from `y` alone, the second
/// carries what comes from both.
fn model(device_ms: u64) -> ModelCosts {
    ModelCosts {
        model: "m".into(),
        request_bytes: 600_000,
        reply_bytes: 4_000,
        device_time: Some(ms(device_ms)),
        server_time: Some(ms(20)),
        cuts: vec![cut("early", 0.2, 50_000, &["y", "own"]), cut("late", 0.8, 10_000, &[])],
        ..ModelCosts::default()
    }
}

fn endpoint(name: &str, takes_internal: bool) -> EndpointView {
    EndpointView { name: name.into(), takes_internal, tls: true, reachability: Reachability::Unknown }
}

fn wifi() -> DeviceState {
    DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() }
}

/// All that a request is made of, owned.
#[derive(Clone, Debug)]
struct Case {
    mode: InferenceMode,
    sensitivity: Sensitivity,
    private: Vec<String>,
    objective: Objective,
    offline: OfflineBehavior,
    remaining: Option<Duration>,
    endpoints: Vec<EndpointView>,
    costs: ModelCosts,
    estimates: Estimates,
    device: DeviceState,
    now: Duration,
}

impl Case {
    fn new(device_ms: u64) -> Self {
        Self {
            mode: InferenceMode::Auto,
            sensitivity: Sensitivity::Public,
            private: Vec::new(),
            objective: Objective::Latency,
            offline: OfflineBehavior::RunLocally,
            remaining: None,
            endpoints: vec![endpoint("a", true)],
            costs: model(device_ms),
            estimates: Estimates::new(),
            device: wifi(),
            now: Duration::from_secs(100),
        }
    }

    fn request(&self) -> PlanRequest<'_> {
        PlanRequest {
            mode: self.mode,
            sensitivity: self.sensitivity,
            private_tensors: &self.private,
            objective: self.objective,
            risk: Risk::default(),
            offline: self.offline,
            remaining: self.remaining,
            endpoints: &self.endpoints,
            costs: &self.costs,
            estimates: &self.estimates,
            device: &self.device,
            server_load: 1.0,
            now: self.now,
        }
    }

    fn try_plan(&self) -> Result<Plan, Error> {
        CostPlanner::default().plan(&self.request())
    }

    fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// Exchanges of the whole model with `endpoint` that took `wait`, the last one now.
    fn seen(mut self, endpoint: &str, wait: Duration, count: u64) -> Self {
        for turn in 0..count {
            let timing = RemoteTiming {
                wait,
                server: Some(ms(20)),
                request_bytes: 600_000,
                answer_bytes: 4_000,
                ..RemoteTiming::default()
            };
            let now = self.now.saturating_sub(Duration::from_secs(count - 1 - turn));
            let (costs, device) = (&self.costs, &self.device);
            let seen =
                RemoteObservation { endpoint, costs, part: Part::Whole, device, tls: true, timing: &timing };
            self.estimates.observe_remote(&seen, now);
        }
        self
    }
}

fn cloud(endpoint: &str) -> Placement {
    Placement::InCloud { endpoint: endpoint.into() }
}

fn split(cut: &str) -> Placement {
    Placement::Split { cut: cut.into(), endpoint: "a".into() }
}

#[test]
fn a_quick_model_runs_here_and_a_slow_one_there() {
    assert_eq!(Case::new(5).plan().order[0], Placement::OnDevice);
    let plan = Case::new(20_000).plan();
    assert_eq!(plan.order, [cloud("a"), Placement::OnDevice]);
    assert_eq!(plan.chosen().unwrap().reason, Reason::Best);
    assert_eq!(plan.reason(&split("late")), Some(Reason::Slower));
}

#[test]
fn nothing_known_is_decided_by_rule_and_cuts_are_listed() {
    let case = Case { device: DeviceState::default(), ..Case::new(5) };
    let costs = ModelCosts { device_time: None, ..case.costs.clone() };
    let plan = Case { costs, ..case }.plan();
    assert_eq!(plan.order, [Placement::OnDevice, cloud("a")]);
    assert_eq!(plan.chosen().unwrap().reason, Reason::Default);
    assert_eq!(plan.candidates.len(), 4);
    assert_eq!(plan.reason(&split("early")), Some(Reason::Unpredicted));
}

#[test]
fn an_endpoint_that_failed_is_left_alone_also_where_nothing_is_known() {
    let mut case =
        Case { device: DeviceState::default(), mode: InferenceMode::PreferInCloud, ..Case::new(5) };
    case.costs = ModelCosts { device_time: None, ..case.costs };
    assert_eq!(case.plan().order[0], cloud("a"));
    for _ in 0..3 {
        case.estimates.observe_failure("a", &case.device, ExchangeFailure::Failed, case.now);
    }
    let plan = case.plan();
    assert_eq!(plan.order[0], Placement::OnDevice, "{}", plan.explain());
    assert_eq!(plan.reason(&cloud("a")), Some(Reason::CircuitOpen));
    // A request may try once no probe has come for a while.
    assert_eq!(Case { now: case.now + ms(20_000), ..case }.plan().order[0], cloud("a"));
}

#[test]
fn a_slow_link_with_a_small_middle_is_split() {
    // 600 kB in 5 s: a megabit a second.
    let plan = Case::new(2_000).seen("a", ms(5_000), 8).plan();
    assert_eq!(plan.order[0], split("early"), "{}", plan.explain());
    assert!(plan.explain().contains("split at early (a)"));
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read.order, plan.order);
}

#[test]
fn each_objective_takes_the_placement_that_is_best_at_it() {
    let case = Case::new(300).seen("a", ms(100), 8);
    for objective in [Objective::Latency, Objective::Energy, Objective::Data, Objective::Balanced] {
        let plan = Case { objective, ..case.clone() }.plan();
        let of = |placement: &Placement| {
            let predicted = plan.predicted(placement).unwrap();
            match objective {
                Objective::Energy => predicted.energy_joules,
                Objective::Data => crate::number::float(predicted.bytes_up + predicted.bytes_down),
                _ => predicted.latency.p50().as_secs_f64(),
            }
        };
        let best = plan.candidates.iter().map(|one| of(&one.placement)).fold(f64::INFINITY, f64::min);
        // The balance may give up a little time for energy.
        let slack = if objective == Objective::Balanced { 1.5 } else { 1.05 };
        assert!(of(&plan.order[0]) <= best * slack + 1e-12, "{objective:?}\n{}", plan.explain());
    }
}

#[test]
fn what_a_constraint_speaks_against_comes_last_and_says_why() {
    let slow = Case::new(20_000);
    let metered = Case {
        device: DeviceState { metered: Some(true), ..wifi() },
        objective: Objective::Balanced,
        costs: ModelCosts { request_bytes: 5_000_000, ..slow.costs.clone() },
        ..slow.clone()
    };
    assert_eq!(metered.plan().reason(&cloud("a")), Some(Reason::Metered));
    let offline = DeviceState { network: NetworkKind::None, ..DeviceState::default() };
    let offline = Case { device: offline, ..slow.clone() }.plan();
    assert_eq!(offline.order[0], Placement::OnDevice);
    assert_eq!(offline.reason(&cloud("a")), Some(Reason::Offline));
    let memory = DeviceState { memory: MemoryPressure::Critical, ..wifi() };
    let memory = Case { device: memory, ..Case::new(5) }.plan();
    assert_eq!(memory.order[0].endpoint(), Some("a"));
    assert_eq!(memory.reason(&Placement::OnDevice), Some(Reason::LowMemory));
    let mut down = slow.clone();
    for _ in 0..3 {
        down.estimates.observe_failure("a", &down.device, ExchangeFailure::Lost, down.now);
    }
    assert_eq!(down.plan().order[0], Placement::OnDevice);
    assert_eq!(down.plan().reason(&cloud("a")), Some(Reason::CircuitOpen));
}

#[test]
fn a_deadline_rules_out_what_would_probably_miss_it() {
    let case = Case::new(250).seen("a", ms(200), 8);
    assert_eq!(case.plan().order[0].endpoint(), Some("a"));
    let plan = case.plan();
    let quickest = plan.chosen().unwrap().predicted.unwrap().latency;
    let tight = Case { remaining: Some(quickest.p90() / 2), ..case.clone() }.plan();
    // Nothing meets it: what comes closest is tried, and says so.
    assert_eq!(tight.chosen().unwrap().reason, Reason::Deadline);
    let loose = Case { remaining: Some(Duration::from_mins(1)), ..case }.plan();
    assert_eq!(loose.order, plan.order);
}

#[test]
fn of_several_endpoints_the_quicker_wins_and_the_other_takes_over() {
    let endpoints = vec![endpoint("a", true), endpoint("b", true)];
    let case = Case { endpoints, costs: ModelCosts { cuts: vec![], ..model(5_000) }, ..Case::new(0) };
    let plan = case.seen("a", ms(900), 6).seen("b", ms(100), 6).plan();
    assert_eq!(plan.order, [cloud("b"), cloud("a"), Placement::OnDevice], "{}", plan.explain());
}

#[test]
fn a_placement_that_is_hardly_better_has_to_be_so_twice() {
    let mut case = Case { costs: ModelCosts { cuts: vec![], ..model(150) }, ..Case::new(0) };
    case = case.seen("a", ms(120), 10);
    let first = case.plan();
    assert_eq!(first.order[0], cloud("a"));
    case.estimates.observe_decision("m", &case.device, &first, case.now);
    // The device becomes some percent better than the cloud, by time and risk.
    let there = first.predicted(&cloud("a")).unwrap().latency;
    let there = there.p50() + there.p90().saturating_sub(there.p50()).mul_f64(0.3);
    for turn in 1..=20 {
        let time = there.mul_f64(0.92);
        let seen = DeviceObservation {
            costs: &case.costs,
            part: Part::Whole,
            device: &case.device,
            time,
            first: false,
        };
        case.estimates.observe_device(&seen, case.now + ms(turn));
    }
    let second = case.plan();
    assert_eq!(second.chosen().unwrap().reason, Reason::Hysteresis, "{}", second.explain());
    assert_eq!(second.order[0], cloud("a"));
    case.estimates.observe_decision("m", &case.device, &second, case.now);
    assert_eq!(case.plan().order[0], Placement::OnDevice);
}

#[test]
fn a_hedge_begins_late_and_early_enough() {
    let case = Case::new(250).seen("a", ms(100), 8);
    let plan = case.plan();
    let there = plan.chosen().unwrap().predicted.unwrap().latency;
    assert_eq!(plan.hedge_after, Some(there.p95()));
    let remaining = Some(ms(420));
    let hurried = Case { remaining, ..case }.plan();
    assert!(hurried.hedge_after.unwrap() <= ms(420));
    assert_eq!(Case::new(5).plan().hedge_after, None);
}

#[test]
fn only_the_cloud_with_a_private_tensor_is_denied() {
    let private = vec!["x".to_owned()];
    let case = Case { mode: InferenceMode::OnlyInCloud, private, ..Case::new(5) };
    assert_eq!(case.try_plan().unwrap_err().code(), ErrorCode::PolicyDenied);
}

#[test]
fn a_cut_is_allowed_where_it_keeps_every_private_tensor() {
    let allowed = |names: &[&str]| {
        let private = names.iter().map(|&name| name.to_owned()).collect();
        let plan = Case { private, ..Case::new(5) }.plan();
        ["early", "late"].map(|cut| plan.candidate(&split(cut)).unwrap().allowed)
    };
    assert_eq!(allowed(&[]), [true, true]);
    assert_eq!(allowed(&["y"]), [true, false]);
    assert_eq!(allowed(&["own", "y"]), [true, false]);
    // Of a tensor that nobody knows it is not known that it stays.
    assert_eq!(allowed(&["own", "inner"]), [false, false]);
    assert_eq!(allowed(&["x"]), [false, false]);
}
