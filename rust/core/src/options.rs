//! What a caller may ask for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{CancellationToken, ModelSource};

/// Where a run may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InferenceMode {
    /// The planner decides.
    #[default]
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

impl InferenceMode {
    /// The mode as text: `prefer_on_device`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::PreferOnDevice => "prefer_on_device",
            Self::PreferInCloud => "prefer_in_cloud",
            Self::OnlyOnDevice => "only_on_device",
            Self::OnlyInCloud => "only_in_cloud",
        }
    }
}

impl fmt::Display for InferenceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far the data of a run may travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// To any endpoint.
    #[default]
    Public,
    /// To endpoints marked trusted, over TLS, only.
    Internal,
    /// Nowhere: it never leaves the device.
    Private,
}

impl Sensitivity {
    /// The label as text: `private`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Private => "private",
        }
    }
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a run in mode [`InferenceMode::Auto`] should be best at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The earliest answer.
    Latency,
    /// The least energy taken from the battery.
    Energy,
    /// The fewest bytes sent.
    Data,
    /// A weighing of all three.
    #[default]
    Balanced,
}

/// How much an uncertain prediction counts against a placement.
///
/// Placements are compared at the middle of their predicted time plus a share of the way to its 90th percentile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Not at all: the middles are compared, which makes many runs fast on average.
    Neutral,
    /// A little: 0.3 of the way.
    #[default]
    Moderate,
    /// Fully: the 90th percentiles are compared, which makes slow runs rare.
    Averse,
}

impl Risk {
    /// The share of the way from the middle to the 90th percentile.
    pub const fn weight(self) -> f64 {
        match self {
            Self::Neutral => 0.0,
            Self::Moderate => 0.3,
            Self::Averse => 1.0,
        }
    }
}

/// What a run does when the cloud was chosen and cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineBehavior {
    /// Fails with `Offline`.
    Fail,
    /// Runs on this device, where the mode allows it.
    #[default]
    RunLocally,
}

/// Options of one run.
///
/// ```
/// use std::time::Duration;
/// use tandem_core::{InferenceMode, RunOptions, Sensitivity};
///
/// let options = RunOptions {
///     mode: InferenceMode::PreferInCloud,
///     sensitivity: Sensitivity::Internal,
///     timeout: Some(Duration::from_millis(200)),
///     ..RunOptions::default()
/// };
/// assert!(options.outputs.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Where the run may happen.
    pub mode: InferenceMode,
    /// How far its data may travel.
    pub sensitivity: Sensitivity,
    /// Tensors, by name, that are computed on this device only and never leave it, nor anything computed from them: the
    /// cloud is forbidden, and every cut across which something depends on them or behind which they are computed. Inputs,
    /// outputs and, where the model was loaded with its cuts, the tensors inside its graph.
    pub private_tensors: Vec<String>,
    /// What it should be best at.
    pub objective: Objective,
    /// How much an uncertain prediction counts against a placement.
    pub risk: Risk,
    /// Whether a run whose endpoint takes long is also begun on this device; the first answer wins and the other run is
    /// cancelled. Costs energy, and makes slow answers rare.
    pub hedge: bool,
    /// How long it may take in all, from the call on; `None` is as long as it takes.
    pub timeout: Option<Duration>,
    /// Stops it.
    pub token: CancellationToken,
    /// The outputs wanted, in this order; empty is all.
    pub outputs: Vec<String>,
    /// What happens when the cloud was chosen and cannot be reached.
    pub offline: OfflineBehavior,
    /// The endpoint to use, by name; `None` is the first that may be used.
    pub endpoint: Option<String>,
    /// A word of the caller's own for logs and statistics. Sent as the request's `id`.
    pub tag: Option<String>,
}

/// How much a model and its runs may take: what stops a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the model file and of its external data together.
    pub model_bytes: u64,
    /// Nodes of the graph, sub-graphs and functions included.
    pub nodes: u64,
    /// Bytes of any one tensor, inside the model or during a run.
    pub tensor_bytes: u64,
    /// Inputs of the graph.
    pub inputs: u64,
}

impl Default for Limits {
    /// 2 GiB of model, 100,000 nodes, 1 GiB a tensor, 1,024 inputs.
    fn default() -> Self {
        Self { model_bytes: 2 << 30, nodes: 100_000, tensor_bytes: 1 << 30, inputs: 1024 }
    }
}

/// The cuts at which a model may be split: what `tandem split` wrote beside the tails.
#[derive(Clone, Debug)]
pub struct ManifestOptions {
    /// The file `NAME.tandem.json`.
    pub source: ModelSource,
    /// The Ed25519 key whose signature the manifest must carry; `None` takes it unsigned.
    pub public_key: Option<[u8; 32]>,
    /// How far the outputs of a split run may lie from the whole model's: the root of the mean squared difference over
    /// that of the outputs, as the manifest states it for each form in which tensors travel. Forms whose error is larger,
    /// or was not measured although they round, are not used. 0 leaves those that do not round.
    pub max_relative_error: f64,
}

impl ManifestOptions {
    /// A manifest that need not be signed, and an error of a thousandth, which half precision keeps and bytes do not.
    pub fn new(source: impl Into<ModelSource>) -> Self {
        Self { source: source.into(), public_key: None, max_relative_error: 1e-3 }
    }
}

/// Options of loading a model.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// How much the model may take.
    pub limits: Limits,
    /// The name under which endpoints serve the model; `None` is the manifest's, or the model's own where there is none.
    pub name: Option<String>,
    /// The SHA-256 that the file must have, in hexadecimal.
    pub sha256: Option<String>,
    /// How many plans, one for each set of input shapes, are kept. At least 1.
    pub plans: usize,
    /// The cuts at which it may be split; `None` runs it whole.
    pub manifest: Option<ManifestOptions>,
    /// How long loading may take in all, from the call on; `None` is as long as it takes.
    pub timeout: Option<Duration>,
    /// Stops the load.
    pub token: CancellationToken,
}

impl Default for LoadOptions {
    /// The default limits, no expectation, eight plans, no cuts, all the time there is.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            name: None,
            sha256: None,
            plans: 8,
            manifest: None,
            timeout: None,
            token: CancellationToken::new(),
        }
    }
}
