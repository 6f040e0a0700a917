//! The cuts of a model that the planner may use, and their halves once they are needed.

mod halves;
mod kept;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Control, CutCosts, Engine, Error, FormCosts, LoadError, LoadOptions, ManifestOptions,
    ModelCosts, ModelInfo, ModelSource, Profile, RunError,
};
use tandem_engine::source;
use tandem_split::{
    Boundary, CutEntry, FormEntry, Manifest, ManifestError, PublicKey, WireForm, head_shares, wire_tensors,
};

use crate::costs::{HEAD_BYTES, Sizes, bytes};
use halves::{Halves, NotReady};
use kept::Kept;

pub(crate) use halves::ReadyCut;

/// How long an endpoint that does not serve a tail is not asked for it again.
const ABSENCE: Duration = Duration::from_mins(5);

/// A cut that may be used, and the form in which its tensors travel.
pub(crate) struct Cut {
    pub(crate) id: String,
    pub(crate) boundary: Boundary,
    pub(crate) forms: Vec<WireForm>,
    form: String,
    /// The tail as endpoints serve it.
    pub(crate) remote: ModelInfo,
    pub(crate) head_fraction: f64,
    tail_fraction: f64,
    reply_bytes: u64,
    /// The model's inputs of which nothing crosses.
    own_inputs: Vec<String>,
}

/// The cuts of one model.
pub(crate) struct Splits {
    /// The name under which the whole model is served.
    pub(crate) served: String,
    cuts: Vec<Arc<Cut>>,
    compute: Option<Compute>,
    halves: Halves,
    /// Of tensors inside the graph, once a run has named one as private.
    kept: OnceLock<Kept>,
    /// Since when an endpoint was seen not to serve the tail of a cut; an endpoint without a name stands for all: the
    /// halves cannot be made.
    absent: Mutex<HashMap<(String, Option<String>), Instant>>,
    generation: AtomicU64,
}

/// What a run of the whole model computes, by the manifest.
#[derive(Clone, Copy)]
struct Compute {
    multiply_adds: u64,
    /// Bytes of the inputs for which that holds.
    input_bytes: u64,
}

impl Compute {
    fn of(manifest: &Manifest, info: &ModelInfo) -> Option<Self> {
        let both = |cut: &CutEntry| cut.multiply_adds.head.saturating_add(cut.multiply_adds.tail);
        // What stands on both sides counts twice.
        let multiply_adds = manifest.cuts.iter().map(both).min().filter(|&count| count > 0)?;
        let input = |input| bytes(input, &manifest.sizes);
        let input_bytes = info.inputs.iter().map(input).sum::<Option<u64>>().filter(|&bytes| bytes > 0)?;
        Some(Self { multiply_adds, input_bytes })
    }

