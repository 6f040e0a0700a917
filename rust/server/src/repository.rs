//! The models of a repository in Triton's layout: `name/<version>/model.onnx`, beside it `name/config.pbtxt`.

mod model_config;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::refusal::Refusal;
use crate::served::{Loader, Served};
use crate::{ServerConfig, ServerError};

pub(crate) use model_config::ModelConfig;

/// Bytes of a `config.pbtxt` that are still read.
const MOST_CONFIG_BYTES: u64 = 1 << 20;

/// The file of a version.
const MODEL_FILE: &str = "model.onnx";

/// One version of a model, or a model that has none.
struct Version {
    /// `None` for a model that has none.
    number: Option<u64>,
    /// Its place among what is served, or why it is not.
    state: Result<usize, String>,
}

/// The models of a repository, loaded once.
pub(crate) struct Repository {
    /// By name, each in ascending order and never empty.
    models: BTreeMap<String, Vec<Version>>,
    served: Vec<Arc<Served>>,
}

/// One version of a model, or a model that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<u64>,
    /// Why it is not served; `None` where it is.
    pub(crate) reason: Option<&'a str>,
}

impl Repository {
    /// Loads every model of the folder. One that cannot be loaded is kept with the reason.
    pub(crate) fn load(config: &ServerConfig) -> Result<Self, ServerError> {
        let unreadable = |source| ServerError::Repository { path: config.repository.clone(), source };
        let loader = Loader::new(config)?;
        let mut repository = Self { models: BTreeMap::new(), served: Vec::new() };
        for (name, folder) in folders(&config.repository).map_err(unreadable)? {
            let versions = repository.load_model(&loader, &name, &folder);
            repository.models.insert(name, versions);
        }
        for line in repository.index() {
            let version = line.version.map(|version| format!(" version {version}")).unwrap_or_default();
            match line.reason {
                None => log::info!("model {:?}{version} is ready", line.name),
                Some(reason) => log::warn!("model {:?}{version} is not served: {reason}", line.name),
            }
        }
        Ok(repository)
    }

    fn load_model(&mut self, loader: &Loader<'_>, name: &str, folder: &Path) -> Vec<Version> {
        let (config, numbers) = match examine(name, folder) {
            Ok(examined) => examined,
            Err(reason) => return vec![Version { number: None, state: Err(reason) }],
        };
        let load = |number: u64| {
            let file = folder.join(number.to_string()).join(MODEL_FILE);
            let state = if file.is_file() {
                loader.load(name, number, file, config.as_ref()).map(|served| {
                    self.served.push(Arc::new(served));
                    self.served.len() - 1
                })
            } else {
                Err(format!("there is no {MODEL_FILE}"))
            };
            Version { number: Some(number), state }
        };
        numbers.into_iter().map(load).collect()
    }

    /// Everything that is served, by lane.
    pub(crate) fn served(&self) -> &[Arc<Served>] {
        &self.served
    }

    /// The version that answers, and its lane: the one that is asked for, or the newest that can.
    pub(crate) fn find(&self, name: &str, version: Option<&str>) -> Result<(usize, &Arc<Served>), Refusal> {
        let versions = self.versions(name)?;
        let found = match version {
            Some(text) => versions.iter().find(|it| it.number.is_some() && it.number == version_number(text)),
            None => versions.iter().rev().find(|it| it.state.is_ok()).or(versions.last()),
        };
        let none =
            || Refusal::not_found(format!("model {name:?} has no version {:?}", version.unwrap_or_default()));
        let lane = match &found.ok_or_else(none)?.state {
            Ok(lane) => *lane,
            Err(reason) => return Err(Refusal::not_found(format!("model {name:?} is not ready: {reason}"))),
        };
        let served = self.served.get(lane).ok_or_else(|| Refusal::internal("a model has no lane"))?;
        Ok((lane, served))
    }

    /// The versions of a model that are served, in ascending order.
    pub(crate) fn ready_versions(&self, name: &str) -> Vec<String> {
        let versions = self.models.get(name).into_iter().flatten().filter(|version| version.state.is_ok());
        versions.filter_map(|version| version.number).map(|number| number.to_string()).collect()
    }

    /// Every version of every model.
    pub(crate) fn index(&self) -> impl Iterator<Item = IndexLine<'_>> {
        self.models.iter().flat_map(|(name, versions)| {
            versions.iter().map(|version| IndexLine {
                name,
                version: version.number,
                reason: version.state.as_ref().err().map(String::as_str),
            })
        })
    }

    fn versions(&self, name: &str) -> Result<&[Version], Refusal> {
        let versions = self.models.get(name).map(Vec::as_slice);
        versions.ok_or_else(|| Refusal::not_found(format!("there is no model {name:?}")))
    }
}

/// The configuration of a model, and the versions to load. An error is the reason why there is nothing to load.
fn examine(name: &str, folder: &Path) -> Result<(Option<ModelConfig>, Vec<u64>), String> {
    let config = read_config(folder)?;
    if let Some(config) = &config {
        config.check_name(name)?;
    }
    let there = folders(folder).map_err(|error| format!("its folder cannot be read: {error}"))?;
    let numbers = there.iter().filter_map(|(name, _)| version_number(name)).collect();
    let chosen = config.as_ref().map(|config| config.versions.clone()).unwrap_or_default().choose(numbers);
    if chosen.is_empty() {
        return Err("there is no version to serve, a folder with a number for its name".to_owned());
    }
    Ok((config, chosen))
}

fn read_config(folder: &Path) -> Result<Option<ModelConfig>, String> {
    let path = folder.join("config.pbtxt");
    let unreadable = |error: io::Error| format!("config.pbtxt cannot be read: {error}");
    let bytes = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if bytes > MOST_CONFIG_BYTES {
        return Err(format!("config.pbtxt has {bytes} bytes, the limit is {MOST_CONFIG_BYTES}"));
    }
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    ModelConfig::parse(&text).map(Some).map_err(|error| format!("config.pbtxt: {error}"))
}

/// The number that a version's folder is named by: as it is written, so that no two folders are one version.
fn version_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// The folders in a folder, by name; hidden ones and names that are not text are left out.
fn folders(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Follows links: mounted volumes are made of them.
        if !name.starts_with('.') && entry.path().is_dir() {
            folders.push((name, entry.path()));
        }
    }
    folders.sort();
    Ok(folders)
}
