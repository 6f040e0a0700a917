use super::*;
use crate::planner::{PlannerSettings, ProbeSettings};
use crate::{
    CostPlanner, EndpointView, InferenceMode, NetworkKind, Objective, OfflineBehavior, PlanRequest, Planner,
    Reachability, Risk, Sensitivity,
};

mod half_open;
mod looks;

pub(super) fn wifi(id: &str) -> DeviceState {
    DeviceState { network: NetworkKind::Wifi, network_id: Some(id.into()), ..DeviceState::default() }
}

pub(super) fn costs() -> ModelCosts {
    ModelCosts {
        model: "m".into(),
        request_bytes: 150_000,
        reply_bytes: 4_000,
        device_time: Some(Duration::from_millis(200)),
        ..ModelCosts::default()
    }
}

pub(super) fn request<'a>(
    estimates: &'a Estimates,
    costs: &'a ModelCosts,
    device: &'a DeviceState,
    endpoints: &'a [EndpointView],
    now: u64,
) -> PlanRequest<'a> {
    PlanRequest {
        mode: InferenceMode::Auto,
        sensitivity: Sensitivity::Public,
        private_tensors: &[],
        objective: Objective::Latency,
        risk: Risk::default(),
        offline: OfflineBehavior::RunLocally,
        remaining: None,
        endpoints,
        costs,
        estimates,
        device,
        server_load: 1.0,
        now: Duration::from_secs(now),
    }
}

pub(super) fn endpoint() -> EndpointView {
    EndpointView { name: "a".into(), takes_internal: true, tls: true, reachability: Reachability::Unknown }
}

fn is_bare(work: &ProbeWork) -> bool {
    matches!(work, ProbeWork::Ready | ProbeWork::Look { .. })
}

fn timing(wait_ms: u64, bytes: u64) -> RemoteTiming {
    RemoteTiming {
        wait: Duration::from_millis(wait_ms),
        server: Some(Duration::from_millis(1)),
        request_bytes: bytes,
        ..RemoteTiming::default()
    }
}

/// An hour of requests, each `pause` seconds after the last, of which all run here because the link takes `wait_ms` for
/// anything: when probes were sent.
fn probed(mut estimates: Estimates, pause: u64, wait_ms: u64, settings: &PlannerSettings) -> Vec<u64> {
    let (costs, device, endpoints) = (costs(), wifi("home"), [endpoint()]);
    let mut sent = Vec::new();
    for now in (0..3600).step_by(usize::try_from(pause).unwrap()) {
        let request = request(&estimates, &costs, &device, &endpoints, now);
        let plan = CostPlanner::default().plan(&request).unwrap();
        let probe = estimates.probe_due(settings, &request, &plan);
        let at = Duration::from_secs(now);
        estimates.observe_decision("m", &device, &plan, at);
        if let Some(probe) = probe {
            sent.push(now);
            let timing = timing(wait_ms, if is_bare(&probe.work) { 0 } else { 150_000 });
            let (probe, timing) = (&probe, Some(&timing));
            let seen = ProbeObservation { probe, costs: &costs, device: &device, tls: true, timing };
            estimates.observe_probe(&seen, at);
        }
    }
    assert_eq!(estimates.statistics().probes, sent.len() as u64);
    sent
}

fn without_looks() -> PlannerSettings {
    let probes = ProbeSettings { energy_share: 0.0, ..ProbeSettings::default() };
    PlannerSettings { probes, ..PlannerSettings::default() }
}

#[test]
fn probes_are_sent_first_and_then_less_and_less_within_their_budget() {
    let settings = without_looks();
    let sent = probed(Estimates::new(), 1, 1_000, &settings);
    assert!(!sent.is_empty() && sent[0] == 0, "{sent:?}");
    assert!(sent.len() <= 5 + 36, "{sent:?}");
    // Each wait is longer than the one before, as nothing comes of them.
    let waits: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).filter(|&wait| wait > 5).collect();
    assert!(waits.is_sorted(), "{waits:?}");
    let off = PlannerSettings { probes: ProbeSettings { enabled: false, ..settings.probes }, ..settings };
    assert_eq!(probed(Estimates::new(), 1, 1_000, &off), [0_u64; 0]);
}