    /// The same for a run with inputs of other sizes, as if compute grew with these: some grows faster, none much slower.
    fn with(self, input_bytes: u64) -> u64 {
        let count = u128::from(self.multiply_adds) * u128::from(input_bytes) / u128::from(self.input_bytes);
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

impl Splits {
    /// Reads the manifest and takes the cuts whose forms are as exact as is asked for.
    pub(crate) fn load(
        manifest: &ManifestOptions,
        source: &ModelSource,
        options: &LoadOptions,
        info: &ModelInfo,
        engine: Arc<dyn Engine>,
        may_go_on: impl Fn() -> Result<(), LoadError>,
    ) -> Result<Self, LoadError> {
        let file = source::read(&manifest.source, Manifest::MAX_BYTES as u64, may_go_on).map_err(
            |error| match error {
                LoadError::Invalid { detail } => LoadError::Manifest { detail },
                error => error,
            },
        )?;
        let key = manifest.public_key.map(PublicKey::new);
        let parsed = Manifest::parse(&file, key.as_ref()).map_err(|error| refused(&error))?;
        parsed.check_model(&info.digest).map_err(|error| refused(&error))?;
        let compute = Compute::of(&parsed, info);
        let (mut cuts, served) = (Vec::new(), parsed.model.name);
        for entry in parsed.cuts {
            let usable = entry.forms.iter().filter(|form| is_exact_enough(form, manifest.max_relative_error));
            let Some(form) = usable.min_by_key(|form| form.request_bytes).cloned() else {
                log::info!("cut {} of model {:?} has no form that is exact enough", entry.id, info.name);
                continue;
            };
            cuts.push(Arc::new(Cut::new(entry, form, info)?));
        }
        // The halves are made later, when the load is long over, and under the token of the run that needs them.
        let options = LoadOptions {
            name: None,
            sha256: None,
            manifest: None,
            timeout: None,
            token: CancellationToken::new(),
            ..options.clone()
        };
        Ok(Self {
            served,
            cuts,
            compute,
            halves: Halves::new(source.clone(), info.digest.clone(), options, engine),
            kept: OnceLock::new(),
            absent: Mutex::default(),
            generation: AtomicU64::new(0),
        })
    }

    /// Changes whenever what [`Splits::add_costs`] says changes.
    pub(crate) fn generation(&self) -> u64 {
        // What was absent long ago is offered again: time counts as a change, too, in steps.
        let absent = lock(&self.absent);
        let current = absent.values().filter(|since| since.elapsed() < ABSENCE).count() as u64;
        drop(absent);
        (self.generation.load(Ordering::Relaxed) << 16) | current
    }

    /// Adds the cuts to the costs of a run with these sizes.
    pub(crate) fn add_costs(&self, whole: ModelCosts, sizes: &Sizes, endpoints: &[String]) -> ModelCosts {
        let absent = lock(&self.absent);
        let is_absent = |cut: &Cut, endpoint: Option<&String>| {
            let since = absent.get(&(cut.id.clone(), endpoint.cloned()));
            since.is_some_and(|since| since.elapsed() < ABSENCE)
        };
        let made = self.cuts.iter().filter(|cut| !is_absent(cut, None));
        let cuts = made.filter_map(|cut| {
            let crossing = cut.remote.inputs.iter().map(|input| bytes(input, sizes)).sum::<Option<u64>>()?;
            let serving = endpoints.iter().filter(|endpoint| !is_absent(cut, Some(endpoint)));
            let down: Option<u64> = cut.remote.outputs.iter().map(|output| bytes(output, sizes)).sum();
            Some(CutCosts {
                id: cut.id.as_str().into(),
                head_fraction: cut.head_fraction,
                tail_fraction: cut.tail_fraction,
                forms: vec![FormCosts { name: cut.form.clone(), bytes_up: crossing + HEAD_BYTES }],
                bytes_down: down.unwrap_or(cut.reply_bytes) + HEAD_BYTES,
                keeps: self.kept_by(cut).map(str::to_owned).collect(),
                endpoints: serving.cloned().collect(),
            })
        });
        let by_manifest = || Some(self.compute?.with(whole.request_bytes.saturating_sub(HEAD_BYTES)));
        let multiply_adds = whole.multiply_adds.or_else(by_manifest);
        ModelCosts { cuts: cuts.collect(), multiply_adds, ..whole }
    }

    /// By the ids of cuts, how much of a profiled run of the whole model their heads took. Reads the model again; nothing
    /// where it cannot be read or its nodes are called otherwise, and until `token` is cancelled.
    pub(crate) fn head_shares(&self, profile: &Profile, token: &CancellationToken) -> Vec<(String, f64)> {
        let model = match self.halves.model(token) {
            Ok(model) => model,
            Err(error) => {
                log::warn!("the profile says nothing of the model's cuts: {error}");
                return Vec::new();
            }
        };
        let boundaries: Vec<&Boundary> = self.cuts.iter().map(|cut| &cut.boundary).collect();
        let shares = head_shares(&model, profile, &boundaries);
        self.cuts.iter().zip(shares).filter_map(|(cut, share)| Some((cut.id.clone(), share?))).collect()
    }

    /// Whether a tensor that is no input is one of the model's. Finds out first what each cut keeps, where that is not known:
    /// reads the model again, until `token` is cancelled.
    pub(crate) fn has_tensor(&self, name: &str, token: &CancellationToken) -> Result<bool, String> {
        if let Some(kept) = self.kept.get() {
            return Ok(kept.has(name));
        }
        let kept = Kept::of(&self.halves.model(token)?, &self.cuts)?;
        let has = kept.has(name);
        if self.kept.set(kept).is_ok() {
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        Ok(has)
    }

    /// The tensors that are known to stay on this device in a split run at `cut`.
    fn kept_by<'a>(&'a self, cut: &'a Cut) -> impl Iterator<Item = &'a str> {
        let inside = self.kept.get().map_or(&[][..], |kept| kept.by(&cut.id));
        cut.own_inputs.iter().chain(inside).map(String::as_str)
    }

    /// Of the `private` tensors one that a split run at `cut` would, or may, let leave this device.
    pub(crate) fn revealed<'a>(&self, cut: &Cut, private: &'a [String]) -> Option<&'a String> {
        private.iter().find(|name| !self.kept_by(cut).any(|kept| kept == *name))
    }

    /// The cut of that id.
    pub(crate) fn cut(&self, id: &str) -> Option<&Arc<Cut>> {
        self.cuts.iter().find(|cut| cut.id == id)
    }

    /// The halves of a cut, made where they are not at hand: that takes as long as loading the model, or until `control`
    /// says stop.
    pub(crate) fn ready(&self, id: &str, control: &Control) -> Result<Arc<ReadyCut>, Error> {
        let cut = self.cut(id).ok_or_else(|| Error::Internal(format!("the model has no cut {id:?}")))?;
        self.halves.get(cut, control).map_err(|error| match error {
            NotReady::Interrupted(interrupt) => Error::Run(interrupt.into()),
            NotReady::Failed(detail) => {
                log::warn!("the model cannot be cut at {id}: {detail}");
                self.note_absence(id, None);
                RunError::Internal { detail: format!("the model cannot be cut at {id}: {detail}") }.into()
            }
        })
    }

    /// Keeps in mind that `endpoint` does not serve the tail of a cut.
    pub(crate) fn note_absence(&self, id: &str, endpoint: Option<&str>) {
        lock(&self.absent).insert((id.to_owned(), endpoint.map(str::to_owned)), Instant::now());
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Frees the halves.
    pub(crate) fn close(&self) {
        self.halves.clear();
    }
}

impl Cut {
    fn new(entry: CutEntry, form: FormEntry, info: &ModelInfo) -> Result<Self, LoadError> {
        let detail = |error: &dyn std::fmt::Display| LoadError::Manifest { detail: error.to_string() };
        let takes = wire_tensors(&entry.boundary, &form.tensors).map_err(|error| detail(&error))?;
        let in_head = &entry.boundary.head_outputs;
        let gives = info.outputs.iter().filter(|output| !in_head.contains(&output.name)).cloned();
        let remote =
            ModelInfo::new(form.model, form.sha256, info.opset, BTreeMap::new(), takes, gives.collect());
        let compute = entry.multiply_adds;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
        let share = |part: u64| part as f64 / (compute.head.saturating_add(compute.tail)).max(1) as f64;
        let (head_fraction, tail_fraction) = match entry.time {
            Some(time) => (time.head, time.tail),
            None => (share(compute.head), share(compute.tail)),
        };
        let crosses = |name: &String| entry.boundary.crossing.iter().any(|it| it.depends_on.contains(name));
        let inputs = info.inputs.iter().map(|input| &input.name);
        let own_inputs = inputs.filter(|name| !crosses(name)).cloned().collect();
        Ok(Self {
            id: entry.id,
            boundary: entry.boundary,
            forms: form.tensors,
            form: form.name,
            remote,
            head_fraction,
            tail_fraction,
            reply_bytes: entry.reply_bytes,
            own_inputs,
        })
    }
}

/// Whether a form rounds no more than `limit`: one that does not round at all, or one whose error was measured.
fn is_exact_enough(form: &FormEntry, limit: f64) -> bool {
    let rounds = form.tensors.iter().any(|tensor| *tensor != WireForm::Native);
    !rounds || form.error.as_ref().is_some_and(|error| error.relative_rms <= limit)
}

fn refused(error: &ManifestError) -> LoadError {
    let detail = error.to_string();
    match error {
        ManifestError::Digest { expected, got } => {
            LoadError::IntegrityMismatch { expected: expected.clone(), got: got.clone() }
        }
        ManifestError::Unsigned | ManifestError::BadSignature => LoadError::Signature { detail },
        _ => LoadError::Manifest { detail },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
