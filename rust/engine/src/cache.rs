//! Compiled plans in a folder, so that a model that was loaded before is there again without being read, analysed and packed.
//!
//! A plan's file is named after everything that decides what it is: the model's digest, the input shapes, the limits of the
//! load, the engine's options, its sources and the instructions of the processor. It is written under another name and renamed,
//! so that no reader sees half of one; what is damaged, of another format, or cannot be read for whatever reason is as good as
//! not there, and is written anew. Nothing here ever fails a load.

mod entry;
mod folder;
mod identity;

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tandem_core::{Limits, ModelInfo};
use tandem_kernels::{ByteSet, InstructionSet, Packed, Restorer, Saver};
use tract_core::internal::TractResult;

use crate::engine::EngineOptions;
use crate::fault::Fault;
use crate::saved::{self, SavedGraph};
use entry::{Entry, Key};
use folder::Folder;
pub(crate) use identity::Identity;

/// Counts what the files look like; what is in them has the fingerprint of the sources in its key.
const FORMAT: u64 = 2;

/// Where compiled plans are kept.
///
/// Whoever can write to the folder decides what the models that are loaded through it answer: it belongs in the app's own
/// storage, and nowhere else. Its files are mapped while a model that was loaded from them is open: they may be replaced and
/// removed then, but whoever shortens one in place ends the process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOptions {
    /// The folder; it is made where it is missing.
    pub folder: PathBuf,
    /// How many bytes the files of the cache may take together, 1 GiB by default. Those that were used least recently go first.
    pub max_bytes: u64,
}

impl CacheOptions {
    /// A cache in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), max_bytes: 1 << 30 }
    }

    /// These options with [`max_bytes`](Self::max_bytes) set.
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }
}

/// What is kept for one set of input shapes.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Of the model; its name is the graph's own.
    pub(crate) info: ModelInfo,
    pub(crate) multiply_adds: Option<u64>,
    /// For each input of the graph, the index of the model's input.
    pub(crate) inputs: Vec<usize>,
    pub(crate) graph: SavedGraph,
}

/// The cache as one load sees it.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: Folder,
    /// What decides a plan beside its model and shapes.
    setting: [u8; 32],
}

