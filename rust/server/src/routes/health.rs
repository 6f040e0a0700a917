//! Whether the server and its models can be asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::json;
use super::model_path::ModelPath;
use crate::app::App;
use crate::refusal::Refusal;

/// Whoever answers is live.
pub(super) async fn live() -> Result<Response, Refusal> {
    json(&json!({ "live": true }))
}

/// Ready until the server is told to stop. What a single model is is asked of the model.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let ready = !app.is_stopping();
    let answer = json(&json!({ "ready": ready }))?;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, answer).into_response())
}

pub(super) async fn model_ready(State(app): State<Arc<App>>, path: ModelPath) -> Result<Response, Refusal> {
    let (_, served) = app.repository.find(&path.model, path.version.as_deref())?;
    json(&json!({ "name": served.name, "ready": true }))
}
