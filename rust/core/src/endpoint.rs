//! Where a model can be run outside of this device.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The form in which tensors travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WireFormat {
    /// Binary where the server lists the extension, else JSON. Asked once per endpoint.
    #[default]
    Auto,
    /// Triton's binary tensor extension, whatever the server lists.
    Binary,
    /// JSON.
    Json,
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A token could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bearer token: {0}")]
pub struct TokenError(pub String);

/// Gives the bearer token for a request.
///
/// Called on a worker thread before a request, and once more with `refresh` after the endpoint has refused
/// the token, so that an expired one is replaced. May block.
pub trait TokenSource: Send + Sync {
    /// The token; a new one where `refresh` is set.
    fn token(&self, refresh: bool) -> Result<Secret, TokenError>;
}

impl TokenSource for Secret {
    fn token(&self, _refresh: bool) -> Result<Secret, TokenError> {
        Ok(self.clone())
    }
}

/// How an endpoint is known and how this device makes itself known to it.
#[derive(Clone, Default)]
pub struct EndpointTls {
    /// PEM certificates to trust instead of the built-in roots.
    pub trust_anchors: Option<Vec<u8>>,
    /// PEM certificate chain of this device.
    pub client_certificate: Option<Vec<u8>>,
    /// PEM private key of that certificate.
    pub client_key: Option<Secret>,
}

/// An Open Inference Protocol v2 server: the cloud, an edge gateway or another phone.
///
/// ```
/// use tandem_core::Endpoint;
///
/// let endpoint = Endpoint::new("cloud", "https://models.example.com");
/// assert!(!endpoint.trusted);
/// assert!(endpoint.is_tls());
/// ```
#[derive(Clone)]
pub struct Endpoint {
    /// The name by which decisions and errors call it. Unique in a runtime.
    pub name: String,
    /// `http://` or `https://`, host and optional port; no path.
    pub url: String,
    /// Whether data labelled [`Sensitivity::Internal`](crate::Sensitivity::Internal) may go there.
    pub trusted: bool,
    /// The form in which tensors travel.
    pub wire: WireFormat,
    /// The bearer token, or whoever gives it.
    pub token: Option<Arc<dyn TokenSource>>,
    /// How the two know each other.
    pub tls: EndpointTls,
    /// Names of models there, where they differ from the model's own.
    pub models: BTreeMap<String, String>,
    /// Bytes that a request may take.
    pub max_request_bytes: u64,
    /// Bytes that an answer may take.
    pub max_answer_bytes: u64,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long an exchange may take, however far away the caller's deadline is.
    pub timeout: Duration,
}

impl Endpoint {
    /// An endpoint with the defaults: not trusted, wire format probed, no token, built-in roots, 64 MiB either
    /// way, 5 s to connect, 60 s in all.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            trusted: false,
            wire: WireFormat::Auto,
            token: None,
            tls: EndpointTls::default(),
            models: BTreeMap::new(),
            max_request_bytes: 64 << 20,
            max_answer_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_mins(1),
        }
    }

    /// Whether requests travel over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    /// The name under which `model` is served here.
    pub fn model_name<'a>(&'a self, model: &'a str) -> &'a str {
        self.models.get(model).map_or(model, String::as_str)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("trusted", &self.trusted)
            .field("wire", &self.wire)
            .finish_non_exhaustive()
    }
}
