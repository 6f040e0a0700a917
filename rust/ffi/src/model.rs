//! A loaded model.

use tandem::{DeviceState, NamedTensors};

use crate::tensor::{dense, named};
use crate::{
    CancelToken, DenseInput, ModelInfo, NamedTensor, Plan, Prediction, Profile, RunOptions, TandemFailure,
};

/// A loaded model. Any number of threads may call it at once; every call blocks until its result is there.
///
/// The `_bytes` forms take all inputs in one buffer, one behind the other in the order of the list, and so need no
/// handle for each.
#[derive(uniffi::Object)]
pub struct Model {
    inner: tandem::Model,
    runtime: tandem::Runtime,
}

/// One of the three ways to run.
type Way =
    fn(&tandem::Model, &NamedTensors, &tandem::RunOptions) -> Result<tandem::Prediction, tandem::Error>;

impl Model {
    pub(crate) fn new(inner: tandem::Model, runtime: tandem::Runtime) -> Self {
        Self { inner, runtime }
    }

    fn with_tensors(
        &self,
        way: Way,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        way(&self.inner, &named(inputs)?, &options.into_core(Some(cancel)))?.try_into()
    }

    fn with_bytes(
        &self,
        way: Way,
        inputs: Vec<DenseInput>,
        data: &[u8],
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        let inputs = dense(&self.runtime, inputs, data)?;
        way(&self.inner, &inputs, &options.into_core(Some(cancel)))?.try_into()
    }
}

#[uniffi::export]
impl Model {
    /// What the model is. Stays readable after [`Model::shut_down`].
    pub fn info(&self) -> Result<ModelInfo, TandemFailure> {
        self.inner.info().try_into()
    }

    /// Runs the model on this device.
    pub fn predict(
        &self,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_tensors(tandem::Model::predict, inputs, options, cancel)
    }

    /// Runs the model on this device, with all inputs in one buffer.
    pub fn predict_bytes(
        &self,
        inputs: Vec<DenseInput>,
        data: &[u8],
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_bytes(tandem::Model::predict, inputs, data, options, cancel)
    }

    /// Runs the model on an endpoint.
    pub fn offload(
        &self,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_tensors(tandem::Model::offload, inputs, options, cancel)
    }

    /// Runs the model on an endpoint, with all inputs in one buffer.
    pub fn offload_bytes(
        &self,
        inputs: Vec<DenseInput>,
        data: &[u8],
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_bytes(tandem::Model::offload, inputs, data, options, cancel)
    }

    /// Runs the model where the planner decides.
    pub fn run(
        &self,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_tensors(tandem::Model::run, inputs, options, cancel)
    }

    /// Runs the model where the planner decides, with all inputs in one buffer.
    pub fn run_bytes(
        &self,
        inputs: Vec<DenseInput>,
        data: &[u8],
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Prediction, TandemFailure> {
        self.with_bytes(tandem::Model::run, inputs, data, options, cancel)
    }

    /// Decides as [`Model::run`] would, without running or contacting anything; for a device in another state where `device`
    /// is given, and for servers that take `server_load` times as long as was learned.
    pub fn plan(
        &self,
        options: RunOptions,
        device: Option<DeviceState>,
        server_load: Option<f64>,
    ) -> Result<Plan, TandemFailure> {
        self.inner.plan_if(&options.into_core(None), device, server_load)?.try_into()
    }

    /// Runs the model once on this device and measures every node.
    pub fn profile(
        &self,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<Profile, TandemFailure> {
        Ok(self.inner.profile(&named(inputs)?, &options.into_core(Some(cancel)))?.into())
    }

    /// Prepares the model for inputs of these shapes, so that the first run does not pay for it.
    pub fn warm_up(
        &self,
        inputs: Vec<NamedTensor>,
        options: RunOptions,
        cancel: &CancelToken,
    ) -> Result<(), TandemFailure> {
        Ok(self.inner.warm_up(&named(inputs)?, &options.into_core(Some(cancel)))?)
    }

    /// Frees the model once nothing runs. Calls under way and further ones end with `Closed`. Again does nothing.
    pub fn shut_down(&self) -> Result<(), TandemFailure> {
        self.inner.close();
        Ok(())
    }
}
