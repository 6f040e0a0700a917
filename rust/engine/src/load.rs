//! The phases of a load, in their order.

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tandem_core::{Control, LoadError, LoadOptions, ModelSource};
use tandem_kernels::Threads;

use crate::cache::{Cache, Identity, Kept};
use crate::engine::EngineOptions;
use crate::model::OnnxModel;
use crate::source::Content;
use crate::weight::Readers;
use crate::{
    constants, dequantize, digest, external_data, functions, graph, info, limits, lower, rewrite, support,
    validate, values,
};

/// Reads, checks and rewrites a model, and hands it to tract. Asks between the phases, and within the long ones, whether
/// token and timeout of the options let it go on. What the cache has of the model is not done again.
pub(crate) fn load(
    source: &ModelSource,
    options: &LoadOptions,
    engine: &EngineOptions,
    threads: &Arc<Threads>,
) -> Result<OnnxModel, LoadError> {
    let control = Control::starting(Instant::now(), options.timeout, options.token.clone());
    let may_go_on = || control.check(Instant::now()).map_err(LoadError::from);
    let cache = Cache::of(engine, &options.limits);
    let kept = |digest: &str| {
        let may_go_on = || Ok(control.check(Instant::now())?);
        let found = cache.as_ref().map(|cache| cache.find(digest, None, &may_go_on)).transpose()?.flatten();
        let restore = |kept: Kept| {
            let name = info::name(&kept.info.name, source, options);
            OnnxModel::restored(kept, name, options, engine, threads, &control)
        };
        Ok::<_, LoadError>(found.and_then(restore))
    };
    let path = if let ModelSource::File(path) = source { Some(path.as_path()) } else { None };
    let file = cache.as_ref().zip(path);
    // Whoever asks for a digest wants the file itself to be looked at.
    if let Some(digest) =
        file.filter(|_| options.sha256.is_none()).and_then(|(cache, path)| cache.digest_of(path))
        && let Some(model) = kept(&digest)?
    {
        return Ok(model);
    }
    let (start, before) = (SystemTime::now(), file.and_then(|(_, path)| Identity::of(path)));
    let Content { mut digest, length: read, form } =
        Content::read(source, options.limits.model_bytes, may_go_on)?;
    if cache.is_some() || options.sha256.is_some() {
        let digest = digest.finish(may_go_on)?;
        digest::check(&digest, options.sha256.as_deref())?;
        if let Some((cache, path)) = file {
            cache.remember(path, before, start, &digest);
        }
        if let Some(model) = kept(&digest)? {
            return Ok(model);
        }
    }
    let mut proto = form.decode()?;
    may_go_on()?;
    let missing = || LoadError::Invalid { detail: "it has no graph".to_owned() };
    let mut graph = proto.graph.take().ok_or_else(missing)?;
    limits::check(&proto, &graph, &options.limits)?;
    functions::inline(&mut proto, &mut graph, read, &options.limits)?;
    may_go_on()?;
    let folder = path.map(|path| path.parent().unwrap_or(Path::new("")));
    let beside = external_data::resolve(&mut graph, folder, read, options.limits.model_bytes)?;
    may_go_on()?;
    validate::check_and_sort(&mut graph)?;
    let info = info::describe(&proto, &graph, source, digest.known().to_owned(), options)?;
    constants::hoist(&mut graph);
    graph::prune(&mut graph);
    // Without our kernels nobody reads a weight but tract.
    let readers = if engine.fused { Readers::of(&graph) } else { Readers::default() };
    let dequantized = dequantize::expand(&mut graph, &readers, &options.limits, may_go_on)?;
    graph::prune(&mut graph);
    support::check(&graph, info.opset)?;
    rewrite::apply(&mut graph, info.opset);
    let shape_like = values::shape_like(&graph, &info);
    may_go_on()?;
    let constants = constants::take(&mut graph, &readers, dequantized.weights)?;
    may_go_on()?;
    let template =
        lower::lower(graph, constants, dequantized.expanded, proto.opset_import, &info, engine.fused)?;
    // The digest says nothing of weights in other files.
    let cache = cache.filter(|_| beside == 0);
    let mut model = OnnxModel::new(info, options, engine, threads, template, shape_like, cache);
    may_go_on()?;
    model.prepare(&control)?;
    model.set_digest(digest.finish(may_go_on)?);
    Ok(model)
}
