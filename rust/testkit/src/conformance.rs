//! The conformance table: cases that every language runs and must agree on.
//!
//! The table is written in code ([`Table::from_code`]), kept as files in `bindings/conformance`, and read back by the runner
//! of each language. `cargo run -p tandem-testkit --bin testkit-conformance` writes the files anew; a test fails
//! where they differ from the code.

mod build;
mod calls;
mod dtypes;
mod models;
mod plans;
mod refusals;
mod splits;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use tandem_core::{
    DType, DeviceState, ErrorCode, InferenceMode, Limits, LoadOptions, ManifestOptions, NamedTensors,
    OfflineBehavior, Placement, Reason, RunOptions, Sensitivity, Tensor, TensorError,
};

pub use models::models;
pub use verdict::Answer;

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Version of the format: 1.
    pub version: u32,
    /// The cases, each on its own.
    pub cases: Vec<Case>,
}

/// One call and what must come of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What the case shows. Unique.
    pub name: String,
    /// The model's file, under the table's folder.
    pub model: String,
    /// How it is loaded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub load: Load,
    /// What the runtime's provider tells of the device; absent is no provider.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: Option<DeviceState>,
    /// What happens between loading and the call.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: Option<Before>,
    /// What is called.
    pub call: Call,
    /// The options of the call.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: Options,
    /// The inputs of the call.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inputs: Vec<NamedValues>,
    /// What must come of it.
    pub expect: Expect,
}

/// How a model is loaded; what is absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The name under which endpoints serve it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// The digest it must have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sha256: Option<String>,
    /// The limit on its bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub model_bytes: Option<u64>,
    /// Its manifest of cuts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub splits: Option<Manifest>,
}

/// A manifest of cuts, as `tandem split` wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The file, under the table's folder.
    pub manifest: String,
    /// The Ed25519 key whose signature it must carry, as 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub public_key: Option<String>,
}

impl Manifest {
    /// The options with which a model takes it from the table in `folder`.
    fn options(&self, folder: &Path) -> ManifestOptions {
        let mut options = ManifestOptions::new(folder.join(&self.manifest));
        options.public_key = self.public_key.as_deref().map(|digits| {
            let digit = |place: usize| digits.get(2 * place..2 * place + 2).unwrap_or_default();
            std::array::from_fn(|place| u8::from_str_radix(digit(place), 16).unwrap_or_default())
        });
        options
    }
}

/// What happens between loading and the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// The call's token is cancelled.
    Cancel,
    /// The model is closed.
    CloseModel,
    /// The runtime is closed.
    CloseRuntime,
}

/// What is called. The endpoints are `server` (serves the table's `repository`), `json` (the same, JSON only) and
/// `down` (refuses connections), in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Loading alone.
    Load,
    /// On this device.
    Predict,
    /// On an endpoint.
    Offload,
    /// Where the planner decides.
    Run,
    /// The decision alone.
    Plan,
}

/// The options of a call; what is absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Where it may run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: InferenceMode,
    /// How far its data may travel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sensitivity: Sensitivity,
    /// Inputs that never leave the device.
    #[serde(default, skip_serializing_if = "is_default")]
    pub private_tensors: Vec<String>,
    /// What happens when the cloud cannot be reached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offline: OfflineBehavior,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_ms: Option<u64>,
    /// The outputs wanted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outputs: Vec<String>,
    /// The endpoint, by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endpoint: Option<String>,
}

/// A named tensor as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedValues {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements: little-endian bytes in base64, for every type but strings.
    #[serde(default, skip_serializing_if = "is_default")]
    pub base64: Option<String>,
    /// Its elements, for strings.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strings: Option<Vec<String>>,
}

impl Case {
    /// Whether an endpoint of the case has to answer.
    pub fn needs_server(&self) -> bool {
        match self.call {
            Call::Offload => {
                !self.expect.outputs.is_empty()
                    || matches!(self.expect.error, Some(ErrorCode::ModelNotFound | ErrorCode::RemoteFailed))
            }
            Call::Run => {
                self.expect.placement.as_ref().is_some_and(|placement| placement.endpoint().is_some())
            }
            Call::Load | Call::Predict | Call::Plan => false,
        }
    }

    /// The options with which the case loads its model.
    pub fn load_options(&self) -> LoadOptions {
        let default = LoadOptions::default();
        let model_bytes = self.load.model_bytes.unwrap_or(default.limits.model_bytes);
        LoadOptions {
            limits: Limits { model_bytes, ..default.limits },
            name: self.load.name.clone(),
            sha256: self.load.sha256.clone(),
            manifest: self.load.splits.as_ref().map(|splits| splits.options(&folder())),
            ..default
        }
    }

