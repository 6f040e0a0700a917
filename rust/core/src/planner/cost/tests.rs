use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    CutCosts, DeviceObservation, DeviceState, EndpointView, ErrorCode, Estimates, ExchangeFailure, FormCosts,
    InferenceMode, MemoryPressure, ModelCosts, NetworkKind, Objective, OfflineBehavior, Part, Reachability,
    RemoteObservation, RemoteTiming, Risk, Sensitivity,
};

mod explained;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn cut(id: &str, head: f64, bytes_up: u64, inputs: &[&str]) -> CutCosts {
    CutCosts {
        id: id.into(),
        head_fraction: head,
        tail_fraction: 1.0 - head,
        forms: vec![FormCosts { name: "u8".into(), bytes_up }],
        bytes_down: 4_000,
        inputs: Some(inputs.iter().map(|&input| input.to_owned()).collect()),
        endpoints: vec!["a".into(), "b".into()],
    }
}

/// A model of two inputs: the first cut carries what comes from `x`, the second what comes from both.
fn model(device_ms: u64) -> ModelCosts {
    ModelCosts {
        model: "m".into(),
        request_bytes: 600_000,
        reply_bytes: 4_000,
        device_time: Some(ms(device_ms)),
        server_time: Some(ms(20)),
        cuts: vec![cut("early", 0.2, 50_000, &["x"]), cut("late", 0.8, 10_000, &["x", "y"])],
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
            private_inputs: &self.private,
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

fn any_case() -> impl Strategy<Value = Case> {
    let modes = vec![
        InferenceMode::Auto,
        InferenceMode::PreferOnDevice,
        InferenceMode::PreferInCloud,
        InferenceMode::OnlyOnDevice,
        InferenceMode::OnlyInCloud,
    ];
    let labels = vec![Sensitivity::Public, Sensitivity::Internal, Sensitivity::Private];
    let objectives = vec![Objective::Latency, Objective::Energy, Objective::Data, Objective::Balanced];
    let networks = vec![NetworkKind::Unknown, NetworkKind::None, NetworkKind::Wifi, NetworkKind::Cellular4g];
    let private = prop::sample::subsequence(vec!["x".to_owned(), "y".to_owned()], 0..=2);
    let policy = (
        prop::sample::select(modes),
        prop::sample::select(labels),
        private,
        prop::sample::select(objectives),
        any::<bool>(),
    );
    let world = (
        prop::option::of(1_u64..5_000),
        prop::sample::select(networks),
        any::<[bool; 3]>(),
        prop::option::of(1_u64..60_000),
        (0_u64..6, 0_u64..4, 1_u64..20_000),
    );
    (policy, world).prop_map(|(policy, world)| {
        let (mode, sensitivity, private, objective, fail) = policy;
        let (device_ms, network, [a, b, metered], remaining, (exchanges, failures, wait)) = world;
        let mut case = Case::new(device_ms.unwrap_or(1));
        case.costs.device_time = device_ms.map(ms);
        // The second cut is of unknown origin, which denies it to private inputs.
        case.costs.cuts[1].inputs = None;
        case.device = DeviceState { network, metered: Some(metered), ..DeviceState::default() };
        let mut case = Case {
            mode,
            sensitivity,
            private,
            objective,
            offline: if fail { OfflineBehavior::Fail } else { OfflineBehavior::RunLocally },
            remaining: remaining.map(ms),
            endpoints: vec![endpoint("a", a), endpoint("b", b)],
            ..case
        }
        .seen("a", ms(wait), exchanges);
        for _ in 0..failures {
            case.estimates.observe_failure("b", &case.device, ExchangeFailure::Failed, case.now);
        }
        case
    })
}

proptest! {
    #[test]
    fn data_goes_only_where_mode_label_and_private_inputs_let_it(case in any_case()) {
        let Ok(plan) = case.try_plan() else {
            prop_assert!(case.mode == InferenceMode::OnlyInCloud);
            return Ok(());
        };
        for placement in &plan.order {
            prop_assert!(plan.candidate(placement).unwrap().allowed);
            let Some(name) = placement.endpoint() else {
                prop_assert!(case.mode != InferenceMode::OnlyInCloud);
                continue;
            };
            let view = case.endpoints.iter().find(|view| *view.name == *name).unwrap();
            prop_assert!(case.mode != InferenceMode::OnlyOnDevice);
            prop_assert!(case.sensitivity != Sensitivity::Private);
            prop_assert!(case.sensitivity == Sensitivity::Public || view.takes_internal);
            match placement {
                Placement::Split { cut, .. } => {
                    prop_assert!(!case.costs.cut(cut).unwrap().carries(&case.private));
                    prop_assert!(case.mode != InferenceMode::OnlyInCloud);
                }
                _ => prop_assert!(case.private.is_empty()),
            }
        }
    }

    #[test]
    fn the_order_is_never_empty_and_names_each_place_once(case in any_case()) {
        let Ok(plan) = case.try_plan() else { return Ok(()) };
        prop_assert!(!plan.order.is_empty());
        prop_assert_eq!(plan.candidates.len(), 1 + 2 * 3);
        for (index, placement) in plan.order.iter().enumerate() {
            let again = plan.order[..index].iter().any(|other| other.endpoint() == placement.endpoint());
            prop_assert!(!again);
        }
        // The device takes over wherever the mode lets it.
        let local = plan.order.contains(&Placement::OnDevice);
        prop_assert_eq!(local, case.mode != InferenceMode::OnlyInCloud);
    }

    #[test]
    fn the_same_request_gives_the_same_plan_also_from_a_copy_of_the_estimates(case in any_case()) {
        let copy = Case { estimates: case.estimates.clone(), ..case.clone() };
        prop_assert_eq!(case.try_plan().ok(), copy.try_plan().ok());
        // What was written and read may differ in the last digit of a number, and in nothing else.
        let text = serde_json::to_string(&case.estimates).unwrap();
        let read = Case { estimates: serde_json::from_str(&text).unwrap(), ..case.clone() };
        let order = |case: &Case| case.try_plan().map(|plan| plan.order).ok();
        prop_assert_eq!(order(&case), order(&read));
    }

    #[test]
    fn the_chosen_serves_the_objective_best_of_what_nothing_speaks_against(case in any_case()) {
        let Ok(plan) = case.try_plan() else { return Ok(()) };
        let chosen = plan.chosen().unwrap();
        if chosen.reason != Reason::Best {
            return Ok(());
        }
        let time = |latency: &crate::LatencyBand| {
            let middle = latency.p50().as_secs_f64();
            middle + 0.3 * (latency.p90().as_secs_f64() - middle)
        };
        let losses =
            [Reason::Slower, Reason::MoreEnergy, Reason::MoreData, Reason::WorseBalance, Reason::NotFirst];
        let best = chosen.predicted.unwrap();
        for other in plan.candidates.iter().filter(|one| losses.contains(&one.reason)) {
            let Some(other) = other.predicted else { continue };
            match case.objective {
                Objective::Latency => prop_assert!(time(&best.latency) <= time(&other.latency)),
                Objective::Energy => prop_assert!(best.energy_joules <= other.energy_joules),
                Objective::Data => {
                    prop_assert!(best.bytes_up + best.bytes_down <= other.bytes_up + other.bytes_down);
                }
                Objective::Balanced => {}
            }
        }
    }

    #[test]
    fn more_bandwidth_never_makes_a_prediction_slower(bps in 10_000..1_000_000_000_u64, gain in 1..100_u64) {
        let with = |bps: u64| {
            let mut case = Case::new(1_000);
            (case.device.uplink_bps, case.device.downlink_bps) = (Some(bps), Some(bps));
            case.plan()
        };
        let (slow, fast) = (with(bps), with(bps * gain));
        for one in &slow.candidates {
            let better = fast.predicted(&one.placement).unwrap().latency.p50();
            prop_assert!(better <= one.predicted.unwrap().latency.p50() + Duration::from_nanos(2));
        }
    }

    #[test]
    fn age_only_widens(case in any_case(), age in 1_u64..10_000) {
        // Once connections and windows are gone, nothing but certainty goes.
        let early = Case { now: case.now + Duration::from_mins(1), ..case };
        let late = Case { now: early.now + Duration::from_secs(age), ..early.clone() };
        let (Ok(early), Ok(late)) = (early.try_plan(), late.try_plan()) else { return Ok(()) };
        for one in &early.candidates {
            let (Some(before), Some(after)) = (one.predicted, late.predicted(&one.placement)) else { continue };
            prop_assert_eq!(before.latency.p50(), after.latency.p50());
            prop_assert!(after.latency.spread() >= before.latency.spread() - 1e-9);
        }
    }

    #[test]
    fn observations_that_make_no_sense_are_survived(
        times in prop::collection::vec(prop::sample::select(vec![
            Duration::ZERO, Duration::from_nanos(1), ms(50), Duration::from_hours(30_000), Duration::MAX,
        ]), 7),
        bytes in prop::collection::vec(prop::sample::select(vec![0, 1, 600_000, u64::MAX]), 2),
        fraction in prop::sample::select(vec![0.0, 0.5, 1.0, -3.0, 1e300, f64::NAN, f64::INFINITY]),
        turns in 1..20_u64,
    ) {
        let mut case = Case::new(100);
        (case.costs.cuts[0].head_fraction, case.costs.cuts[0].tail_fraction) = (fraction, fraction);
        let timing = RemoteTiming {
            connect: times[0],
            upload: times[1],
            wait: times[2],
            download: times[3],
            server: Some(times[4]),
            queue: Some(times[5]),
            request_bytes: bytes[0],
            answer_bytes: bytes[1],
            ..RemoteTiming::default()
        };
        for turn in 0..turns {
            let now = case.now + Duration::from_secs(turn);
            for part in [Part::Whole, Part::Cut("early"), Part::Cut("no such cut")] {
                let (costs, device) = (&case.costs, &case.device);
                let seen = RemoteObservation { endpoint: "a", costs, part, device, tls: true, timing: &timing };
                case.estimates.observe_remote(&seen, now);
                let seen = DeviceObservation { costs, part, device, time: times[6], first: false };
                case.estimates.observe_device(&seen, now);
            }
            let plan = case.plan();
            case.estimates.observe_outcome(&plan, &plan.order[0], times[6]);
        }
        let plan = case.plan();
        for one in &plan.candidates {
            let predicted = one.predicted.unwrap();
            prop_assert!(predicted.energy_joules.is_finite() && predicted.latency.spread().is_finite());
            prop_assert!(predicted.latency.p05() <= predicted.latency.p50());
            prop_assert!(predicted.latency.p50() <= predicted.latency.p90());
            prop_assert!(predicted.latency.p90() <= predicted.latency.p95());
        }
        // Twenty plain observations later it is as if they had not been.
        case.now += Duration::from_mins(2);
        let mut case = case.seen("a", ms(120), 20);
        case.now += Duration::from_secs(1);
        let plan = case.plan();
        let there = plan.predicted(&cloud("a")).unwrap().latency.p50();
        prop_assert!(there > ms(60) && there < ms(240), "{there:?}");
    }
}

#[test]
fn only_the_cloud_with_a_private_input_is_denied() {
    let private = vec!["x".to_owned()];
    let case = Case { mode: InferenceMode::OnlyInCloud, private, ..Case::new(5) };
    assert_eq!(case.try_plan().unwrap_err().code(), ErrorCode::PolicyDenied);
}
