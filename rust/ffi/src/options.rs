//! Options of loading and of running.

use std::time::Duration;

use tandem::{InferenceMode, Objective, OfflineBehavior, Sensitivity};

use crate::CancelToken;

/// Where a run may happen.
#[uniffi::remote(Enum)]
pub enum InferenceMode {
    /// The planner decides.
    Auto,
    /// On this device; in the cloud where the device cannot.
    PreferOnDevice,
    /// In the cloud; on this device where the cloud cannot.
    PreferInCloud,
    /// On this device or not at all.
    OnlyOnDevice,
    /// In the cloud or not at all.
    OnlyInCloud,
}

/// How far the data of a run may travel.
#[uniffi::remote(Enum)]
pub enum Sensitivity {
    /// To any endpoint.
    Public,
    /// To endpoints marked trusted, over TLS, only.
    Internal,
    /// Nowhere: it never leaves the device.
    Private,
}

/// What a run in automatic mode should be best at.
#[uniffi::remote(Enum)]
pub enum Objective {
    /// The earliest answer.
    Latency,
    /// The least energy taken from the battery.
    Energy,
    /// The fewest bytes sent.
    Data,
    /// A weighing of all three.
    Balanced,
}

/// What a run does when the cloud was chosen and cannot be reached.
#[uniffi::remote(Enum)]
pub enum OfflineBehavior {
    /// Fails with `Offline`.
    Fail,
    /// Runs on this device, where the mode allows it.
    RunLocally,
}

/// Options of one run.
#[derive(Clone, Debug, uniffi::Record)]
pub struct RunOptions {
    /// Where the run may happen.
    pub mode: InferenceMode,
    /// How far its data may travel.
    pub sensitivity: Sensitivity,
    /// What it should be best at.
    pub objective: Objective,
    /// How long it may take in all, from the call on; `None` is as long as it takes.
    pub timeout_ns: Option<u64>,
    /// The outputs wanted, in this order; empty is all.
    pub outputs: Vec<String>,
    /// What happens when the cloud was chosen and cannot be reached.
    pub offline: OfflineBehavior,
    /// The endpoint to use, by name; `None` is the first that may be used.
    pub endpoint: Option<String>,
    /// A word of the caller's own for logs and statistics.
    pub tag: Option<String>,
}

impl RunOptions {
    pub(crate) fn into_core(self, cancel: Option<&CancelToken>) -> tandem::RunOptions {
        tandem::RunOptions {
            mode: self.mode,
            sensitivity: self.sensitivity,
            objective: self.objective,
            timeout: self.timeout_ns.map(Duration::from_nanos),
            token: cancel.map(|cancel| cancel.inner.clone()).unwrap_or_default(),
            outputs: self.outputs,
            offline: self.offline,
            endpoint: self.endpoint,
            tag: self.tag,
            ..tandem::RunOptions::default()
        }
    }
}

/// How much a model and its runs may take. What is `None` is the core's default.
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct Limits {
    /// Bytes of the model file and of its external data together.
    pub model_bytes: Option<u64>,
    /// Nodes of the graph, sub-graphs and functions included.
    pub nodes: Option<u64>,
    /// Bytes of any one tensor, inside the model or during a run.
    pub tensor_bytes: Option<u64>,
    /// Inputs of the graph.
    pub inputs: Option<u64>,
}

impl From<Limits> for tandem::Limits {
    fn from(limits: Limits) -> Self {
        let defaults = Self::default();
        Self {
            model_bytes: limits.model_bytes.unwrap_or(defaults.model_bytes),
            nodes: limits.nodes.unwrap_or(defaults.nodes),
            tensor_bytes: limits.tensor_bytes.unwrap_or(defaults.tensor_bytes),
            inputs: limits.inputs.unwrap_or(defaults.inputs),
        }
    }
}

/// Options of loading a model. What is `None` is the core's default.
#[derive(Clone, Debug, uniffi::Record)]
pub struct LoadOptions {
    /// How much the model may take.
    pub limits: Limits,
    /// The name under which endpoints serve the model; `None` is the model's own.
    pub name: Option<String>,
    /// The SHA-256 that the file must have, in hexadecimal.
    pub sha256: Option<String>,
    /// How many plans, one for each set of input shapes, are kept.
    pub plans: Option<u32>,
}

impl From<LoadOptions> for tandem::LoadOptions {
    fn from(options: LoadOptions) -> Self {
        let plans = options.plans.map(|plans| usize::try_from(plans).unwrap_or(usize::MAX));
        Self {
            limits: options.limits.into(),
            name: options.name,
            sha256: options.sha256,
            plans: plans.unwrap_or(Self::default().plans),
            manifest: None,
        }
    }
}
