//! The repository's index, read-only.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::json;
use crate::app::App;
use crate::refusal::Refusal;

/// Bytes that the body of an index request may have.
const MOST_BYTES: usize = 64 << 10;

#[derive(Default, Deserialize)]
struct IndexRequest {
    #[serde(default)]
    ready: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Every version of every model, or with `{"ready": true}` those that are served.
pub(super) async fn index(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let reader = crate::body::Reader { limit: MOST_BYTES, ..app.reader.clone() };
    let body = reader.read(request.into_body(), Instant::now()).await?;
    let asked: IndexRequest = if body.bytes.is_empty() {
        IndexRequest::default()
    } else {
        serde_json::from_slice(&body.bytes)
            .map_err(|error| Refusal::bad_request(format!("the JSON is malformed: {error}")))?
    };
    let lines = app.repository.index().filter(|line| !asked.ready || line.reason.is_none());
    let lines: Vec<Line<'_>> = lines
        .map(|line| Line {
            name: line.name,
            version: line.version.map(|version| version.to_string()),
            state: if line.reason.is_none() { "READY" } else { "UNAVAILABLE" },
            reason: line.reason,
        })
        .collect();
    json(&lines)
}

/// Loading models by request is running whatever a stranger sends: it is not offered.
pub(super) async fn refuse(Path((model, action)): Path<(String, String)>) -> Refusal {
    if action == "load" || action == "unload" {
        let message = format!("{action} of model {model:?}: the repository is read-only");
        Refusal::new(StatusCode::FORBIDDEN, message)
    } else {
        Refusal::not_found(format!("there is no action {action:?} on a model"))
    }
}
