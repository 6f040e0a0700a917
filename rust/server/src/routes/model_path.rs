//! The part of a path that names a model and perhaps its version.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::Deserialize;

use crate::refusal::Refusal;

/// The part of a path that names a model and perhaps its version.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct ModelPath {
    pub(super) model: String,
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl ModelPath {
    /// The model and the version in `/v2/models/{model}/infer` and `/v2/models/{model}/versions/{version}/infer`. None for
    /// every other path, and where a name needs decoding.
    pub(super) fn of_infer(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v2/models/")?.strip_suffix("/infer")?;
        if rest.contains('%') {
            return None;
        }
        let mut parts = rest.split('/');
        let model = parts.next().filter(|model| !model.is_empty())?;
        let version = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => None,
            (Some("versions"), Some(version), None) if !version.is_empty() => Some(version.to_owned()),
            _ => return None,
        };
        Some(Self { model: model.to_owned(), version })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_runs_are_known() {
        let path = |model: &str, version: Option<&str>| {
            Some(ModelPath { model: model.to_owned(), version: version.map(str::to_owned) })
        };
        assert_eq!(ModelPath::of_infer("/v2/models/a/infer"), path("a", None));
        assert_eq!(ModelPath::of_infer("/v2/models/versions/infer"), path("versions", None));
        assert_eq!(ModelPath::of_infer("/v2/models/a/versions/7/infer"), path("a", Some("7")));
        assert_eq!(
            ModelPath::of_infer("/v2/models/infer/versions/infer/infer"),
            path("infer", Some("infer"))
        );
    }

    #[test]
    fn other_paths_are_left_to_the_router() {
        for other in [
            "/v2/models/a",
            "/v2/models/infer",
            "/v2/models//infer",
            "/v2/models/a/versions/infer",
            "/v2/models/a/versions//infer",
            "/v2/models/a/b/c/infer",
            "/v2/models/a/versions/1/2/infer",
            "/v2/models/a/infer/",
            "/v2/models/a%20b/infer",
            "/models/a/infer",
        ] {
            assert_eq!(ModelPath::of_infer(other), None, "{other}");
        }
    }
}