impl Cache {
    /// The cache that `options` name, for a load with these limits.
    pub(crate) fn of(options: &EngineOptions, limits: &Limits) -> Option<Self> {
        let cache = options.cache.as_ref()?;
        let Limits { model_bytes, nodes, tensor_bytes, inputs } = *limits;
        let mut digest = Sha256::new();
        for number in [FORMAT, options.fused.into(), model_bytes, nodes, tensor_bytes, inputs] {
            digest.update(number.to_le_bytes());
        }
        let names =
            [InstructionSet::best().name(), ByteSet::best().name(), env!("TANDEM_ENGINE_FINGERPRINT")];
        for name in names {
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name);
        }
        let folder = Folder { path: cache.folder.clone(), max_bytes: cache.max_bytes };
        Some(Self { folder, setting: digest.finalize().into() })
    }

    /// The digest of the file at `path`, where it is the file whose digest was [remembered](Self::remember).
    pub(crate) fn digest_of(&self, path: &Path) -> Option<String> {
        let identity = Identity::of(path)?;
        let record = fs::read(self.folder.path.join(identity::record_name(path)?)).ok()?;
        identity.digest_in(&record)
    }

    /// Remembers the digest of the file at `path`, where it is the same now as `before` it was read, which was at `start`, and
    /// was not changed shortly before.
    pub(crate) fn remember(&self, path: &Path, before: Option<Identity>, start: SystemTime, digest: &str) {
        let Some(identity) = before.filter(|before| before.is_settled(start)) else { return };
        if Identity::of(path) == Some(identity)
            && let Some(name) = identity::record_name(path)
        {
            let record = identity.record(digest);
            let write = |file: &mut File| io::Write::write_all(file, &record);
            // Without the record the file is read and hashed again.
            let _ = self.folder.put(&name, record.len() as u64, write);
        }
    }

    /// The plan of the model of that digest for these input shapes, or for its own where they are fixed; `None` where there is
    /// none that can be used. Asks between steps of some milliseconds whether it may go on, and fails with what it says.
    pub(crate) fn find(
        &self,
        digest: &str,
        shapes: Option<&[&[usize]]>,
        may_go_on: &dyn Fn() -> Result<(), Fault>,
    ) -> Result<Option<Kept>, Fault> {
        let key = self.key(digest, shapes);
        let found = self.read(&key, &|| may_go_on().map_err(|_| io::ErrorKind::Interrupted.into()));
        // Whoever was stopped has read nothing.
        may_go_on()?;
        Ok(found.ok().filter(|kept| kept.info.digest == digest))
    }

    fn read(&self, key: &Key, may_go_on: &dyn Fn() -> io::Result<()>) -> TractResult<Kept> {
        let file = File::open(self.folder.path.join(name(key)))?;
        let used = file.try_clone();
        let (mut entry, description) = Entry::open(file, key)?;
        let mut from = Restorer::new(&description, &[]);
        let info = serde_json::from_slice(from.bytes()?)?;
        let multiply_adds = match from.byte()? {
            0 => None,
            _ => Some(from.size()? as u64),
        };
        let (inputs, parameters) = (from.list()?, from.bytes()?.to_vec());
        let packed: io::Result<Vec<Packed>> =
            (0..from.size()?).map(|_| entry.next_packed(may_go_on)).collect();
        let packed = packed?;
        let tensors = saved::restore_tensors(&mut from, |room| Ok(entry.read_next(room, may_go_on)?))?;
        // The time of the last use, by which old files go. A folder that cannot be written to keeps what it has.
        let _ = used.and_then(|file| file.set_modified(SystemTime::now()));
        Ok(Kept { info, multiply_adds, inputs, graph: SavedGraph { parameters, packed, tensors } })
    }

    /// Keeps a plan, where there is room for it.
    pub(crate) fn keep(&self, shapes: Option<&[&[usize]]>, kept: &Kept) {
        // What cannot be kept is compiled again.
        let _ = self.write(&self.key(&kept.info.digest, shapes), kept);
    }

    fn write(&self, key: &Key, kept: &Kept) -> TractResult<()> {
        let SavedGraph { parameters, packed, tensors } = &kept.graph;
        let mut to = Saver::default();
        to.bytes(&serde_json::to_vec(&kept.info)?);
        to.byte(kept.multiply_adds.is_some().into());
        if let Some(multiply_adds) = kept.multiply_adds {
            to.size(usize::try_from(multiply_adds)?);
        }
        to.list(&kept.inputs);
        to.bytes(parameters);
        to.size(packed.len());
        if saved::save_tensors(tensors, &mut to).is_none() {
            return Ok(());
        }
        let (description, _) = to.into_parts();
        let packed = packed.iter().map(Packed::as_bytes);
        let pieces: Vec<&[u8]> = packed.chain(tensors.iter().map(|tensor| tensor.as_bytes())).collect();
        let length = entry::length(&description, &pieces);
        self.folder.put(&name(key), length, |file| entry::write(file, key, &description, &pieces))?;
        Ok(())
    }

    fn key(&self, digest: &str, shapes: Option<&[&[usize]]>) -> Key {
        let mut key = Sha256::new();
        key.update(self.setting);
        key.update(digest);
        for shape in shapes.unwrap_or_default() {
            key.update((shape.len() as u64).to_le_bytes());
            for &size in *shape {
                key.update((size as u64).to_le_bytes());
            }
        }
        key.update([shapes.is_some().into()]);
        key.finalize().into()
    }
}

/// The name of an entry's file.
fn name(key: &Key) -> PathBuf {
    format!("{}.plan", hexadecimal(&key[..16])).into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
