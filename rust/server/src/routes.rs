//! The paths of the protocol and what answers them.

mod health;
mod infer;
mod metadata;
mod model_path;
mod repository;
mod statistics;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use tandem_core::Secret;

use crate::app::App;
use crate::auth;
use crate::refusal::Refusal;

/// Everything that is answered.
pub(crate) fn router(app: Arc<App>, token: Option<Secret>) -> Router {
    let router = Router::new()
        .route("/v2", get(metadata::server))
        .route("/v2/", get(metadata::server))
        .route("/v2/health/live", get(health::live))
        .route("/v2/health/ready", get(health::ready))
        .route("/v2/models", get(metadata::models))
        .route("/v2/models/stats", get(statistics::all))
        .route("/v2/repository/index", post(repository::index))
        .route("/v2/repository/models/{model}/{action}", post(repository::refuse))
        .route("/metrics", get(statistics::metrics));
    let router = ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"].into_iter().fold(
        router,
        |router, model| {
            router
                .route(model, get(metadata::model))
                .route(&format!("{model}/ready"), get(health::model_ready))
                .route(&format!("{model}/infer"), post(infer::infer))
                .route(&format!("{model}/stats"), get(statistics::model))
        },
    );
    let router =
        router.fallback(unknown_path).method_not_allowed_fallback(method_not_allowed).with_state(app);
    match token {
        Some(token) => router.layer(from_fn_with_state(Arc::new(token), auth::require)),
        None => router,
    }
}

async fn unknown_path(uri: Uri) -> Refusal {
    Refusal::not_found(format!("there is nothing at {:?}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Refusal {
    let message = format!("{method} is not a method of {:?}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// An answer in JSON.
fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value).map_err(|error| Refusal::internal(error.to_string()))?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
