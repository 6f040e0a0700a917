//! What a host gives where it wants nothing special.

#![allow(unreachable_pub, dead_code, reason = "a module of tests, each of which uses a part")]

use tandem::{InferenceMode, Objective, OfflineBehavior, Risk, Sensitivity};
use tandem_ffi::{EndpointConfig, Limits, LoadOptions, PlannerSettings, RunOptions, Runtime, RuntimeConfig};

pub fn config(endpoints: Vec<EndpointConfig>) -> RuntimeConfig {
    let planner = PlannerSettings { probes: false, overrides: None };
    RuntimeConfig { endpoints, device_state: None, planner, estimates: None, threads: 1, cache: None }
}

pub fn runtime() -> Runtime {
    Runtime::new(config(Vec::new())).unwrap()
}

pub fn load_options() -> LoadOptions {
    let limits = Limits { model_bytes: None, nodes: None, tensor_bytes: None, inputs: None };
    LoadOptions { limits, name: None, sha256: None, plans: None, manifest: None, timeout_ns: None }
}

pub fn options() -> RunOptions {
    RunOptions {
        mode: InferenceMode::Auto,
        sensitivity: Sensitivity::Public,
        private_tensors: Vec::new(),
        objective: Objective::Balanced,
        risk: Risk::Moderate,
        hedge: false,
        timeout_ns: None,
        outputs: Vec::new(),
        offline: OfflineBehavior::RunLocally,
        endpoint: None,
        tag: None,
    }
}
