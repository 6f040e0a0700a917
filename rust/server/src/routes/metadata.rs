//! What the server and its models are.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use tandem_wire::{BINARY_EXTENSION, ModelMetadata, ServerMetadata};

use super::json;
use super::model_path::ModelPath;
use crate::app::App;
use crate::refusal::Refusal;

/// What runs every model here, in the protocol's form `<project>_<format>`.
const PLATFORM: &str = "tandem_onnx";

/// The extensions by the names that Triton gives them.
const EXTENSIONS: [&str; 3] = [BINARY_EXTENSION, "model_repository", "statistics"];

pub(super) async fn server() -> Result<Response, Refusal> {
    json(&ServerMetadata {
        name: "tandem".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    })
}

pub(super) async fn models(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let mut names: Vec<&str> = app.repository.served().iter().map(|served| served.name.as_str()).collect();
    names.dedup();
    json(&json!({ "models": names }))
}

pub(super) async fn model(State(app): State<Arc<App>>, path: ModelPath) -> Result<Response, Refusal> {
    let (_, served) = app.repository.find(&path.model, path.version.as_deref())?;
    let info = served.model.info();
    json(&ModelMetadata {
        name: served.name.clone(),
        versions: Some(app.repository.ready_versions(&served.name)),
        platform: Some(PLATFORM.to_owned()),
        inputs: info.inputs.iter().map(Into::into).collect(),
        outputs: info.outputs.iter().map(Into::into).collect(),
    })
}
