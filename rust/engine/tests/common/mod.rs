//! What the tests share.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;

use tandem_core::{
    Control, Engine, LoadError, LoadOptions, LocalModel, ModelSource, NamedTensors, RunError, Tensor,
};
use tandem_engine::OnnxEngine;
use tandem_onnx::{GraphBuilder, ModelBuilder, ModelProto};

pub(crate) fn source(model: &ModelProto) -> ModelSource {
    let bytes: Vec<u8> = model.encode_bytes().into();
    ModelSource::Bytes(bytes.into())
}

pub(crate) fn try_load(model: &ModelProto, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
    OnnxEngine::new().load(&source(model), options)
}

pub(crate) fn load(model: &ModelProto) -> Arc<dyn LocalModel> {
    try_load(model, &LoadOptions::default()).unwrap()
}

pub(crate) fn load_error(model: &ModelProto) -> LoadError {
    let loaded = try_load(model, &LoadOptions::default());
    loaded.err().expect("the model should be refused")
}

pub(crate) fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).unwrap()
}

pub(crate) fn integers(values: &[i64]) -> Tensor {
    Tensor::from_vec([values.len()], values.to_vec()).unwrap()
}

pub(crate) fn named<const N: usize>(tensors: [(&str, Tensor); N]) -> NamedTensors {
    NamedTensors::new(tensors).unwrap()
}

pub(crate) fn run(model: &dyn LocalModel, inputs: &NamedTensors) -> Result<NamedTensors, RunError> {
    model.run(inputs, &[], &Control::default())
}

/// A model of operator set `opset` whose graph `build` makes.
pub(crate) fn model(opset: i64, build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    build(&mut graph);
    ModelBuilder::new(graph).opset(opset).build().unwrap()
}
