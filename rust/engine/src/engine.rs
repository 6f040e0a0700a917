//! The engine as the core knows it.

use std::sync::Arc;

use tandem_core::{DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, Tensor, TensorError};

use crate::convert;
use crate::fault::contain;
use crate::load::load;

/// How an engine computes.
///
/// ```
/// use tandem_engine::{EngineOptions, OnnxEngine};
///
/// let plain = OnnxEngine::with_options(EngineOptions::default().with_fused(false));
/// assert!(!plain.options().fused);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Whether parts of a model are computed by our own fused kernels instead of tract's operators. The profile of a
    /// model names them `Tandem.…`. On by default; results differ from tract's by rounding alone.
    pub fused: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { fused: true }
    }
}

impl EngineOptions {
    /// These options with [`fused`](Self::fused) set.
    pub fn with_fused(mut self, fused: bool) -> Self {
        self.fused = fused;
        self
    }
}

/// Loads ONNX models and runs them through tract.
///
/// It holds nothing but its options: make one and share it, or make one for every load. The models that it loads
/// may be run by any number of threads at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxEngine {
    options: EngineOptions,
}

impl OnnxEngine {
    /// An engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that computes in the given way.
    pub fn with_options(options: EngineOptions) -> Self {
        Self { options }
    }

    /// How it computes.
    pub fn options(&self) -> EngineOptions {
        self.options
    }
}

impl Engine for OnnxEngine {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        contain(|| {
            let model: Arc<dyn LocalModel> = Arc::new(load(source, options, self.options)?);
            Ok(model)
        })
    }

    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        convert::tensor(dtype, shape, bytes)
    }
}
