//! The paths of the protocol and what answers them.

mod health;
mod infer;
mod metadata;
mod model_path;
mod repository;
mod statistics;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use tandem_core::Secret;

use self::model_path::ModelPath;
use crate::app::App;
use crate::auth;
use crate::refusal::Refusal;

/// Everything that is answered, and to whom.
pub(crate) struct Routes {
    app: Arc<App>,
    token: Option<Secret>,
    router: TowerToHyperService<Router>,
}

impl Routes {
    pub(crate) fn new(app: Arc<App>, token: Option<Secret>) -> Self {
        Self { router: TowerToHyperService::new(router(app.clone())), app, token }
    }

    /// Answers a request.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if let Some(token) = &self.token
            && let Err(refusal) = auth::check(request.uri().path(), request.headers(), token)
        {
            return refusal.into_response();
        }
        // Most requests, and some microseconds faster than through the router.
        if request.method() == Method::POST
            && let Some(path) = ModelPath::of_infer(request.uri().path())
        {
            let (parts, body) = request.into_parts();
            let answered = infer::infer(&self.app, &path, &parts.headers, body).await;
            return answered.unwrap_or_else(IntoResponse::into_response);
        }
        match self.router.call(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn router(app: Arc<App>) -> Router {
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
                .route(&format!("{model}/infer"), post(infer::routed))
                .route(&format!("{model}/stats"), get(statistics::model))
        },
    );
    router.fallback(unknown_path).method_not_allowed_fallback(method_not_allowed).with_state(app)
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
