//! The engine as the core knows it.

use std::sync::Arc;

use tandem_core::{DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, Tensor, TensorError};

use crate::convert;
use crate::fault::contain;
use crate::load::load;

/// Loads ONNX models and runs them through tract.
///
/// It holds nothing: make one and share it, or make one for every load. The models that it loads may be run
/// by any number of threads at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxEngine {
    _private: (),
}

impl OnnxEngine {
    /// An engine.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Engine for OnnxEngine {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        contain(|| {
            let model: Arc<dyn LocalModel> = Arc::new(load(source, options)?);
            Ok(model)
        })
    }

    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        convert::tensor(dtype, shape, bytes)
    }
}
