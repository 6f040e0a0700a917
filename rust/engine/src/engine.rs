//! The engine: from a source to a model that runs.

use std::path::Path;
use std::sync::Arc;

use tandem_core::{DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, Tensor, TensorError};
use tandem_onnx::{DecodeLimits, ModelProto};

use crate::fault::contain;
use crate::model::OnnxModel;
use crate::{
    convert, dequantize, external_data, graph, info, limits, lower, rewrite, source, support, validate,
    values, weights,
};

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
        let bytes = source::read(source, options.limits.model_bytes)?;
        let digest = source::digest(&bytes);
        source::check_digest(&digest, options.sha256.as_deref())?;
        let read = bytes.len() as u64;
        let decode = DecodeLimits::default().with_max_bytes(usize::MAX);
        let mut proto = ModelProto::decode_with_limits(bytes, decode)
            .map_err(|error| LoadError::Invalid { detail: error.to_string() })?;
        let missing = || LoadError::Invalid { detail: "it has no graph".to_owned() };
        let mut graph = proto.graph.take().ok_or_else(missing)?;
        limits::check(&proto, &graph, &options.limits)?;
        let folder = match source {
            ModelSource::File(path) => Some(path.parent().unwrap_or(Path::new(""))),
            _ => None,
        };
        external_data::resolve(&mut graph, folder, read, options.limits.model_bytes)?;
        validate::check_and_sort(&mut graph)?;
        let info = info::describe(&proto, &graph, source, digest, options)?;
        weights::hoist_constants(&mut graph);
        graph::prune(&mut graph);
        dequantize::expand(&mut graph, &options.limits)?;
        graph::prune(&mut graph);
        support::check(&graph)?;
        rewrite::apply(&mut graph, info.opset);
        let shape_like = values::shape_like(&graph, &info);
        let weights = weights::take(&mut graph)?;
        let template = contain(|| lower::lower(graph, weights, proto.opset_import, &info))?;
        let model = OnnxModel::new(info, options.limits, template, shape_like, options.plans);
        model.prepare()?;
        Ok(Arc::new(model))
    }

    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        convert::tensor(dtype, shape, bytes)
    }
}
