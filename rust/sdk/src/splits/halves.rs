//! The halves of a model's cuts: made by the run that needs them first, and kept for the others.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Control, Engine, Interrupt, LoadError, LoadOptions, LocalModel, ModelSource,
};
use tandem_onnx::ModelProto;
use tandem_split::extract;

use super::Cut;
use crate::model_file;

/// Cuts whose halves are kept. Each holds the model's weights once more.
const MOST_READY: usize = 2;

/// A cut whose halves run on this device.
pub(crate) struct ReadyCut {
    pub(crate) cut: Arc<Cut>,
    /// `None` where only inputs cross.
    pub(crate) head: Option<Arc<dyn LocalModel>>,
    pub(crate) tail: Arc<dyn LocalModel>,
    /// Whether the head has run.
    pub(crate) used: AtomicBool,
}

/// Why there are no halves.
pub(crate) enum NotReady {
    /// The run was stopped before they were made.
    Interrupted(Interrupt),
    /// They cannot be made.
    Failed(String),
}

/// The halves of one model's cuts.
pub(crate) struct Halves {
    recipe: Arc<Recipe>,
    shelf: Arc<Shelf>,
}

/// What halves are made from.
struct Recipe {
    source: ModelSource,
    digest: String,
    options: LoadOptions,
    engine: Arc<dyn Engine>,
}

#[derive(Default)]
struct Shelf {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The cut that was used last stands last.
    ready: Vec<Arc<ReadyCut>>,
    /// By cut: what is being made, or why it could not be made until a run has taken note.
    making: HashMap<String, Making>,
}

enum Making {
    UnderWay,
    Failed(String),
}

impl Halves {
    /// Halves to be made of the model in `source`, as long as it is the one with this digest.
    pub(crate) fn new(
        source: ModelSource,
        digest: String,
        options: LoadOptions,
        engine: Arc<dyn Engine>,
    ) -> Self {
        let recipe = Arc::new(Recipe { source, digest, options, engine });
        Self { recipe, shelf: Arc::default() }
    }

    /// The halves of a cut, made where they are not at hand: that takes as long as loading the model.
    ///
    /// Cancelling ends the wait, and the making where this run began it: another run that waits begins anew. A passed
    /// deadline ends the wait only, or runs with short ones would never have their halves.
    pub(crate) fn get(&self, cut: &Arc<Cut>, control: &Control) -> Result<Arc<ReadyCut>, NotReady> {
        let waker = self.shelf.clone();
        let _woken = control.token.on_cancel(move || waker.wake());
        let mut state = self.shelf.lock();
        loop {
            let now = Instant::now();
            control.check(now).map_err(NotReady::Interrupted)?;
            if let Some(found) = state.take(&cut.id) {
                return Ok(found);
            }
            match state.making.get(&cut.id) {
                Some(Making::UnderWay) => {}
                Some(Making::Failed(_)) => {
                    if let Some(Making::Failed(detail)) = state.making.remove(&cut.id) {
                        return Err(NotReady::Failed(detail));
                    }
                }
                None => {
                    self.begin(cut.clone(), control.token.clone()).map_err(NotReady::Failed)?;
                    state.making.insert(cut.id.clone(), Making::UnderWay);
                }
            }
            let left = control.deadline.map(|deadline| deadline.saturating_duration_since(now));
            state = self.shelf.wait(state, left);
        }
    }

    /// The model that the halves are made of, read again.
    pub(crate) fn model(&self, token: &CancellationToken) -> Result<ModelProto, String> {
        self.recipe.read(token)
    }

    /// Frees the halves. What is being made under a token that is cancelled is not kept.
    pub(crate) fn clear(&self) {
        self.shelf.lock().ready.clear();
    }

    /// Makes the halves on a thread of their own, until `token` is cancelled.
    fn begin(&self, cut: Arc<Cut>, token: CancellationToken) -> Result<(), String> {
        let (recipe, kept) = (self.recipe.clone(), self.shelf.clone());
        let work = move || {
            let made = catch_unwind(AssertUnwindSafe(|| recipe.make(&cut, &token)))
                .unwrap_or_else(|_| Err("making its halves panicked".to_owned()));
            kept.lock().keep(&cut.id, made, &token);
            kept.changed.notify_all();
        };
        let spawned = thread::Builder::new().name("tandem-halves".to_owned()).spawn(work);
        spawned.map(drop).map_err(|error| format!("no thread to make its halves: {error}"))
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, left: Option<Duration>) -> MutexGuard<'a, State> {
        match left {
            Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn wake(&self) {
        // Whoever has looked at its token and does not wait yet holds the lock.
        drop(self.lock());
        self.changed.notify_all();
    }
}

impl State {
    /// The halves of that cut, which now was used last.
    fn take(&mut self, id: &str) -> Option<Arc<ReadyCut>> {
        let place = self.ready.iter().position(|ready| ready.cut.id == id)?;
        let found = self.ready.remove(place);
        self.ready.push(found.clone());
        Some(found)
    }

    fn keep(&mut self, id: &str, made: Result<ReadyCut, String>, token: &CancellationToken) {
        self.making.remove(id);
        if token.is_cancelled() {
            return;
        }
        match made {
            Ok(made) => {
                if self.ready.len() == MOST_READY {
                    self.ready.remove(0);
                }
                self.ready.push(Arc::new(made));
            }
            Err(detail) => {
                self.making.insert(id.to_owned(), Making::Failed(detail));
            }
        }
    }
}

impl Recipe {
    fn read(&self, token: &CancellationToken) -> Result<ModelProto, String> {
        let (limit, go_on) = (self.options.limits.model_bytes, || may_go_on(token));
        let read = model_file::read("", &self.source, limit, go_on).map_err(|error| error.to_string())?;
        if read.digest != self.digest {
            return Err(format!(
                "the model's file has changed: its SHA-256 is {}, was {}",
                read.digest, self.digest
            ));
        }
        Ok(read.model)
    }

    fn make(&self, cut: &Arc<Cut>, token: &CancellationToken) -> Result<ReadyCut, String> {
        let said = |error: LoadError| error.to_string();
        let model = self.read(token)?;
        let halves = extract(&model, &cut.boundary).map_err(|error| error.to_string())?;
        drop(model);
        let options = LoadOptions { token: token.clone(), ..self.options.clone() };
        let load = |half: ModelProto| {
            may_go_on(token)?;
            let source = ModelSource::Bytes(half.encode_bytes().as_ref().into());
            self.engine.load(&source, &options)
        };
        let head = halves.head.map(load).transpose().map_err(said)?;
        let tail = load(halves.tail).map_err(said)?;
        Ok(ReadyCut { cut: cut.clone(), head, tail, used: AtomicBool::new(false) })
    }
}

fn may_go_on(token: &CancellationToken) -> Result<(), LoadError> {
    if token.is_cancelled() { Err(Interrupt::Cancelled.into()) } else { Ok(()) }
}
