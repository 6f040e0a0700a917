//! Tensors whose elements stand in files beside the model.
//!
//! The paths come from strangers: only regular files inside the model's own folder are read, after symbolic
//! links are followed, and only as many bytes as the tensor takes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tandem_core::LoadError;
use tandem_onnx::{DataLocation, ExternalData, GraphProto, TensorProto};

use crate::graph::{bodies_mut, tensors_mut};
use crate::limits::at_most;

/// Reads every external tensor of `graph` into the graph.
///
/// `folder` is the model's; `None` for a model in memory, which may have no external data. `read` are the bytes of
/// the model's file, which together with those beside it may be `limit`. Gives how many lay beside it.
///
/// Fails with `Invalid` for what does not fit or leads out of the folder, `NotFound` where that is not there, and
/// `ResourceLimit` for more than `limit`.
pub fn resolve(
    graph: &mut GraphProto,
    folder: Option<&Path>,
    read: u64,
    limit: u64,
) -> Result<u64, LoadError> {
    let folder = match folder {
        Some(path) if path.as_os_str().is_empty() => Some(Path::new(".")),
        other => other,
    };
    let root = folder.map(Path::canonicalize).transpose().map_err(|error| {
        let location = folder.unwrap_or(Path::new("")).display().to_string();
        LoadError::NotFound { location, detail: error.to_string() }
    })?;
    let mut reader = Reader { root, files: HashMap::new(), read, limit };
    reader.graph(graph)?;
    Ok(reader.read - read)
}

struct Reader {
    root: Option<PathBuf>,
    files: HashMap<PathBuf, File>,
    read: u64,
    limit: u64,
}

impl Reader {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), LoadError> {
        graph.initializer.iter_mut().try_for_each(|tensor| self.tensor(tensor))?;
        for sparse in &mut graph.sparse_initializer {
            let parts = sparse.values.iter_mut().chain(&mut sparse.indices);
            parts.into_iter().try_for_each(|tensor| self.tensor(tensor))?;
        }
        for node in &mut graph.node {
            tensors_mut(node).try_for_each(|tensor| self.tensor(tensor))?;
            bodies_mut(node).try_for_each(|body| self.graph(body))?;
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &mut TensorProto) -> Result<(), LoadError> {
        let Some(external) = tensor.external().map_err(|error| invalid(error.to_string()))? else {
            return Ok(());
        };
        let name = tensor.name.clone();
        let refused = |detail: String| invalid(format!("external data of tensor {name:?}: {detail}"));
        let bytes = tensor.byte_len().map_err(|error| refused(error.to_string()))? as u64;
        if let Some(length) = external.length.filter(|&length| length != bytes) {
            return Err(refused(format!("{length} bytes, but its shape takes {bytes}")));
        }
        self.read = self.read.saturating_add(bytes);
        at_most("bytes", self.read, self.limit)?;
        let raw = self.bytes(&external, bytes).map_err(refused)?;
        tensor.raw_data = raw.into();
        tensor.external_data.clear();
        tensor.set_data_location(DataLocation::Default);
        Ok(())
    }

    fn bytes(&mut self, external: &ExternalData, bytes: u64) -> Result<Vec<u8>, String> {
        let location = &external.location;
        let path = self.inside(location)?;
        let file = match self.files.entry(path) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let file = File::open(entry.key()).map_err(|error| format!("{location}: {error}"))?;
                entry.insert(file)
            }
        };
        let metadata = file.metadata().map_err(|error| format!("{location}: {error}"))?;
        if !metadata.is_file() {
            return Err(format!("{location} is not a regular file"));
        }
        let end = external.offset.checked_add(bytes).filter(|&end| end <= metadata.len());
        if end.is_none() {
            let (offset, length) = (external.offset, metadata.len());
            return Err(format!("{bytes} bytes at {offset} of {location}, which has {length}"));
        }
        let mut raw = vec![0; usize::try_from(bytes).map_err(|error| error.to_string())?];
        file.seek(SeekFrom::Start(external.offset)).map_err(|error| format!("{location}: {error}"))?;
        file.read_exact(&mut raw).map_err(|error| format!("{location}: {error}"))?;
        Ok(raw)
    }

    /// The file that `location` names, if it lies inside the model's folder.
    fn inside(&self, location: &str) -> Result<PathBuf, String> {
        let Some(root) = &self.root else {
            return Err("a model in memory has no folder to read it from".to_owned());
        };
        let relative = Path::new(location);
        if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("{location:?} is not a path inside the model's folder"));
        }
        let path = root.join(relative).canonicalize().map_err(|error| format!("{location}: {error}"))?;
        if path.starts_with(root) {
            Ok(path)
        } else {
            Err(format!("{location:?} leads out of the model's folder"))
        }
    }
}

fn invalid(detail: String) -> LoadError {
    LoadError::Invalid { detail }
}
