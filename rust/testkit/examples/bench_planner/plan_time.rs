//! How long a plan takes, and what it allocates.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tandem_core::{
    CostPlanner, CutCosts, DeviceObservation, DeviceState, EndpointView, Estimates, FormCosts, InferenceMode,
    ModelCosts, NetworkKind, Objective, OfflineBehavior, Part, PlanRequest, Planner, Reachability,
    RemoteObservation, RemoteTiming, Risk, Sensitivity,
};

use crate::rows::Rows;

/// Endpoints and cuts: 1 + 4 + 4 · 49 = 201 candidates.
const ENDPOINTS: u64 = 4;
const CUTS: u64 = 49;

struct Setting {
    endpoints: Vec<EndpointView>,
    costs: ModelCosts,
    device: DeviceState,
    estimates: Estimates,
    now: Duration,
}

impl Setting {
    fn new() -> Self {
        let name = |index: u64| format!("endpoint-{index}");
        let endpoint = |index| EndpointView {
            name: name(index),
            takes_internal: true,
            tls: true,
            reachability: Reachability::Reachable,
        };
        let cut = |index: u64| CutCosts {
            id: format!("features/block{index}/add"),
            head_fraction: index as f64 / CUTS as f64,
            tail_fraction: 1.0 - index as f64 / CUTS as f64,
            forms: vec![
                FormCosts { name: "f16".into(), bytes_up: 2 * (200_000 - 3_000 * index) },
                FormCosts { name: "u8".into(), bytes_up: 200_000 - 3_000 * index },
            ],
            bytes_down: 4_000,
            inputs: Some(vec!["image".into()]),
            endpoints: (0..ENDPOINTS).map(name).collect(),
        };
        let costs = ModelCosts {
            model: "0123456789abcdef".into(),
            request_bytes: 150_528,
            reply_bytes: 4_000,
            device_time: Some(Duration::from_millis(120)),
            cuts: (0..CUTS).map(cut).collect(),
            ..ModelCosts::default()
        };
        let network_id = Some("home".into());
        let device = DeviceState { network: NetworkKind::Wifi, network_id, ..DeviceState::default() };
        let mut setting = Self {
            endpoints: (0..ENDPOINTS).map(endpoint).collect(),
            costs,
            device,
            estimates: Estimates::new(),
            now: Duration::ZERO,
        };
        (0..20).for_each(|_| setting.learn());
        setting
    }

    /// A second passes, and every endpoint and the device are heard of.
    fn learn(&mut self) {
        self.now += Duration::from_secs(1);
        let timing = RemoteTiming {
            upload: Duration::from_millis(2),
            wait: Duration::from_millis(90),
            server: Some(Duration::from_millis(20)),
            request_bytes: 150_528,
            answer_bytes: 4_000,
            ..RemoteTiming::default()
        };
        for endpoint in &self.endpoints {
            let (costs, device) = (&self.costs, &self.device);
            let part = Part::Cut("features/block7/add");
            let seen = RemoteObservation {
                endpoint: &endpoint.name,
                costs,
                part,
                device,
                tls: true,
                timing: &timing,
            };
            self.estimates.observe_remote(&seen, self.now);
        }
        let seen = DeviceObservation {
            costs: &self.costs,
            part: Part::Whole,
            device: &self.device,
            time: Duration::from_millis(150),
            first: false,
        };
        self.estimates.observe_device(&seen, self.now);
    }

    fn request(&self) -> PlanRequest<'_> {
        PlanRequest {
            mode: InferenceMode::Auto,
            sensitivity: Sensitivity::Public,
            private_inputs: &[],
            objective: Objective::Balanced,
            risk: Risk::default(),
            offline: OfflineBehavior::RunLocally,
            remaining: Some(Duration::from_millis(400)),
            endpoints: &self.endpoints,
            costs: &self.costs,
            estimates: &self.estimates,
            device: &self.device,
            now: self.now,
        }
    }
}

pub(crate) fn time(rows: &mut Rows, quick: bool) -> Result<(), Box<dyn Error>> {
    let planner = CostPlanner::default();
    let mut setting = Setting::new();
    let candidates = planner.plan(&setting.request())?.candidates.len();
    let case = format!("plan, {candidates} candidates");

    let (rounds, batch) = if quick { (20, 200) } else { (100, 1000) };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        for _ in 0..batch {
            black_box(planner.plan(black_box(&setting.request()))?);
        }
        times.push(begin.elapsed().as_secs_f64() / f64::from(batch));
    }
    times.sort_by(f64::total_cmp);
    rows.push(&case, "planner", "time, median", "µs", times[times.len() / 2] * 1e6);
    rows.push(&case, "planner", "time, 90th percentile", "µs", times[times.len() * 9 / 10] * 1e6);
    Ok(())
}

/// Calls the planner over and over, and learns in between as an app's runs do, for `calls` calls. `before` is called when
/// everything has its size, `after` at the end.
pub(crate) fn repeat(
    quick: bool,
    before: impl FnOnce(),
    after: impl FnOnce(u32),
) -> Result<(), Box<dyn Error>> {
    let planner = CostPlanner::default();
    let mut setting = Setting::new();
    let calls = if quick { 20_000 } else { 1_000_000 };
    let mut work = |calls: u32| -> Result<(), Box<dyn Error>> {
        for call in 0..calls {
            let plan = planner.plan(&setting.request())?;
            if call % 100 == 0 {
                setting.estimates.observe_decision(&setting.costs.model, &setting.device, &plan, setting.now);
                setting.learn();
            }
            black_box(plan);
        }
        Ok(())
    };
    work(1000)?;
    before();
    work(calls)?;
    after(calls);
    Ok(())
}
