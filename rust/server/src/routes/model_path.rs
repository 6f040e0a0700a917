//! The part of a path that names a model and perhaps its version.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::Deserialize;

use crate::refusal::Refusal;

/// The part of a path that names a model and perhaps its version.
#[derive(Debug, Deserialize)]
pub(super) struct ModelPath {
    pub(super) model: String,
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for ModelPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(path)) => Ok(path),
            Err(rejection) => Err(Refusal::bad_request(format!("the path cannot be read: {rejection}"))),
        }
    }
}
