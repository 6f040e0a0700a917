//! The process-wide owner of configuration and endpoints.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Control, CostPlanner, DType, DeviceState, DeviceStateProvider, Endpoint, Engine,
    Error, Estimates, LoadOptions, ModelSource, Planner, PlannerSettings, Remote, RemoteError, SnapshotError,
    Statistics, Tensor,
};
use tandem_engine::{CacheOptions, EngineOptions, OnnxEngine};

use crate::call::Call;
use crate::endpoints::Endpoints;
use crate::learning::{Learning, restored};
use crate::{Model, settings};

/// What a runtime and its models share.
pub(crate) struct Parts {
    pub(crate) engine: Arc<dyn Engine>,
    /// There is none without an endpoint: such a runtime cannot open a socket.
    pub(crate) remote: Option<Arc<dyn Remote>>,
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) endpoints: Endpoints,
    pub(crate) learning: Learning,
    /// When endpoints are probed; `None` where they are not, or where another planner decides.
    pub(crate) probes: Option<PlannerSettings>,
    /// Whether a probe is under way.
    pub(crate) probing: AtomicBool,
    pub(crate) closing: CancellationToken,
}

/// Owner of configuration, endpoints and what runs. Create one and share it.
///
/// Clones share everything. Closing one closes all of them and every model that they loaded.
#[derive(Clone)]
pub struct Runtime {
    parts: Arc<Parts>,
}

impl Runtime {
    /// A runtime to be configured.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Loads a model. Blocks while the file is read, checked and prepared.
    ///
    /// Ends with `Cancelled` soon after the options' token is cancelled, with `DeadlineExceeded` soon after their timeout,
    /// with `Closed` soon after the runtime is closed. They are asked between the steps of a load; the longest step that
    /// is not divided is tract's optimisation of the graph.
    ///
    /// With [`LoadOptions::manifest`] the model may be split. The halves of a cut are made when it is first
    /// chosen, which takes as long as loading the model did, and hold its weights once more. Cancelling that run ends
    /// their making; its passed deadline does not, so that a later run finds them.
    pub fn load(&self, source: impl Into<ModelSource>, options: &LoadOptions) -> Result<Model, Error> {
        let call = Call::under(&options.token, options.timeout, &self.parts.closing, "runtime");
        call.check()?;
        let model = Model::load(self.parts.clone(), &source.into(), options, &call.control)
            .map_err(|error| call.blame(error.into()))?;
        // Whoever has cancelled or closed meanwhile is not given a model.
        call.check()?;
        Ok(model)
    }

    /// A tensor over memory of the engine's own, filled with one copy of `bytes`, so that a run does not copy it
    /// again.
    pub fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, Error> {
        Ok(self.parts.engine.tensor(dtype, shape, bytes)?)
    }

    /// The engine that runs this runtime's models on the device: what [`crate::split`] learns shapes and errors with.
    pub fn engine(&self) -> &dyn Engine {
        self.parts.engine.as_ref()
    }

    /// Asks the endpoint of that name whether it is ready. The only call that contacts an endpoint without a run.
    pub fn is_ready(&self, endpoint: &str, control: &Control) -> Result<bool, Error> {
        self.check_open()?;
        let endpoint = self.parts.endpoints.get(endpoint)?;
        let remote = self.parts.remote.as_ref().ok_or(RemoteError::NoEndpoint)?;
        let left = control.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let call = Call::under(&control.token, left, &self.parts.closing, "runtime");
        remote.is_ready(endpoint, &call.control).map_err(|error| call.blame(error.into()))
    }

    /// How runs were placed so far, and how good the predictions were.
    pub fn statistics(&self) -> Statistics {
        self.parts.learning.with(|estimates, _| estimates.statistics())
    }

    /// What the planner has learned, as JSON of some kilobytes, for [`RuntimeBuilder::estimates`] of a later start. It names
    /// endpoints, models' digests and networks as the host does; nothing of inputs or outputs.
    pub fn estimates(&self) -> Result<String, Error> {
        self.parts.learning.snapshot()
    }

    /// Closes the runtime and its models. Calls under way end with [`Error::Closed`]; further ones begin and end
    /// with it. Closing again does nothing.
    pub fn close(&self) {
        self.parts.closing.cancel();
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.parts.closing.is_cancelled() { Err(Error::Closed("runtime")) } else { Ok(()) }
    }
}

/// Configures a [`Runtime`].
#[derive(Default)]
pub struct RuntimeBuilder {
    endpoints: Vec<Endpoint>,
    engine: Option<Arc<dyn Engine>>,
    threads: Option<usize>,
    cache: Option<CacheOptions>,
    remote: Option<Arc<dyn Remote>>,
    planner: Option<Arc<dyn Planner>>,
    settings: PlannerSettings,
    device: Option<Arc<dyn DeviceStateProvider>>,
    estimates: (Estimates, Duration),
}

