//! Configuration of endpoints.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tandem::{Endpoint, EndpointTls, Secret, TokenSource, WireFormat};

use crate::EndpointToken;
use crate::token::HostTokens;

/// The form in which tensors travel.
#[uniffi::remote(Enum)]
pub enum WireFormat {
    /// Binary where the server lists the extension, else JSON. Asked once per endpoint.
    Auto,
    /// Triton's binary tensor extension, whatever the server lists.
    Binary,
    /// JSON.
    Json,
}

/// How an endpoint is known and how this device makes itself known to it.
#[derive(Clone, uniffi::Record)]
pub struct TlsConfig {
    /// PEM certificates to trust instead of the built-in roots.
    pub trust_anchors_pem: Option<String>,
    /// PEM certificate chain of this device.
    pub client_certificate_pem: Option<String>,
    /// PEM private key of that certificate.
    pub client_key_pem: Option<String>,
}

/// An Open Inference Protocol v2 server. What is `None` is the core's default.
#[derive(Clone, uniffi::Record)]
pub struct EndpointConfig {
    /// The name by which decisions and errors call it. Unique in a runtime.
    pub name: String,
    /// `http://` or `https://`, host and optional port; no path.
    pub url: String,
    /// Whether data labelled internal may go there.
    pub trusted: bool,
    /// The form in which tensors travel.
    pub wire: WireFormat,
    /// The bearer token, or whoever gives it.
    pub token: Option<EndpointToken>,
    /// How the two know each other.
    pub tls: TlsConfig,
    /// Names of models there, where they differ from the model's own.
    pub models: HashMap<String, String>,
    /// Bytes that a request may take.
    pub max_request_bytes: Option<u64>,
    /// Bytes that an answer may take.
    pub max_answer_bytes: Option<u64>,
    /// How long making a connection may take.
    pub connect_timeout_ms: Option<u64>,
    /// How long an exchange may take where the caller set no deadline.
    pub timeout_ms: Option<u64>,
}

impl EndpointConfig {
    /// The core's endpoint, and the token source to let go of when the runtime ends.
    pub(crate) fn into_core(self) -> (Endpoint, Option<Arc<HostTokens>>) {
        let defaults = Endpoint::new(self.name, self.url);
        let (token, tokens): (Option<Arc<dyn TokenSource>>, _) = match self.token {
            None => (None, None),
            Some(EndpointToken::Fixed { value }) => (Some(Arc::new(Secret::new(value))), None),
            Some(EndpointToken::Provided { provider }) => {
                let tokens = Arc::new(HostTokens::new(provider));
                (Some(tokens.clone()), Some(tokens))
            }
        };
        let millis = |ms: Option<u64>, default| ms.map_or(default, Duration::from_millis);
        let endpoint = Endpoint {
            trusted: self.trusted,
            wire: self.wire,
            token,
            tls: self.tls.into(),
            models: self.models.into_iter().collect(),
            max_request_bytes: self.max_request_bytes.unwrap_or(defaults.max_request_bytes),
            max_answer_bytes: self.max_answer_bytes.unwrap_or(defaults.max_answer_bytes),
            connect_timeout: millis(self.connect_timeout_ms, defaults.connect_timeout),
            timeout: millis(self.timeout_ms, defaults.timeout),
            ..defaults
        };
        (endpoint, tokens)
    }
}

impl From<TlsConfig> for EndpointTls {
    fn from(config: TlsConfig) -> Self {
        Self {
            trust_anchors: config.trust_anchors_pem.map(String::into_bytes),
            client_certificate: config.client_certificate_pem.map(String::into_bytes),
            client_key: config.client_key_pem.map(Secret::new),
        }
    }
}
