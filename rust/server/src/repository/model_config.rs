//! `config.pbtxt`: what an operator says about a model beside its file.

use std::time::Duration;

use tandem_core::{DType, Dimension, ModelInfo, TensorInfo};

use super::MODEL_FILE;
use crate::pbtxt::{Message, PbtxtError};

/// Backends and platforms whose models are ONNX files, served here in their stead. A `python` model is one where an
/// ONNX file lies beside its script: the script is not run.
const SERVED: [&str; 5] = ["", "onnxruntime", "onnxruntime_onnx", "python", "tandem"];

/// The fields of `config.pbtxt` that are honoured here. Of the others, those under which a model answers differently are refused,
/// and the rest, which say how Triton runs it, is skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelConfig {
    name: String,
    backend: String,
    /// The first thing that it asks for and this server does not have.
    refused: Option<String>,
    /// Rows of a batch; 0 says that the model has no batch dimension.
    pub(crate) max_batch_size: usize,
    inputs: Vec<TensorConfig>,
    outputs: Vec<TensorConfig>,
    pub(crate) dynamic_batching: DynamicBatching,
    pub(crate) versions: VersionPolicy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TensorConfig {
    name: String,
    data_type: String,
    dims: Vec<i64>,
}

/// How requests are put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DynamicBatching {
    /// Batch sizes to aim at.
    pub(crate) preferred: Vec<usize>,
    /// How long the first request may wait for others; `None` where it is not said.
    pub(crate) max_delay: Option<Duration>,
    /// Requests that may wait; `None` where it is not said or 0.
    pub(crate) max_queue: Option<usize>,
}

/// Which of the versions that are there are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionPolicy {
    /// Every one: also the rule where the configuration says nothing.
    #[default]
    All,
    /// The newest so many.
    Latest(usize),
    /// These.
    Specific(Vec<u64>),
}

impl VersionPolicy {
    /// The versions to serve out of those that are there, in ascending order.
    pub(crate) fn choose(&self, mut versions: Vec<u64>) -> Vec<u64> {
        versions.sort_unstable();
        match self {
            Self::All => versions,
            Self::Latest(count) => versions.split_off(versions.len().saturating_sub(*count)),
            Self::Specific(wanted) => {
                versions.retain(|version| wanted.contains(version));
                versions
            }
        }
    }
}

impl ModelConfig {
    pub(crate) fn parse(text: &str) -> Result<Self, PbtxtError> {
        let message: Message = text.parse()?;
        let text = |field| message.text(field).map(|text| text.unwrap_or_default().to_owned());
        let backend = text("backend")?;
        let tensors = |field| -> Result<Vec<_>, _> {
            message.messages(field)?.into_iter().map(TensorConfig::read).collect()
        };
        Ok(Self {
            name: text("name")?,
            backend: if backend.is_empty() { text("platform")? } else { backend },
            refused: refused(&message)?,
            max_batch_size: message.integer("max_batch_size")?.map_or(0, size),
            inputs: tensors("input")?,
            outputs: tensors("output")?,
            dynamic_batching: match message.message("dynamic_batching")? {
                Some(batching) => DynamicBatching::read(batching)?,
                None => DynamicBatching::default(),
            },
            versions: match message.message("version_policy")? {
                Some(policy) => VersionPolicy::read(policy)?,
                None => VersionPolicy::default(),
            },
        })
    }

    /// Whether a model in the folder `name` can be served by what the configuration says. An error is the reason why
    /// it cannot.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), String> {
        if !self.name.is_empty() && self.name != name {
            return Err(format!("config.pbtxt names the model {:?}, its folder is {name:?}", self.name));
        }
        if !SERVED.contains(&self.backend.as_str()) {
            return Err(format!("backend {:?} is not served here, only ONNX models are", self.backend));
        }
        match &self.refused {
            Some(field) => Err(format!("config.pbtxt asks for {field}, which is not served here")),
            None => Ok(()),
        }
    }

    /// Whether the model is what the configuration says. An error is the first difference.
    pub(crate) fn check_model(&self, info: &ModelInfo) -> Result<(), String> {
        let batched = self.max_batch_size > 0;
        if !self.inputs.is_empty() && self.inputs.len() != info.inputs.len() {
            let (listed, there) = (self.inputs.len(), info.inputs.len());
            return Err(format!("config.pbtxt lists {listed} inputs, the model has {there}"));
        }
        for (kind, configured, declared) in
            [("input", &self.inputs, &info.inputs), ("output", &self.outputs, &info.outputs)]
        {
            for tensor in configured {
                let Some(info) = declared.iter().find(|info| info.name == tensor.name) else {
                    return Err(format!(
                        "config.pbtxt lists {kind} {:?}, which the model does not have",
                        tensor.name
                    ));
                };
                tensor
                    .check(info, batched)
                    .map_err(|problem| format!("{kind} {:?}: {problem}", tensor.name))?;
            }
            if batched && let Some(fixed) = declared.iter().find(|info| !has_open_first(info)) {
                return Err(format!(
                    "config.pbtxt has max_batch_size {}, and {kind} {:?} has shape {}, whose first size is not open",
                    self.max_batch_size,
                    fixed.name,
                    fixed.shape_text()
                ));
            }
        }
        Ok(())
    }
}

