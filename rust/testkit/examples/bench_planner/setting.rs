//! A request with two hundred candidates, for what a plan takes.

use std::time::Duration;

use tandem_core::{
    CutCosts, DeviceObservation, DeviceState, EndpointView, Estimates, FormCosts, InferenceMode, ModelCosts,
    NetworkKind, Objective, OfflineBehavior, Part, PlanRequest, Reachability, RemoteObservation,
    RemoteTiming, Risk, Sensitivity,
};

/// Endpoints and cuts: 1 + 4 + 4 · 49 = 201 candidates.
const ENDPOINTS: u64 = 4;
const CUTS: u64 = 49;

/// Four endpoints with 49 cuts each, and something learned of all.
pub(crate) struct Setting {
    pub(crate) endpoints: Vec<EndpointView>,
    pub(crate) costs: ModelCosts,
    pub(crate) device: DeviceState,
    pub(crate) estimates: Estimates,
    pub(crate) now: Duration,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let name = |index: u64| format!("endpoint-{index}");
        let endpoint = |index| EndpointView {
            name: name(index).into(),
            takes_internal: true,
            tls: true,
            reachability: Reachability::Reachable,
        };
        let cut = |index: u64| CutCosts {
            id: format!("features/block{index}/add").into(),
            head_fraction: index as f64 / CUTS as f64,
            tail_fraction: 1.0 - index as f64 / CUTS as f64,
            forms: vec![
                FormCosts { name: "f16".into(), bytes_up: 2 * (200_000 - 3_000 * index) },
                FormCosts { name: "u8".into(), bytes_up: 200_000 - 3_000 * index },
            ],
            bytes_down: 4_000,
            keeps: Vec::new(),
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
    pub(crate) fn learn(&mut self) {
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

    pub(crate) fn request(&self) -> PlanRequest<'_> {
        PlanRequest {
            mode: InferenceMode::Auto,
            sensitivity: Sensitivity::Public,
            private_tensors: &[],
            objective: Objective::Balanced,
            risk: Risk::default(),
            offline: OfflineBehavior::RunLocally,
            remaining: Some(Duration::from_millis(400)),
            endpoints: &self.endpoints,
            costs: &self.costs,
            estimates: &self.estimates,
            device: &self.device,
            server_load: 1.0,
            now: self.now,
        }
    }
}
