//! Options that name endpoints and how to reach them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tandem::{Endpoint, EndpointTls, RuntimeBuilder, Secret, WireFormat};

use super::values;
use crate::error::CliError;

/// The variable that holds the bearer token.
const TOKEN_VARIABLE: &str = "TANDEM_TOKEN";
/// The most bytes of a token, certificate or key file.
const MAX_FILE: u64 = 1 << 20;

/// Endpoints and how to reach them.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Endpoints")]
pub(crate) struct EndpointArgs {
    /// A server of the Open Inference Protocol v2: `http://host:port` or `https://host`. Repeat for more; those
    /// named first are preferred. `,trusted` lets data labelled internal go there. The name is the host and port
    /// unless given
    #[arg(long = "endpoint", value_name = "[NAME=]URL[,trusted]")]
    pub(crate) endpoints: Vec<EndpointSpec>,

    /// File with the bearer token; with several endpoints, say whose. Without it the environment variable
    /// `TANDEM_TOKEN` is sent where there is exactly one endpoint
    #[arg(long = "token-file", value_name = "[NAME=]FILE")]
    token_files: Vec<String>,

    /// PEM file of the certificates to trust instead of the built-in roots
    #[arg(long, value_name = "FILE")]
    trust_anchors: Option<PathBuf>,

    /// PEM file of this client's certificate chain
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,

    /// PEM file of that certificate's private key
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// The form in which tensors travel
    #[arg(long, value_enum, default_value_t)]
    wire: Wire,

    /// The model's name on the endpoints, where it is not the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) model_name: Option<String>,

    /// How long making a connection may take
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    connect_timeout: Option<Duration>,

    /// Bytes that a request may take
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    limit_request_bytes: Option<u64>,

    /// Bytes that an answer may take
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    limit_answer_bytes: Option<u64>,
}

/// The form in which tensors travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Wire {
    /// Binary where the server lists the extension, else JSON
    #[default]
    Auto,
    /// Triton's binary tensor extension
    Binary,
    /// JSON
    Json,
}

/// An endpoint as it is written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointSpec {
    name: String,
    url: String,
    trusted: bool,
}

impl FromStr for EndpointSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, trusted) = match text.rsplit_once(',') {
            Some((rest, "trusted")) => (rest, true),
            Some((_, word)) => {
                return Err(format!("{word:?} is not a mark of an endpoint, expected trusted"));
            }
            None => (text, false),
        };
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if !name.contains("://") => (Some(name), url),
            _ => (None, text),
        };
        let Some((_, authority)) = url.split_once("://") else {
            return Err(format!("{url:?} is not a URL, expected something like http://127.0.0.1:8000"));
        };
        let name = name.unwrap_or(authority.trim_end_matches('/'));
        if name.is_empty() {
            return Err("an endpoint needs a host".to_owned());
        }
        Ok(Self { name: name.to_owned(), url: url.trim_end_matches('/').to_owned(), trusted })
    }
}

impl EndpointArgs {
    /// The endpoints' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| endpoint.name.as_str())
    }

    /// A runtime that knows these endpoints. Reads the files that the options name.
    pub(crate) fn configure(&self, mut builder: RuntimeBuilder) -> Result<RuntimeBuilder, CliError> {
        let tokens = self.tokens(std::env::var(TOKEN_VARIABLE).ok())?;
        let tls = EndpointTls {
            trust_anchors: self
                .trust_anchors
                .as_deref()
                .map(|path| read("--trust-anchors", path))
                .transpose()?,
            client_certificate: self
                .client_cert
                .as_deref()
                .map(|path| read("--client-cert", path))
                .transpose()?,
            client_key: self
                .client_key
                .as_deref()
                .map(|path| read_secret("--client-key", path))
                .transpose()?,
        };
        for spec in &self.endpoints {
            let mut endpoint = Endpoint::new(&spec.name, &spec.url);
            endpoint.trusted = spec.trusted;
            endpoint.wire = match self.wire {
                Wire::Auto => WireFormat::Auto,
                Wire::Binary => WireFormat::Binary,
                Wire::Json => WireFormat::Json,
            };
            endpoint.token = tokens.get(&spec.name).map(|token| Arc::new(token.clone()) as _);
            endpoint.tls = tls.clone();
            endpoint.connect_timeout = self.connect_timeout.unwrap_or(endpoint.connect_timeout);
            endpoint.max_request_bytes = self.limit_request_bytes.unwrap_or(endpoint.max_request_bytes);
            endpoint.max_answer_bytes = self.limit_answer_bytes.unwrap_or(endpoint.max_answer_bytes);
            builder = builder.endpoint(endpoint);
        }
        Ok(builder)
    }

    /// The token of each endpoint by name. None is ever sent to an endpoint that it was not meant for.
    fn tokens(&self, variable: Option<String>) -> Result<BTreeMap<String, Secret>, CliError> {
        let only = match self.endpoints.as_slice() {
            [only] => Some(only.name.as_str()),
            _ => None,
        };
        let mut tokens = BTreeMap::new();
        for text in &self.token_files {
            let known = |name: &str| self.endpoints.iter().any(|endpoint| endpoint.name == name);
            let (name, path) = match text.split_once('=').filter(|(name, _)| known(name)) {
                Some((name, path)) => (name, path),
                None => (
                    only.ok_or_else(|| {
                        CliError::Usage(format!(
                            "there are {} endpoints: say whose token --token-file {text:?} is, as NAME=FILE",
                            self.endpoints.len()
                        ))
                    })?,
                    text.as_str(),
                ),
            };
            let token = read_token("--token-file", Path::new(path))?;
            if tokens.insert(name.to_owned(), token).is_some() {
                return Err(CliError::Usage(format!("two tokens were given for endpoint {name:?}")));
            }
        }
        if let (Some(only), Some(token), true) = (only, variable, tokens.is_empty()) {
            tokens.insert(only.to_owned(), Secret::new(token.trim()));
        }
        Ok(tokens)
    }
}

