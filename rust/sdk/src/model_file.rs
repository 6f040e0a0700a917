//! A model's file, read once more beside the engine: to cut it.

use std::path::Path;

use tandem_core::{LoadError, ModelSource};
use tandem_engine::{external_data, source};
use tandem_onnx::ModelProto;
use tandem_split::Original;

/// The model in `source`, at most `limit` bytes with the data that lies beside its file, which is read into it. Asks
/// between steps of some milliseconds whether it may go on.
pub(crate) fn read(
    name: &str,
    source: &ModelSource,
    limit: u64,
    may_go_on: impl Fn() -> Result<(), LoadError>,
) -> Result<Original, LoadError> {
    let file = source::read(source, limit, &may_go_on)?;
    let digest = source::sha256(&file, &may_go_on)?;
    let mut model = ModelProto::decode_bytes(file.clone())
        .map_err(|error| LoadError::Invalid { detail: error.to_string() })?;
    may_go_on()?;
    let folder = match source {
        ModelSource::File(path) => Some(path.parent().unwrap_or(Path::new(""))),
        _ => None,
    };
    let beside = match &mut model.graph {
        Some(graph) => external_data::resolve(graph, folder, file.len() as u64, limit)?,
        None => 0,
    };
    may_go_on()?;
    let original = Original { name: name.to_owned(), file, digest, model };
    Ok(if beside > 0 { original.self_contained() } else { original })
}

/// A model to be cut by [`split`](tandem_split::split()): at most `limit` bytes with the data that lies beside its file.
///
/// `name` is the one under which it is to be served.
pub fn read_original(name: &str, source: &ModelSource, limit: u64) -> Result<Original, LoadError> {
    read(name, source, limit, || Ok(()))
}