#[test]
fn a_link_that_is_quick_is_found_by_its_probes() {
    let (costs, device, endpoints) = (costs(), wifi("home"), [endpoint()]);
    let mut estimates = Estimates::new();
    for now in 0..10 {
        let request = request(&estimates, &costs, &device, &endpoints, now);
        let plan = CostPlanner::default().plan(&request).unwrap();
        if plan.order[0] != Placement::OnDevice {
            assert!(now > 0);
            return;
        }
        if let Some(probe) = &estimates.probe_due(&PlannerSettings::default(), &request, &plan) {
            let timing = timing(12, if is_bare(&probe.work) { 0 } else { 150_000 });
            let timing = Some(&timing);
            let seen = ProbeObservation { probe, costs: &costs, device: &device, tls: true, timing };
            estimates.observe_probe(&seen, Duration::from_secs(now));
        }
    }
    panic!("it stays on the device");
}

#[test]
fn what_is_learned_of_one_network_says_nothing_of_the_next_and_is_kept_for_the_return() {
    let mut estimates = Estimates::new();
    let costs = costs();
    let (home, away) = (wifi("home"), wifi("away"));
    for second in 1..10 {
        let timing = timing(9, 500);
        let (endpoint, part) = ("a", Part::Whole);
        let seen =
            RemoteObservation { endpoint, costs: &costs, part, device: &home, tls: true, timing: &timing };
        estimates.observe_remote(&seen, Duration::from_secs(second));
    }
    for _ in 0..3 {
        estimates.observe_failure("a", &home, ExchangeFailure::Unreachable, Duration::from_secs(11));
    }
    assert_eq!(estimates.circuit("a", &home, 11.0), Circuit::Open);
    assert_eq!(estimates.circuit("a", &away, 11.0), Circuit::Closed);
    assert!(estimates.link("a", &away, 11.0).unwrap().rtt > 0.05);
    assert!(estimates.link("a", &home, 11.0).unwrap().rtt < 0.012);
}

#[test]
fn memory_stays_bounded_however_many_networks_models_and_endpoints_there_are() {
    let mut estimates = Estimates::new();
    for index in 0..1000_u64 {
        let (device, endpoint) = (wifi(&index.to_string()), index.to_string());
        let costs = ModelCosts { model: index.to_string(), ..costs() };
        let timing = timing(50, 1000);
        let (part, now) = (Part::Whole, Duration::from_secs(index));
        let seen = RemoteObservation {
            endpoint: &endpoint,
            costs: &costs,
            part,
            device: &device,
            tls: true,
            timing: &timing,
        };
        estimates.observe_remote(&seen, now);
        let time = Duration::from_millis(20);
        let seen = DeviceObservation { costs: &costs, part, device: &device, time, first: false };
        estimates.observe_device(&seen, now);
    }
    let text = serde_json::to_string(&estimates).unwrap();
    assert!(text.len() < 150_000, "{}", text.len());
}

#[test]
fn statistics_count_placements_and_the_band() {
    let (costs, device, endpoints) = (costs(), wifi("home"), [endpoint()]);
    let mut estimates = Estimates::new();
    let plan = CostPlanner::default().plan(&request(&estimates, &costs, &device, &endpoints, 0)).unwrap();
    let (here, there) = (plan.order[0].clone(), plan.order[1].clone());
    let band = plan.predicted(&here).unwrap().latency;
    for total in [band.p05() / 2, band.p50(), band.p95() * 2] {
        estimates.observe_outcome(&plan, &here, total);
    }
    estimates.observe_outcome(&plan, &there, band.p50());
    let statistics = estimates.statistics();
    assert_eq!((statistics.on_device, statistics.fallbacks, statistics.predicted), (3, 1, 3));
    assert_eq!((statistics.below_band, statistics.within_band, statistics.above_band), (1, 1, 1));
    assert!((statistics.coverage().unwrap() - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn a_load_makes_servers_slower_and_nothing_else() {
    let (costs, device, endpoints) = (costs(), wifi("home"), [endpoint()]);
    let estimates = Estimates::new();
    let cost = |server_load: f64| {
        let request = PlanRequest { server_load, ..request(&estimates, &costs, &device, &endpoints, 1) };
        let plan = CostPlanner::default().plan(&request).unwrap();
        plan.candidates.into_iter().map(|candidate| candidate.predicted.unwrap().parts).collect::<Vec<_>>()
    };
    let (idle, busy) = (cost(1.0), cost(10.0));
    assert_eq!(idle[0], busy[0]);
    let ratio = busy[1].server / idle[1].server;
    assert!((ratio - 10.0).abs() < 1e-3, "{ratio}");
    assert_eq!(idle[1].upload.to_bits(), busy[1].upload.to_bits());
    assert_eq!(cost(f64::NAN), idle);
    assert_eq!(cost(f64::INFINITY), cost(1e3));
}
