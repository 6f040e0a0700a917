//! The engine as the core knows it.

use std::sync::Arc;

use tandem_core::{DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, Tensor, TensorError};
use tandem_kernels::Threads;

use crate::cache::CacheOptions;
use crate::convert;
use crate::fault::contain;
use crate::load::load;

/// How an engine computes.
///
/// ```
/// use tandem_engine::{EngineOptions, OnnxEngine};
///
/// let plain = OnnxEngine::with_options(EngineOptions::default().with_fused(false));
/// assert!(!plain.options().fused);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Whether parts of a model are computed by our own fused kernels instead of tract's operators. The profile of a
    /// model names them `Tandem.…`. On by default; results differ from tract's by rounding alone.
    pub fused: bool,
    /// How many threads the fused kernels of one run share their work over, the caller's own included: 1 by default, at most
    /// [`EngineOptions::MOST_THREADS`]. Results are the same bit for bit. The engine has one pool for all of its models, whose
    /// threads start with the first run and sleep while there is none.
    ///
    /// A load has one thread beside them, whatever this says: the digest of a file of 4 MiB or more is computed while the file is
    /// read, analysed and packed. It is gone when the load ends or fails.
    pub threads: usize,
    /// Where compiled plans are kept for the next load of a model; `None`, the default, keeps none. Answers are the same bit
    /// for bit.
    ///
    /// A file that has not been changed since it was loaded, by what the system says of it, is not read again, unless the load
    /// asks for a digest. Models whose weights are in files beside them, and the few that have operators that cannot be kept,
    /// are compiled anew each time.
    pub cache: Option<CacheOptions>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { fused: true, threads: 1, cache: None }
    }
}

impl EngineOptions {
    /// The most threads of an engine.
    pub const MOST_THREADS: usize = Threads::MOST;

    /// These options with [`fused`](Self::fused) set.
    pub fn with_fused(mut self, fused: bool) -> Self {
        self.fused = fused;
        self
    }

    /// These options with [`threads`](Self::threads) set; beyond 1 and [`MOST_THREADS`](Self::MOST_THREADS), the nearer of them.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, Self::MOST_THREADS);
        self
    }

    /// These options with [`cache`](Self::cache) set.
    pub fn with_cache(mut self, cache: CacheOptions) -> Self {
        self.cache = Some(cache);
        self
    }
}

/// Loads ONNX models and runs them through tract.
///
/// Make one and share it: clones and the models that it loads share its threads. Models may be run by any number of threads at
/// once; those that ask for more than one of the engine's share them, and never wait for one.
#[derive(Clone, Debug)]
pub struct OnnxEngine {
    options: EngineOptions,
    threads: Arc<Threads>,
}

impl Default for OnnxEngine {
    fn default() -> Self {
        Self::with_options(EngineOptions::default())
    }
}

impl OnnxEngine {
    /// An engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that computes in the given way.
    pub fn with_options(options: EngineOptions) -> Self {
        Self { threads: Arc::new(Threads::new(options.threads)), options }
    }

    /// How it computes.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }
}

impl Engine for OnnxEngine {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        contain(|| {
            let model: Arc<dyn LocalModel> = Arc::new(load(source, options, &self.options, &self.threads)?);
            Ok(model)
        })
    }

    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        convert::tensor(dtype, shape, bytes)
    }
}
