//! The owner of configuration and endpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem::{Control, ModelSource, RuntimeBuilder};

use crate::device::HostDevice;
use crate::dtype::sizes;
use crate::token::HostTokens;
use crate::{
    CancelToken, DeviceStateProvider, EndpointConfig, LoadOptions, Model, Statistics, TandemFailure, Tensor,
    TensorSpec,
};

/// Configuration of a runtime.
#[derive(Clone, uniffi::Record)]
pub struct RuntimeConfig {
    /// The endpoints; those that come first are preferred.
    pub endpoints: Vec<EndpointConfig>,
    /// Who tells the state of the device; without, nothing is known of it.
    pub device_state: Option<Arc<dyn DeviceStateProvider>>,
    /// What the planner weighs, and whether it probes endpoints.
    pub planner: PlannerSettings,
    /// What an earlier runtime's `estimates` returned, to go on from.
    pub estimates: Option<String>,
    /// How many threads a run on this device shares its work over, the caller's own included.
    pub threads: i32,
    /// Where compiled plans are kept for a later start; `None` keeps none.
    pub cache: Option<CacheOptions>,
}

/// Where compiled plans are kept.
#[derive(Clone, Debug, uniffi::Record)]
pub struct CacheOptions {
    /// The path of the folder; it is made where it is missing. One that cannot be used keeps nothing, and fails no load.
    pub folder: String,
    /// How many bytes the files may take together; `None` is the core's default.
    pub max_bytes: Option<u64>,
}

impl From<CacheOptions> for tandem::CacheOptions {
    fn from(options: CacheOptions) -> Self {
        let defaults = Self::new(options.folder);
        match options.max_bytes {
            Some(max_bytes) => defaults.with_max_bytes(max_bytes),
            None => defaults,
        }
    }
}

/// Settings of the planner.
#[derive(Clone, uniffi::Record)]
pub struct PlannerSettings {
    /// Whether endpoints are probed; false whatever `overrides` says.
    pub probes: bool,
    /// JSON with the settings to replace.
    pub overrides: Option<String>,
}

/// Owner of configuration, endpoints and what runs.
#[derive(uniffi::Object)]
pub struct Runtime {
    inner: tandem::Runtime,
    tokens: Vec<Arc<HostTokens>>,
    device: Option<Arc<HostDevice>>,
}

#[uniffi::export]
impl Runtime {
    /// A runtime of this configuration.
    #[uniffi::constructor]
    pub fn new(config: RuntimeConfig) -> Result<Self, TandemFailure> {
        let mut builder = tandem::Runtime::builder().threads(threads(config.threads)?);
        if let Some(overrides) = config.planner.overrides {
            builder = builder.planner_settings_json(&overrides)?;
        }
        if !config.planner.probes {
            builder = builder.probes(false);
        }
        if let Some(estimates) = config.estimates {
            let refused = |error: tandem::SnapshotError| TandemFailure::invalid_argument(error.to_string());
            builder = builder.estimates(&estimates).map_err(refused)?;
        }
        if let Some(cache) = config.cache {
            builder = builder.cache(cache.into());
        }
        let mut tokens = Vec::new();
        for endpoint in config.endpoints {
            let (endpoint, token) = endpoint.into_core();
            builder = builder.endpoint(endpoint);
            tokens.extend(token);
        }
        let device = config.device_state.map(|provider| Arc::new(HostDevice::new(provider)));
        if let Some(device) = &device {
            builder = builder.device_state_provider(device.clone());
        }
        Ok(Self { inner: builder.build()?, tokens, device })
    }

    /// Loads a model from a file.
    pub fn load_file(
        &self,
        path: String,
        options: LoadOptions,
        cancel: &CancelToken,
    ) -> Result<Model, TandemFailure> {
        self.load(ModelSource::File(path.into()), options, cancel)
    }

    /// Loads a model from memory, which is copied.
    pub fn load_bytes(
        &self,
        data: &[u8],
        options: LoadOptions,
        cancel: &CancelToken,
    ) -> Result<Model, TandemFailure> {
        self.load(ModelSource::Bytes(data.into()), options, cancel)
    }

    /// A tensor over memory of the engine's own, filled with one copy of `data`, so that a run does not copy it again.
    pub fn tensor(&self, spec: TensorSpec, data: &[u8]) -> Result<Tensor, TandemFailure> {
        Ok(Tensor { inner: self.inner.tensor(spec.dtype.into(), &sizes(spec.shape)?, data)? })
    }

    /// Asks the endpoint of that name whether it is ready.
    pub fn is_ready(
        &self,
        endpoint: &str,
        timeout_ns: Option<u64>,
        cancel: &CancelToken,
    ) -> Result<bool, TandemFailure> {
        let timeout = timeout_ns.map(Duration::from_nanos);
        let control = Control::starting(Instant::now(), timeout, cancel.inner.clone());
        Ok(self.inner.is_ready(endpoint, &control)?)
    }

    /// How runs were placed so far, and how good the predictions were.
    pub fn statistics(&self) -> Result<Statistics, TandemFailure> {
        Ok(self.inner.statistics().into())
    }

    /// What the planner has learned, as JSON, for the configuration of a later runtime.
    pub fn estimates(&self) -> Result<String, TandemFailure> {
        Ok(self.inner.estimates()?)
    }

    /// Closes the runtime and its models, and lets go of what the host implements. Calls under way and further ones
    /// end with `Closed`. Again does nothing.
    pub fn shut_down(&self) -> Result<(), TandemFailure> {
        self.inner.close();
        for tokens in &self.tokens {
            tokens.let_go();
        }
        if let Some(device) = &self.device {
            device.let_go();
        }
        Ok(())
    }
}

impl Runtime {
    fn load(
        &self,
        source: ModelSource,
        options: LoadOptions,
        cancel: &CancelToken,
    ) -> Result<Model, TandemFailure> {
        let loaded = self.inner.load(source, &options.into_core(cancel)?)?;
        Ok(Model::new(loaded, self.inner.clone()))
    }
}

fn threads(count: i32) -> Result<usize, TandemFailure> {
    let most = RuntimeBuilder::MOST_THREADS;
    let refused = |_| TandemFailure::invalid_argument(format!("threads is {count}, expected 1 to {most}"));
    usize::try_from(count).map_err(refused)
}
