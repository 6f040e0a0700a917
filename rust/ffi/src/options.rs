//! Options of loading and of running.

use std::time::Duration;

use tandem::{InferenceMode, ModelSource, Objective, OfflineBehavior, Risk, Sensitivity};

use crate::{CancelToken, TandemFailure};

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

/// How much an uncertain prediction counts against a placement.
#[uniffi::remote(Enum)]
pub enum Risk {
    /// Not at all.
    Neutral,
    /// A little.
    Moderate,
    /// Fully.
    Averse,
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
    /// Tensors, by name, that never leave the device, nor anything computed from them: inputs, outputs and, where the model
    /// was loaded with its cuts, the tensors inside its graph.
    pub private_tensors: Vec<String>,
    /// What it should be best at.
    pub objective: Objective,
    /// How much an uncertain prediction counts against a placement.
    pub risk: Risk,
    /// Whether a run whose endpoint takes long is also begun on this device.
    pub hedge: bool,
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
            private_tensors: self.private_tensors,
            objective: self.objective,
            risk: self.risk,
            hedge: self.hedge,
            timeout: self.timeout_ns.map(Duration::from_nanos),
            token: cancel.map(|cancel| cancel.inner.clone()).unwrap_or_default(),
            outputs: self.outputs,
            offline: self.offline,
            endpoint: self.endpoint,
            tag: self.tag,
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

/// Where a manifest comes from.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum ManifestSource {
    /// A file.
    File {
        /// Its path.
        path: String,
    },
    /// Its text.
    Text {
        /// The JSON.
        json: String,
    },
}

/// The cuts at which a model may be split.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ManifestOptions {
    /// What `tandem split` wrote beside the tails.
    pub source: ManifestSource,
    /// The Ed25519 key whose signature the manifest must carry, as 64 hexadecimal digits; `None` takes it unsigned.
    pub public_key: Option<String>,
    /// How far the outputs of a split run may lie from the whole model's, relative to them; `None` is the core's default.
    pub max_relative_error: Option<f64>,
}

impl TryFrom<ManifestOptions> for tandem::ManifestOptions {
    type Error = TandemFailure;

    fn try_from(options: ManifestOptions) -> Result<Self, TandemFailure> {
        let defaults = Self::new(match options.source {
            ManifestSource::File { path } => ModelSource::File(path.into()),
            ManifestSource::Text { json } => ModelSource::Bytes(json.into_bytes().into()),
        });
        Ok(Self {
            public_key: options.public_key.as_deref().map(key).transpose()?,
            max_relative_error: options.max_relative_error.unwrap_or(defaults.max_relative_error),
            ..defaults
        })
    }
}

fn key(text: &str) -> Result<[u8; 32], TandemFailure> {
    let digit = |place: usize| text.as_bytes().get(place).and_then(|&byte| char::from(byte).to_digit(16));
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let value = digit(2 * index).zip(digit(2 * index + 1)).map(|(high, low)| 16 * high + low);
        *byte = value.and_then(|value| u8::try_from(value).ok()).ok_or_else(|| bad_key(text))?;
    }
    if text.len() == 64 { Ok(bytes) } else { Err(bad_key(text)) }
}

fn bad_key(text: &str) -> TandemFailure {
    let detail = format!("a public key of {} bytes of text, expected 64 hexadecimal digits", text.len());
    TandemFailure::invalid_argument(detail)
}

/// Options of loading a model. What is `None` is the core's default.
#[derive(Clone, Debug, uniffi::Record)]
pub struct LoadOptions {
    /// How much the model may take.
    pub limits: Limits,
    /// The name under which endpoints serve the model; `None` is the manifest's, or the model's own where there is none.
    pub name: Option<String>,
    /// The SHA-256 that the file must have, in hexadecimal.
    pub sha256: Option<String>,
    /// How many plans, one for each set of input shapes, are kept.
    pub plans: Option<u32>,
    /// The cuts at which it may be split; `None` runs it whole.
    pub manifest: Option<ManifestOptions>,
    /// How long loading may take in all, in nanoseconds; `None` is as long as it takes.
    pub timeout_ns: Option<u64>,
}

impl LoadOptions {
    pub(crate) fn into_core(self, cancel: &CancelToken) -> Result<tandem::LoadOptions, TandemFailure> {
        let plans = self.plans.map(|plans| usize::try_from(plans).unwrap_or(usize::MAX));
        Ok(tandem::LoadOptions {
            limits: self.limits.into(),
            name: self.name,
            sha256: self.sha256,
            plans: plans.unwrap_or(tandem::LoadOptions::default().plans),
            manifest: self.manifest.map(TryInto::try_into).transpose()?,
            timeout: self.timeout_ns.map(Duration::from_nanos),
            token: cancel.inner.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_by(key: &str) -> Result<tandem::ManifestOptions, TandemFailure> {
        let source = ManifestSource::Text { json: "{}".into() };
        ManifestOptions { source, public_key: Some(key.into()), max_relative_error: None }.try_into()
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let key = signed_by(&"0aFf".repeat(16)).unwrap().public_key.unwrap();
        assert_eq!(key[..4], [0x0a, 0xff, 0x0a, 0xff]);
        for wrong in [String::new(), "0".repeat(63), "0".repeat(65), "g".repeat(64), "ü".repeat(32)] {
            let error = signed_by(&wrong).unwrap_err();
            assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
        }
    }
}
