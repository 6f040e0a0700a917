//! What a host gives where it wants nothing special.

#![allow(unreachable_pub, reason = "a module of tests")]

use tandem::{InferenceMode, Objective, OfflineBehavior, Risk, Sensitivity};
use tandem_ffi::{Limits, LoadOptions, RunOptions, Runtime, RuntimeConfig};

pub fn runtime() -> Runtime {
    Runtime::new(RuntimeConfig { endpoints: Vec::new(), device_state: None }).unwrap()
}

pub fn load_options() -> LoadOptions {
    let limits = Limits { model_bytes: None, nodes: None, tensor_bytes: None, inputs: None };
    LoadOptions { limits, name: None, sha256: None, plans: None, manifest: None }
}

pub fn options() -> RunOptions {
    RunOptions {
        mode: InferenceMode::Auto,
        sensitivity: Sensitivity::Public,
        private_inputs: Vec::new(),
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
