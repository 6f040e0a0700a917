//! Where an endpoint is, from its URL.

use http::Uri;
use http::uri::Authority;

/// Scheme, host and port of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whether the connection is TLS.
    pub(crate) tls: bool,
    /// The host's name or number, an IPv6 one without brackets.
    pub(crate) host: String,
    /// The port, that of the scheme where the URL has none.
    pub(crate) port: u16,
    /// Host and port as the URL has them: the value of the `Host` header.
    pub(crate) authority: Authority,
}

impl Address {
    /// Reads a URL that is a scheme, a host and perhaps a port.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        // The URL may hold a password: it is not repeated.
        let uri: Uri = url.parse().map_err(|error| format!("the URL is malformed: {error}"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("the URL must start with http:// or https://".to_owned()),
        };
        let authority = uri.authority().ok_or("the URL has no host")?;
        if authority.as_str().contains('@') {
            return Err("the URL may not hold a user name or password".to_owned());
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || url.contains('#') {
            return Err("the URL may not hold a path, query or fragment".to_owned());
        }
        // The authority's own reading of a port that is none is that there is none.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if tls => 443,
            "" => 80,
            port => port.trim_start_matches(':').parse().map_err(|_| "the URL's port is not a port")?,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || port == 0 {
            return Err("the URL has no host, or port 0".to_owned());
        }
        Ok(Self { tls, host: host.to_owned(), port, authority: authority.clone() })
    }
}

/// The path of a call on a model: `/v2/models/{model}/{call}`, its name escaped.
pub(crate) fn model_path(model: &str, call: &str) -> Result<String, String> {
    if matches!(model, "" | "." | "..") {
        return Err(format!("{model:?} cannot be the name of a model"));
    }
    let escaped: String = model.bytes().map(escape).collect();
    Ok(format!("/v2/models/{escaped}/{call}"))
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_and_port() {
        for (url, tls, host, port) in [
            ("http://127.0.0.1:8000", false, "127.0.0.1", 8000),
            ("https://models.example.com", true, "models.example.com", 443),
            ("HTTP://localhost/", false, "localhost", 80),
            ("http://[::1]:81", false, "::1", 81),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.tls, address.host.as_str(), address.port), (tls, host, port), "{url}");
        }
    }

    #[test]
    fn a_url_that_is_more_or_less_than_an_address_is_refused_without_repeating_it() {
        for url in [
            "",
            "host",
            "host:80",
            "ftp://host",
            "http://",
            "http://user:secret@host",
            "http://host/secret",
            "http://host?secret=1",
            "http://host#secret",
            "http://host:0",
            "http://host:",
            "http://host:99999",
            "http://ho st",
            "http://[::1",
            "https://secret\n",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_models_name_stays_one_segment_of_the_path() {
        assert_eq!(model_path("net-1.2_a~", "infer").unwrap(), "/v2/models/net-1.2_a~/infer");
        assert_eq!(model_path("a/../b c?ü", "infer").unwrap(), "/v2/models/a%2F..%2Fb%20c%3F%C3%BC/infer");
        for name in ["", ".", ".."] {
            model_path(name, "infer").unwrap_err();
        }
    }
}
