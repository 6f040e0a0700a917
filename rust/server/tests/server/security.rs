//! TLS and the bearer token.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tandem_core::Secret;
use tandem_server::{Server, ServerError, TlsConfig};
use tandem_testkit::faults::{Authority, Validity};

use crate::http::Connection;
use crate::world::{ADD, ADD_PATH, Repository};

#[test]
fn without_the_token_nothing_but_health_is_answered() {
    let world = Repository::usual().serve_with(|config| config.token = Some(Secret::new("sesame")));
    let mut connection = world.connect();
    for (method, path) in
        [("GET", "/v2"), ("POST", ADD_PATH), ("GET", "/metrics"), ("GET", "/none"), ("PUT", "/v2")]
    {
        let missing = connection.request(method, path, &[], ADD.as_bytes());
        assert_eq!(missing.status, 401, "{path}");
        assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
        assert!(missing.error().contains("required"));
        let wrong = connection.request(method, path, &[("authorization", "Bearer other")], ADD.as_bytes());
        assert_eq!(wrong.status, 403, "{path}");
        assert!(!wrong.error().contains("other") && !wrong.error().contains("sesame"));
    }
    for path in ["/v2/health/live", "/v2/health/ready"] {
        assert_eq!(connection.get(path).status, 200, "{path}");
    }
    let authorized = [("authorization", "Bearer sesame")];
    assert_eq!(connection.request("POST", ADD_PATH, &authorized, ADD.as_bytes()).status, 200);
    assert_eq!(connection.request("GET", "/metrics", &authorized, b"").status, 200);
}

#[test]
fn over_tls_the_server_answers_who_trusts_its_certificate() {
    let authority = Authority::new();
    let identity = authority.issue("localhost", Validity::Current);
    let world = Repository::usual().serve_with(|config| {
        config.tls = Some(TlsConfig {
            certificate: identity.certificate.clone().into(),
            key: Secret::new(&identity.key),
        });
    });
    let connect = |authority: &Authority| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(client), name).unwrap();
        Connection::over(StreamOwned::new(session, TcpStream::connect(world.address()).unwrap()))
    };
    let mut trusted = connect(&authority);
    for _ in 0..3 {
        assert_eq!(trusted.request("POST", ADD_PATH, &[], ADD.as_bytes()).status, 200);
    }
    assert!(connect(&Authority::new()).send(b"GET /v2 HTTP/1.1\r\n\r\n").is_err(), "an unknown issuer");

    let mut plain = world.connect();
    plain.send(b"GET /v2 HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plain.answer().is_err()));
    assert!(refused.unwrap_or(true), "plain HTTP is not answered");
    assert_eq!(trusted.request("POST", ADD_PATH, &[], ADD.as_bytes()).status, 200, "the server goes on");
}

#[test]
fn a_certificate_with_another_key_does_not_start() {
    let authority = Authority::new();
    let (one, other) = (authority.issue("a", Validity::Current), authority.issue("b", Validity::Current));
    let repository = Repository::usual();
    let mut config = repository.config_for();
    config.tls = Some(TlsConfig { certificate: one.certificate.into(), key: Secret::new(other.key) });
    assert!(matches!(Server::start(config), Err(ServerError::Tls { .. })));
}
