//! A model repository in Triton's layout, written so that nothing of somebody else's is lost.

mod config;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, ManifestError, SigningKey};
use crate::split::{DeployedModel, Split};

pub use config::Backend;
use config::MARK;

/// The script of a model of Triton's Python backend.
const PYTHON_MODEL: &str = include_str!("repository/python_model.py");
/// The ending of a manifest's file.
const MANIFEST_ENDING: &str = ".tandem.json";

/// Why a repository cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// What is in the way was not written by `tandem split`.
    #[error("{} was not written by `tandem split`, and is left as it is", .0.display())]
    NotOurs(PathBuf),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest would not be believed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Writes `split` into the folder `repository`, which is made where it is missing, and gives the path of the
/// manifest.
///
/// Every model gets `NAME/1/model.onnx` and `NAME/config.pbtxt`, with [`Backend::Python`] also `NAME/1/model.py`;
/// the manifest, signed where a `key` is given, is `NAME.tandem.json`. All is written under hidden names first
/// and moved into place when it is complete, the manifest last. A model or manifest of the same name is replaced
/// only where `tandem split` wrote it, which the first line of its `config.pbtxt` says. Tails of former splits
/// stay: a device may still use them.
pub fn write_repository(
    repository: &Path,
    split: &Split,
    backend: Backend,
    key: Option<&SigningKey>,
) -> Result<PathBuf, RepositoryError> {
    let manifest = split.manifest.to_bytes(key)?;
    let path = repository.join(format!("{}{MANIFEST_ENDING}", split.name));
    // Nothing is written where anything is in the way.
    check_manifest_is_ours(&path)?;
    for model in &split.models {
        check_model_is_ours(&repository.join(&model.name))?;
    }
    make_folder(repository)?;
    for model in &split.models {
        write_model(repository, model, backend)?;
    }
    let hidden = hidden(repository, "manifest");
    write(&hidden, &manifest)?;
    fs::rename(&hidden, &path).map_err(at(&path))?;
    Ok(path)
}

fn write_model(repository: &Path, model: &DeployedModel, backend: Backend) -> Result<(), RepositoryError> {
    let new = hidden(repository, &model.name);
    remove(&new)?;
    let version = new.join("1");
    make_folder(&version)?;
    write(&version.join("model.onnx"), &model.file)?;
    if backend == Backend::Python {
        write(&version.join("model.py"), PYTHON_MODEL.as_bytes())?;
    }
    write(&new.join("config.pbtxt"), config::text(model, backend).as_bytes())?;
    let place = repository.join(&model.name);
    let old = hidden(repository, &format!("{}.old", model.name));
    remove(&old)?;
    if place.exists() {
        fs::rename(&place, &old).map_err(at(&place))?;
    }
    fs::rename(&new, &place).map_err(at(&place))?;
    remove(&old)
}

/// A name beside the models that servers do not look at.
fn hidden(repository: &Path, name: &str) -> PathBuf {
    repository.join(format!(".tandem-{}-{name}", std::process::id()))
}

fn check_model_is_ours(folder: &Path) -> Result<(), RepositoryError> {
    if !exists(folder)? {
        return Ok(());
    }
    let config = fs::read_to_string(folder.join("config.pbtxt")).unwrap_or_default();
    if config.starts_with(MARK) { Ok(()) } else { Err(RepositoryError::NotOurs(folder.to_owned())) }
}

fn check_manifest_is_ours(path: &Path) -> Result<(), RepositoryError> {
    if !exists(path)? {
        return Ok(());
    }
    let file = fs::read(path).map_err(at(path))?;
    match Manifest::parse(&file, None) {
        // One of another version was written by another `tandem split`.
        Ok(_) | Err(ManifestError::Version { .. }) => Ok(()),
        Err(_) => Err(RepositoryError::NotOurs(path.to_owned())),
    }
}

/// Whether something is there, a link that leads nowhere among it.
fn exists(path: &Path) -> Result<bool, RepositoryError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(path)(error)),
    }
}

fn make_folder(path: &Path) -> Result<(), RepositoryError> {
    fs::create_dir_all(path).map_err(at(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RepositoryError> {
    fs::write(path, bytes).map_err(at(path))
}

/// Removes a hidden folder of ours, where there is one.
fn remove(path: &Path) -> Result<(), RepositoryError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> RepositoryError + '_ {
    |source| RepositoryError::Io { path: path.to_owned(), source }
}