/// The token in a file, without the line's end; an empty one is refused, because it would let everybody in.
pub(super) fn read_token(option: &'static str, path: &Path) -> Result<Secret, CliError> {
    let text = read_secret(option, path)?;
    match text.reveal().trim() {
        "" => Err(option_file(option, path, "it is empty")),
        token => Ok(Secret::new(token)),
    }
}

/// The text of a small file that an option names.
pub(super) fn read_secret(option: &'static str, path: &Path) -> Result<Secret, CliError> {
    let bytes = read(option, path)?;
    String::from_utf8(bytes).map(Secret::new).map_err(|_| option_file(option, path, "it is not UTF-8 text"))
}

/// The bytes of a small file that an option names.
pub(super) fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, CliError> {
    crate::input::read_capped(path, MAX_FILE).map_err(|error| option_file(option, path, &error.to_string()))
}

fn option_file(option: &'static str, path: &Path, detail: &str) -> CliError {
    CliError::OptionFile { option, path: path.display().to_string(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, url: &str, trusted: bool) -> EndpointSpec {
        EndpointSpec { name: name.to_owned(), url: url.to_owned(), trusted }
    }

    #[test]
    fn an_endpoint_is_named_by_its_host_unless_it_is_given_a_name() {
        assert_eq!(
            "http://127.0.0.1:8000".parse(),
            Ok(spec("127.0.0.1:8000", "http://127.0.0.1:8000", false))
        );
        assert_eq!("https://a.example/,trusted".parse(), Ok(spec("a.example", "https://a.example", true)));
        assert_eq!("edge=http://[::1]:1,trusted".parse(), Ok(spec("edge", "http://[::1]:1", true)));
        for wrong in ["", "host:8000", "=http://a", "http://", "http://a,public"] {
            assert!(wrong.parse::<EndpointSpec>().is_err(), "{wrong:?}");
        }
    }

    fn args(endpoints: &[&str], token_files: &[String]) -> EndpointArgs {
        EndpointArgs {
            endpoints: endpoints.iter().map(|text| text.parse().unwrap()).collect(),
            token_files: token_files.to_vec(),
            ..EndpointArgs::default()
        }
    }

    #[test]
    fn the_variable_is_used_for_a_single_endpoint_only() {
        let variable = Some(" secret\n".to_owned());
        let tokens = args(&["a=http://a"], &[]).tokens(variable.clone()).unwrap();
        assert_eq!(tokens["a"].reveal(), "secret");
        assert!(args(&["a=http://a", "b=http://b"], &[]).tokens(variable).unwrap().is_empty());
    }

    #[test]
    fn a_token_file_goes_to_the_endpoint_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "from file\n").unwrap();
        let path = path.display();
        let two = ["a=http://a", "b=http://b"];
        let tokens = args(&two, &[format!("b={path}")]).tokens(None).unwrap();
        assert_eq!(tokens.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(tokens["b"].reveal(), "from file");
        let ambiguous = args(&two, &[path.to_string()]).tokens(None).unwrap_err();
        assert_eq!(ambiguous.class(), "usage");
        let missing = args(&["a=http://a"], &["/nowhere".to_owned()]).tokens(None).unwrap_err();
        assert_eq!(missing.class(), "invalid_argument");
    }
}
