//! Bearer tokens: asked for, refreshed once, and never shown.
#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::{Arc, Mutex};

use support::{call, echo, endpoint, ok};
use tandem_core::{Endpoint, ErrorCode, RemoteError, Secret, TokenError, TokenSource};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, FaultServer, answer};

/// Gives `stale` until it is asked to refresh, and keeps a record of what it was asked.
struct Refreshing(Mutex<Vec<bool>>);

impl TokenSource for Refreshing {
    fn token(&self, refresh: bool) -> Result<Secret, TokenError> {
        self.0.lock().unwrap().push(refresh);
        Ok(Secret::new(if refresh { "fresh" } else { "stale" }))
    }
}

#[test]
fn a_refused_token_is_refreshed_once() {
    for status in [401, 403] {
        let server = FaultServer::start(move |received| match received.header("authorization") {
            Some("Bearer fresh") => Act::Send(ok(&echo(received), &[])),
            _ => Act::Send(answer(status, &[], br#"{"error":"expired"}"#)),
        });
        let source = Arc::new(Refreshing(Mutex::default()));
        let endpoint = Endpoint { token: Some(source.clone()), ..endpoint(server.url()) };
        call(&HttpRemote::new(), &endpoint).unwrap();
        assert_eq!(*source.0.lock().unwrap(), [false, true]);
        assert_eq!(server.requests(), 2);
    }
}

#[test]
fn a_token_that_is_refused_again_is_unauthorized_and_not_shown() {
    let server = FaultServer::start(|received| {
        let said = format!(r#"{{"error":"{} is no good"}}"#, received.header("authorization").unwrap());
        Act::Send(answer(401, &[], said.as_bytes()))
    });
    let endpoint = Endpoint { token: Some(Arc::new(Secret::new("s3cret"))), ..endpoint(server.url()) };
    let error = call(&HttpRemote::new(), &endpoint).unwrap_err();
    assert!(matches!(&error, RemoteError::Unauthorized { status: 401, .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {endpoint:?}").contains("s3cret"), "{error:?}");
    assert_eq!(server.requests(), 2);
}

/// Gives no token: at first, or when asked to refresh.
struct Failing {
    at_first: bool,
}

impl TokenSource for Failing {
    fn token(&self, refresh: bool) -> Result<Secret, TokenError> {
        if refresh || self.at_first { Err(TokenError("signed out".into())) } else { Ok(Secret::new("old")) }
    }
}

struct Panicking;

impl TokenSource for Panicking {
    fn token(&self, _refresh: bool) -> Result<Secret, TokenError> {
        panic!("the host's own defect")
    }
}

#[test]
fn a_token_that_cannot_be_had_is_a_typed_error() {
    let server = FaultServer::start(|_| Act::Send(answer(401, &[], b"")));
    let remote = HttpRemote::new();
    let error = |source: Arc<dyn TokenSource>| {
        call(&remote, &Endpoint { token: Some(source), ..endpoint(server.url()) }).unwrap_err()
    };
    let failed = error(Arc::new(Failing { at_first: true }));
    assert!(
        matches!(&failed, RemoteError::Token { detail, .. } if detail == "no bearer token: signed out"),
        "{failed:?}"
    );
    assert_eq!(failed.code(), ErrorCode::RemoteFailed);
    assert_eq!(server.connections(), 0);
    let refused = error(Arc::new(Failing { at_first: false }));
    assert!(
        matches!(&refused, RemoteError::Unauthorized { status: 401, detail, .. } if detail.contains("signed out")),
        "{refused:?}"
    );
    let malformed = error(Arc::new(Secret::new("two\nlines")));
    assert!(matches!(&malformed, RemoteError::Configuration { .. }), "{malformed:?}");
    assert_eq!(error(Arc::new(Panicking)).code(), ErrorCode::Internal);
}
