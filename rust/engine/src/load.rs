//! The phases of a load, in their order.

use std::path::Path;

use tandem_core::{LoadError, LoadOptions, ModelSource};
use tandem_onnx::{DecodeLimits, ModelProto};

use crate::engine::EngineOptions;
use crate::model::OnnxModel;
use crate::{
    dequantize, external_data, graph, info, limits, lower, rewrite, source, support, validate, values,
    weights,
};

/// Reads, checks and rewrites a model, and hands it to tract.
pub(crate) fn load(
    source: &ModelSource,
    options: &LoadOptions,
    engine: EngineOptions,
) -> Result<OnnxModel, LoadError> {
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
    let integers = dequantize::expand(&mut graph, &options.limits)?;
    graph::prune(&mut graph);
    support::check(&graph, info.opset)?;
    rewrite::apply(&mut graph, info.opset);
    let shape_like = values::shape_like(&graph, &info);
    let weights = weights::take(&mut graph)?;
    let template = lower::lower(graph, weights, integers, proto.opset_import, &info)?;
    let mut model = OnnxModel::new(info, options.limits, engine, template, shape_like, options.plans);
    model.prepare()?;
    Ok(model)
}
