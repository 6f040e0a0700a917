//! What the core needs from the outside, as traits that other crates implement.

use std::sync::Arc;

use crate::{
    Control, DType, Endpoint, LoadError, LoadOptions, ModelInfo, ModelSource, NamedTensors, Profile,
    RemoteError, RemoteTiming, RunError, ServerCounts, Tensor, TensorError,
};

/// Loads models that run on this device.
pub trait Engine: Send + Sync {
    /// Loads a model. Blocks for as long as that takes, or until token or timeout of the options say stop.
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError>;

    /// A tensor over memory of the engine's own, filled with one copy of `bytes`, so that a run need not copy
    /// it again. The same checks as [`Tensor::from_bytes`].
    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        Tensor::from_bytes(dtype, shape, bytes)
    }
}

/// A model that runs on this device. Any number of threads may run it at once.
pub trait LocalModel: Send + Sync {
    /// What the model is.
    fn info(&self) -> &ModelInfo;

    /// Runs the model and gives the `wanted` outputs in that order, all of them where none is named.
    ///
    /// Checks the inputs against [`LocalModel::info`], and `control` between nodes.
    fn run(
        &self,
        inputs: &NamedTensors,
        wanted: &[String],
        control: &Control,
    ) -> Result<NamedTensors, RunError>;

    /// Runs the model once and measures every node.
    fn profile(&self, inputs: &NamedTensors, control: &Control) -> Result<Profile, RunError>;

    /// Multiplications and additions of a run with inputs of these shapes, in the model's order; `None` where that takes work
    /// to find out. Asked before every decision.
    fn multiply_adds(&self, shapes: &[Vec<usize>]) -> Option<u64> {
        let _ = shapes;
        None
    }

    /// Prepares the plan for inputs of these shapes, so that the first run does not pay for it.
    fn warm_up(&self, inputs: &NamedTensors, control: &Control) -> Result<(), RunError>;
}

/// One run of a model on an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct RemoteRequest<'a> {
    /// Where.
    pub endpoint: &'a Endpoint,
    /// What the model is here: its name, and the inputs and outputs that the endpoint's must match.
    pub model: &'a ModelInfo,
    /// The model's inputs.
    pub inputs: &'a NamedTensors,
    /// The outputs wanted, in this order; never empty.
    pub wanted: &'a [String],
    /// The request's `id`; a made-up one where there is none.
    pub id: Option<&'a str>,
}

/// What an endpoint answered, checked, and how long each part of the exchange took.
#[derive(Clone, Debug)]
pub struct RemoteAnswer {
    /// The wanted outputs, in the order of the request.
    pub outputs: NamedTensors,
    /// The measured phases.
    pub timing: RemoteTiming,
}

/// Runs models on endpoints. Any number of threads may use it at once.
pub trait Remote: Send + Sync {
    /// Runs a model on an endpoint. Blocks until the answer is there or `control` says stop.
    fn infer(&self, request: &RemoteRequest<'_>, control: &Control) -> Result<RemoteAnswer, RemoteError>;

    /// Asks the endpoint whether it is ready: the status of `GET /v2/health/ready`, nothing more.
    fn is_ready(&self, endpoint: &Endpoint, control: &Control) -> Result<bool, RemoteError>;

    /// Asks what [`Remote::is_ready`] asks, with so many bytes of nothing in the request's head, and says how long each part
    /// took: one exchange, whatever its answer. `None` where phases cannot be told apart.
    fn look(
        &self,
        endpoint: &Endpoint,
        padding: u64,
        control: &Control,
    ) -> Result<Option<RemoteTiming>, RemoteError> {
        let _ = (endpoint, padding, control);
        Ok(None)
    }

    /// What the endpoint counted of a model so far; `None` where it does not count, or does not say.
    fn counts(
        &self,
        endpoint: &Endpoint,
        model: &ModelInfo,
        control: &Control,
    ) -> Result<Option<ServerCounts>, RemoteError> {
        let _ = (endpoint, model, control);
        Ok(None)
    }
}