impl RuntimeBuilder {
    /// Adds an endpoint; those added first are preferred.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Replaces the engine.
    pub fn engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.engine = Some(engine);
        self
    }

    /// The most threads of a runtime.
    pub const MOST_THREADS: usize = EngineOptions::MOST_THREADS;

    /// How many threads a run on this device shares its work over, the caller's own included: one by default, at most
    /// [`MOST_THREADS`](Self::MOST_THREADS). Answers are the same bit for bit. All models of the runtime share these threads; runs
    /// at the same time never wait for one. A load of 4 MiB or more has one thread beside its own, for the model's digest, whatever this
    /// says.
    ///
    /// Has no effect where [`RuntimeBuilder::engine`] replaces the engine.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Keeps what was compiled of a model in a folder, so that its next load takes a fraction of the time. Off by default. Answers are
    /// the same bit for bit. A file that has not been changed since, by what the system says of it, is not read again, unless
    /// [`LoadOptions::sha256`] asks for it.
    ///
    /// Has no effect where [`RuntimeBuilder::engine`] replaces the engine.
    pub fn cache(mut self, cache: CacheOptions) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Replaces the client of endpoints.
    pub fn remote(mut self, remote: Arc<dyn Remote>) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Sets what the planner weighs, and whether it may probe endpoints: see [`PlannerSettings::probes`]. Probes are small
    /// exchanges over zeros, sent only while the app makes requests, so that a link that has become good is noticed.
    pub fn planner_settings(mut self, settings: PlannerSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Replaces settings of the planner by JSON with the names of [`PlannerSettings`]; what it does not name stays as it is.
    /// Times are in seconds. Fails with [`Error::InvalidArgument`] where a name or a value makes no sense.
    ///
    /// ```
    /// # fn main() -> Result<(), tandem::Error> {
    /// let json = r#"{ "probes": { "enabled": false }, "energy": { "compute_watts": 3.1 } }"#;
    /// let runtime = tandem::Runtime::builder().planner_settings_json(json)?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn planner_settings_json(mut self, json: &str) -> Result<Self, Error> {
        self.settings = settings::replaced(&self.settings, json)?;
        Ok(self)
    }

    /// Whether the planner may probe endpoints, whatever its settings said before: see [`PlannerSettings::probes`].
    pub fn probes(mut self, enabled: bool) -> Self {
        self.settings.probes.enabled = enabled;
        self
    }

    /// Replaces the planner. Endpoints are not probed then.
    pub fn planner(mut self, planner: Arc<dyn Planner>) -> Self {
        self.planner = Some(planner);
        self
    }

    /// Tells the planner what state the device is in. Without a provider nothing is known of it.
    pub fn device_state_provider(mut self, provider: Arc<dyn DeviceStateProvider>) -> Self {
        self.device = Some(provider);
        self
    }

    /// Goes on from what [`Runtime::estimates`] of an earlier runtime has written, aged by the time that has passed since.
    ///
    /// Fails where it cannot be read, is of another version, or holds what cannot be; an app then starts without it.
    pub fn estimates(mut self, json: &str) -> Result<Self, SnapshotError> {
        self.estimates = restored(json)?;
        Ok(self)
    }

    /// The runtime. Fails where two endpoints share a name, the number of threads or a setting of the planner makes no sense, or
    /// there are endpoints and no client for them: this library may have been built without the feature `remote`.
    pub fn build(self) -> Result<Runtime, Error> {
        settings::check(&self.settings)?;
        let threads = self.threads.unwrap_or(1);
        if !(1..=Self::MOST_THREADS).contains(&threads) {
            let most = Self::MOST_THREADS;
            return Err(Error::InvalidArgument(format!("threads is {threads}, expected 1 to {most}")));
        }
        let endpoints = Endpoints::new(self.endpoints)?;
        let remote = match self.remote {
            Some(remote) => Some(remote),
            None if endpoints.is_empty() => None,
            None => Some(client()?),
        };
        let mut options = EngineOptions::default().with_threads(threads);
        options.cache = self.cache;
        let parts = Parts {
            engine: self.engine.unwrap_or_else(|| Arc::new(OnnxEngine::with_options(options))),
            remote,
            probes: self
                .planner
                .is_none()
                .then_some(self.settings)
                .filter(|settings| settings.probes.enabled),
            probing: AtomicBool::new(false),
            planner: self.planner.unwrap_or_else(|| Arc::new(CostPlanner { settings: self.settings })),
            endpoints,
            learning: Learning::new(
                self.device.unwrap_or_else(|| Arc::new(DeviceState::default())),
                self.estimates,
            ),
            closing: CancellationToken::new(),
        };
        Ok(Runtime { parts: Arc::new(parts) })
    }
}

/// The client that comes with the library.
#[cfg(feature = "remote")]
#[allow(clippy::unnecessary_wraps)] // As where there is none.
fn client() -> Result<Arc<dyn Remote>, Error> {
    Ok(Arc::new(tandem_remote::HttpRemote::new()))
}

#[cfg(not(feature = "remote"))]
fn client() -> Result<Arc<dyn Remote>, Error> {
    let what = "endpoints need the feature `remote`, which this library was built without";
    Err(Error::InvalidArgument(what.to_owned()))
}