/// What `message` asks for that would change answers and is not there.
fn refused(message: &Message) -> Result<Option<String>, PbtxtError> {
    let file = message.text("default_model_filename")?.filter(|file| !["", MODEL_FILE].contains(file));
    if let Some(file) = file {
        return Ok(Some(format!("the model file {file:?}")));
    }
    for field in ["sequence_batching", "ensemble_scheduling"] {
        if message.message(field)?.is_some() {
            return Ok(Some(field.to_owned()));
        }
    }
    let answers = message.message("model_transaction_policy")?;
    let decoupled = answers.map(|policy| policy.word("decoupled")).transpose()?.flatten();
    Ok((decoupled == Some("true")).then(|| "decoupled answers".to_owned()))
}

/// Whether the first size may be any.
fn has_open_first(info: &TensorInfo) -> bool {
    info.shape
        .as_ref()
        .is_none_or(|shape| shape.first().is_some_and(|first| !matches!(first, Dimension::Fixed(_))))
}

impl TensorConfig {
    fn read(message: &Message) -> Result<Self, PbtxtError> {
        Ok(Self {
            name: message.text("name")?.unwrap_or_default().to_owned(),
            data_type: message.word("data_type")?.unwrap_or_default().to_owned(),
            dims: message.integers("dims")?,
        })
    }

    fn check(&self, info: &TensorInfo, batched: bool) -> Result<(), String> {
        let expected = data_type(info.dtype);
        if self.data_type != expected {
            return Err(format!("config.pbtxt says {}, the model has {expected}", self.data_type));
        }
        let Some(shape) = &info.shape else {
            return Ok(());
        };
        // Triton has no tensor without dimensions: a scalar is configured as a row of one.
        if shape.is_empty() && self.dims == [1] {
            return Ok(());
        }
        let batch = batched.then_some(-1);
        let dims: Vec<i64> = batch.into_iter().chain(self.dims.iter().copied()).collect();
        let fits = dims.len() == shape.len()
            && dims.iter().zip(shape).all(|(&dim, declared)| match declared {
                Dimension::Fixed(size) => usize::try_from(dim) == Ok(*size),
                Dimension::Symbol(_) | Dimension::Unknown => dim >= -1,
            });
        if fits {
            Ok(())
        } else {
            Err(format!("config.pbtxt says shape {dims:?}, the model has {}", info.shape_text()))
        }
    }
}

impl DynamicBatching {
    fn read(message: &Message) -> Result<Self, PbtxtError> {
        let mut preferred: Vec<usize> = message
            .integers("preferred_batch_size")?
            .into_iter()
            .map(size)
            .filter(|&size| size > 0)
            .collect();
        preferred.sort_unstable();
        preferred.dedup();
        let delay = message.integer("max_queue_delay_microseconds")?;
        let queue = match message.message("default_queue_policy")? {
            Some(policy) => policy.integer("max_queue_size")?,
            None => None,
        };
        Ok(Self {
            preferred,
            max_delay: delay.map(|delay| Duration::from_micros(u64::try_from(delay).unwrap_or(0))),
            max_queue: queue.map(size).filter(|&size| size > 0),
        })
    }
}

impl VersionPolicy {
    fn read(message: &Message) -> Result<Self, PbtxtError> {
        if let Some(latest) = message.message("latest")? {
            return Ok(Self::Latest(latest.integer("num_versions")?.map_or(1, size).max(1)));
        }
        if let Some(specific) = message.message("specific")? {
            let versions = specific.integers("versions")?;
            return Ok(Self::Specific(
                versions.into_iter().filter_map(|it| u64::try_from(it).ok()).collect(),
            ));
        }
        Ok(Self::All)
    }
}

/// A count; negative ones are none.
fn size(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// Triton's name of an element type.
fn data_type(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "TYPE_BOOL",
        DType::U8 => "TYPE_UINT8",
        DType::U16 => "TYPE_UINT16",
        DType::U32 => "TYPE_UINT32",
        DType::U64 => "TYPE_UINT64",
        DType::I8 => "TYPE_INT8",
        DType::I16 => "TYPE_INT16",
        DType::I32 => "TYPE_INT32",
        DType::I64 => "TYPE_INT64",
        DType::F16 => "TYPE_FP16",
        DType::F32 => "TYPE_FP32",
        DType::F64 => "TYPE_FP64",
        DType::String => "TYPE_STRING",
        _ => "TYPE_INVALID",
    }
}

#[cfg(test)]
mod tests;