    /// The options of the case's call, with a token of their own.
    pub fn run_options(&self) -> RunOptions {
        let options = self.options.clone();
        RunOptions {
            mode: options.mode,
            sensitivity: options.sensitivity,
            private_tensors: options.private_tensors,
            offline: options.offline,
            timeout: options.timeout_ms.map(Duration::from_millis),
            outputs: options.outputs,
            endpoint: options.endpoint,
            ..RunOptions::default()
        }
    }
}

/// What must come of a call: outputs, or an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// The outputs, in this order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outputs: Vec<NamedValues>,
    /// The largest difference allowed to any element; 0 is bit for bit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerance: f64,
    /// Where it ran, or, of a plan, what it would try first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub placement: Option<Placement>,
    /// Why there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reason: Option<Reason>,
    /// What must be among the candidates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub candidates: Vec<Considered>,
    /// The error's code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub error: Option<ErrorCode>,
    /// What the error's sentence has in it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub says: Vec<String>,
}

/// A placement that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Considered {
    /// Where.
    pub placement: Placement,
    /// Whether it may be chosen.
    pub allowed: bool,
    /// Why it was chosen or not.
    pub reason: Reason,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// A file could not be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The table is not what it should be.
    #[error("the conformance table is malformed: {0}")]
    Json(#[from] serde_json::Error),
    /// A tensor could not be made.
    #[error(transparent)]
    Values(#[from] TensorError),
    /// A model could not be made.
    #[error(transparent)]
    Model(#[from] tandem_onnx::BuildError),
    /// A tensor of the table is not what it should be.
    #[error("tensor {name:?} of the conformance table: {detail}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        detail: String,
    },
}

impl Table {
    /// The table as written in code.
    pub fn from_code() -> Result<Self, ConformanceError> {
        let cases =
            [dtypes::cases()?, calls::cases()?, plans::cases()?, refusals::cases()?, splits::cases()?]
                .concat();
        Ok(Self { version: 1, cases })
    }

    /// The table in `folder`, usually [`folder()`].
    pub fn read(folder: &Path) -> Result<Self, ConformanceError> {
        let path = folder.join("cases.json");
        let text = std::fs::read(&path).map_err(|source| ConformanceError::Io { path, source })?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// The table as the text of `cases.json`.
    pub fn to_json(&self) -> Result<String, ConformanceError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The folder of the committed table.
pub fn folder() -> PathBuf {
    crate::package().join("../../bindings/conformance")
}

impl NamedValues {
    /// The text of a tensor.
    pub fn new(name: &str, tensor: &Tensor) -> Self {
        Self {
            name: name.to_owned(),
            dtype: tensor.dtype(),
            shape: tensor.shape().to_vec(),
            base64: tensor.bytes().map(|bytes| BASE64.encode(swapped(tensor.dtype(), bytes))),
            strings: tensor.strings().map(<[String]>::to_vec),
        }
    }

    /// The tensor.
    pub fn tensor(&self) -> Result<Tensor, ConformanceError> {
        let malformed = |detail: String| ConformanceError::Tensor { name: self.name.clone(), detail };
        let shape = self.shape.clone();
        let tensor = match (&self.base64, &self.strings) {
            (Some(text), None) => {
                let bytes = BASE64.decode(text).map_err(|error| malformed(error.to_string()))?;
                Tensor::from_bytes(self.dtype, shape, &swapped(self.dtype, &bytes))
            }
            (None, Some(strings)) => Tensor::from_strings(shape, strings.clone()),
            _ => return Err(malformed("it needs either base64 or strings".to_owned())),
        };
        tensor.map_err(|error: TensorError| malformed(error.to_string()))
    }
}

/// The inputs of a case as tensors.
pub fn tensors(values: &[NamedValues]) -> Result<NamedTensors, ConformanceError> {
    let mut named = NamedTensors::default();
    for value in values {
        named.push(value.name.clone(), value.tensor()?).map_err(|error| ConformanceError::Tensor {
            name: value.name.clone(),
            detail: error.to_string(),
        })?;
    }
    Ok(named)
}

/// Native order to little-endian, or back: nothing on every machine that runs this.
fn swapped(dtype: DType, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if cfg!(target_endian = "big") {
        bytes.chunks_mut(dtype.size().unwrap_or(1)).for_each(<[u8]>::reverse);
    }
    bytes
}
