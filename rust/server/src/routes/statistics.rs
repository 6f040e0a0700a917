//! What has been counted: in Triton's form and for Prometheus.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::json;
use super::model_path::ModelPath;
use crate::app::App;
use crate::metrics;
use crate::refusal::Refusal;
use crate::stats::ModelStats;

#[derive(Serialize)]
struct Statistics {
    model_stats: Vec<ModelStats>,
}

pub(super) async fn all(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let served = app.repository.served().iter();
    let model_stats = served.map(|served| served.stats.snapshot(&served.name, served.version)).collect();
    json(&Statistics { model_stats })
}

/// Of one version, or of all where the path names none.
pub(super) async fn model(State(app): State<Arc<App>>, path: ModelPath) -> Result<Response, Refusal> {
    let (_, found) = app.repository.find(&path.model, path.version.as_deref())?;
    let chosen = app.repository.served().iter().filter(|served| {
        served.name == found.name && (path.version.is_none() || served.version == found.version)
    });
    let model_stats = chosen.map(|served| served.stats.snapshot(&served.name, served.version)).collect();
    json(&Statistics { model_stats })
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::from(metrics::render(&app)));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
