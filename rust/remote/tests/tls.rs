//! An endpoint is who its certificate says, and this device who its own says.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use support::{call, echo, endpoint, ok, trusting, values};
use tandem_core::{Endpoint, EndpointTls, ErrorCode, RemoteError, Secret};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, Authority, FaultServer, Greeting, Identity, Received, Validity};

fn echo_over_tls(identity: &Identity, clients: Option<&Authority>) -> FaultServer {
    FaultServer::start_tls(identity.server(clients), |received: &Received| {
        Act::Send(ok(&echo(received), &[]))
    })
}

fn assert_handshake_fails(endpoint: &Endpoint, because: &str) {
    let error = call(&HttpRemote::new(), endpoint).unwrap_err();
    assert!(
        matches!(&error, RemoteError::Tls { detail, .. } if detail.contains(because)),
        "{because}: {error:?}"
    );
    assert_eq!(error.code(), ErrorCode::RemoteFailed);
    assert!(!error.is_retryable());
}

#[test]
fn a_certificate_from_a_trusted_issuer_is_accepted_by_name_and_number() {
    let authority = Authority::new();
    let remote = HttpRemote::new();
    for host in ["localhost", "127.0.0.1"] {
        let server = echo_over_tls(&authority.issue(host, Validity::Current), None);
        let answer = call(&remote, &trusting(server.url_of(host), &authority.pem())).unwrap();
        assert_eq!(values(&answer), [-1.0, -0.5, 0.0, 0.5]);
        assert!(!answer.timing.connect.is_zero());
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = echo_over_tls(&authority.issue("other.example", Validity::Current), None);
    assert_handshake_fails(&trusting(server.url_of("localhost"), &authority.pem()), "not valid for name");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let server = echo_over_tls(&authority.issue("localhost", Validity::Expired), None);
    assert_handshake_fails(&trusting(server.url_of("localhost"), &authority.pem()), "xpired");
}

#[test]
fn a_certificate_from_an_unknown_issuer_is_refused() {
    let identity = Authority::new().issue("localhost", Validity::Current);
    let server = echo_over_tls(&identity, None);
    let stranger = Authority::new();
    for endpoint in [
        trusting(server.url_of("localhost"), &stranger.pem()),
        // The built-in roots do not know it either.
        endpoint(server.url_of("localhost")),
    ] {
        assert_handshake_fails(&endpoint, "UnknownIssuer");
    }
}

#[test]
fn a_server_without_tls_is_a_failed_handshake() {
    let server = FaultServer::greeting(Greeting::Interrupt(1, b"SSH-2.0-x\r\n".to_vec()));
    let url = server.url().replace("http://", "https://");
    assert_handshake_fails(&endpoint(url), "");
}

#[test]
fn a_client_certificate_opens_the_door_that_is_shut_without_it() {
    let authority = Authority::new();
    let server = echo_over_tls(&authority.issue("localhost", Validity::Current), Some(&authority));
    let without = trusting(server.url_of("localhost"), &authority.pem());
    assert_handshake_fails(&without, "CertificateRequired");

    let with = |identity: Identity| Endpoint {
        tls: EndpointTls {
            client_certificate: Some(identity.certificate.into_bytes()),
            client_key: Some(Secret::new(identity.key)),
            ..without.tls.clone()
        },
        ..without.clone()
    };
    let remote = HttpRemote::new();
    let answer = call(&remote, &with(authority.issue("device", Validity::Current))).unwrap();
    assert_eq!(values(&answer), [-1.0, -0.5, 0.0, 0.5]);
    assert_handshake_fails(&with(Authority::new().issue("device", Validity::Current)), "");
}

#[test]
fn the_endpoints_of_one_url_do_not_share_what_they_trust() {
    let authority = Authority::new();
    let server = echo_over_tls(&authority.issue("localhost", Validity::Current), None);
    let remote = HttpRemote::new();
    call(&remote, &trusting(server.url_of("localhost"), &authority.pem())).unwrap();
    // A connection is open, but not one that this endpoint may use.
    let error = call(&remote, &trusting(server.url_of("localhost"), &Authority::new().pem())).unwrap_err();
    assert!(matches!(error, RemoteError::Tls { .. }), "{error:?}");
}

#[test]
fn tls_settings_that_make_no_sense_are_a_configuration_error() {
    let error = call(&HttpRemote::new(), &trusting("https://localhost:1", "junk")).unwrap_err();
    assert!(matches!(&error, RemoteError::Configuration { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}
