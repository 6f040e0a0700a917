//! Whatever goes wrong between client and endpoint ends in the right typed error, and before the deadline.
#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use support::{call, call_with, control, echo, endpoint, ok};
use tandem_core::{CancellationToken, Endpoint, ErrorCode, RemoteError};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, FaultServer, Greeting, Received, answer, refused_url};
use tandem_wire::HEADER_LENGTH;

/// More than the sockets of loopback hold, so that a server which does not read is noticed.
const LARGE: usize = 8 << 20;

fn error_of(endpoint: &Endpoint) -> RemoteError {
    call(&HttpRemote::new(), endpoint).unwrap_err()
}

/// The error when every request is answered with these bytes and the connection then closed.
fn error_after(bytes: impl Into<Vec<u8>>) -> RemoteError {
    let bytes = bytes.into();
    let server = FaultServer::start(move |_| Act::SendAndClose(bytes.clone()));
    error_of(&endpoint(server.url()))
}

fn lost_during(error: &RemoteError) -> &'static str {
    match error {
        RemoteError::ConnectionLost { phase, .. } => phase,
        _ => panic!("{error:?}"),
    }
}

#[test]
fn a_refused_connection_is_unreachable() {
    let error = error_of(&endpoint(refused_url()));
    assert!(matches!(&error, RemoteError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Offline);
    assert!(error.is_retryable());
}

#[test]
fn a_name_that_does_not_exist_is_unreachable() {
    let error = error_of(&endpoint("http://no-such-host.invalid"));
    assert!(matches!(&error, RemoteError::Unreachable { .. }), "{error:?}");
}

#[test]
fn a_reset_half_way_up_is_a_connection_lost_during_upload() {
    let server = FaultServer::greeting(Greeting::ResetAfter(100_000));
    let remote = HttpRemote::new();
    let control = control(&CancellationToken::new());
    let error = call_with(&remote, &endpoint(server.url()), LARGE, &control).unwrap_err();
    assert_eq!(lost_during(&error), "upload");
}

#[test]
fn a_refusal_in_the_middle_of_the_upload_is_heard() {
    let early = answer(413, &[("connection", "close")], br#"{"error":"too large"}"#);
    let server = FaultServer::greeting(Greeting::Interrupt(100_000, early));
    let remote = HttpRemote::new();
    let control = control(&CancellationToken::new());
    let error = call_with(&remote, &endpoint(server.url()), LARGE, &control).unwrap_err();
    assert!(matches!(&error, RemoteError::TooLarge { what: "request", .. }), "{error:?}");
}

#[test]
fn a_connection_closed_instead_of_an_answer_is_lost_during_wait() {
    let error = error_after("");
    assert_eq!(lost_during(&error), "wait");
    assert!(error.is_retryable());
}

#[test]
fn a_reset_instead_of_an_answer_is_lost_during_wait() {
    let server = FaultServer::start(|_| Act::SendAndReset(Vec::new()));
    assert_eq!(lost_during(&error_of(&endpoint(server.url()))), "wait");
}

#[test]
fn a_reset_half_way_down_is_a_connection_lost_during_download() {
    let server = FaultServer::start(|received| {
        let mut bytes = ok(&echo(received), &[]);
        bytes.truncate(bytes.len() - 3);
        Act::SendAndReset(bytes)
    });
    assert_eq!(lost_during(&error_of(&endpoint(server.url()))), "download");
}

#[test]
fn a_body_that_ends_early_is_a_connection_lost_during_download() {
    let server = FaultServer::start(|received| {
        let mut bytes = ok(&echo(received), &[]);
        bytes.pop();
        Act::SendAndClose(bytes)
    });
    assert_eq!(lost_during(&error_of(&endpoint(server.url()))), "download");
}

#[test]
fn a_server_that_does_not_read_is_lost_when_the_endpoints_time_is_over() {
    let server = FaultServer::greeting(Greeting::Ignore);
    let endpoint = Endpoint { timeout: Duration::from_millis(300), ..endpoint(server.url()) };
    let remote = HttpRemote::new();
    let control = control(&CancellationToken::new());
    let error = call_with(&remote, &endpoint, LARGE, &control).unwrap_err();
    assert_eq!(lost_during(&error), "upload");
    assert!(error.to_string().contains("no answer within 300ms"), "{error}");
}

#[test]
fn a_silent_server_is_lost_when_the_endpoints_time_is_over() {
    let server = FaultServer::start(|_| Act::SendAndStall(Vec::new()));
    let endpoint = Endpoint { timeout: Duration::from_millis(300), ..endpoint(server.url()) };
    assert_eq!(lost_during(&error_of(&endpoint)), "wait");
}

#[test]
fn a_server_of_one_byte_a_second_is_lost_when_the_endpoints_time_is_over() {
    let drip = |start: usize| {
        move |received: &Received| {
            let mut bytes = ok(&echo(received), &[]);
            let rest = bytes.split_off(start.min(bytes.len()));
            Act::Drip(bytes, rest, Duration::from_secs(1))
        }
    };
    for (start, phase) in [(0, "wait"), (100, "download")] {
        let server = FaultServer::start(drip(start));
        let endpoint = Endpoint { timeout: Duration::from_millis(2500), ..endpoint(server.url()) };
        assert_eq!(lost_during(&error_of(&endpoint)), phase);
    }
}

#[test]
fn a_handshake_that_is_not_answered_is_unreachable_within_the_connect_time() {
    let server = FaultServer::greeting(Greeting::Ignore);
    let url = server.url().replace("http://", "https://");
    let endpoint = Endpoint { connect_timeout: Duration::from_millis(300), ..endpoint(url) };
    let error = error_of(&endpoint);
    assert!(
        matches!(&error, RemoteError::Unreachable { detail, .. } if detail.contains("300ms")),
        "{error:?}"
    );
}

#[test]
fn what_is_not_http_is_an_invalid_answer() {
    let long_header = [b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &vec![b'a'; 1 << 20], b"\r\n\r\n"].concat();
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for bytes in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        (0..=255).cycle().take(10_000).collect(),
        b"HTTP/1.1 9999 X\r\n\r\n".to_vec(),
        b"HTTP/2.0 200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n".to_vec(),
        long_header,
        many_headers.into_bytes(),
    ] {
        let error = error_after(bytes.clone());
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(matches!(&error, RemoteError::InvalidAnswer { .. }), "{start:?}: {error:?}");
    }
}

#[test]
fn what_is_not_the_protocol_is_an_invalid_answer() {
    let huge_header = |body: &[u8]| answer(200, &[(HEADER_LENGTH, "18446744073709551615")], body);
    for (bytes, expected) in [
        (answer(200, &[], b""), "EOF"),
        (answer(200, &[], b"<html>It works!</html>"), "JSON is malformed"),
        (answer(200, &[], b"{\"outputs\":[]}"), "output \"y\" is missing"),
        (answer(200, &[], b"{\"outputs\":{}}"), "JSON is malformed"),
        (answer(204, &[], b""), "EOF"),
        (huge_header(b"{}"), "18446744073709551615"),
        (answer(200, &[(HEADER_LENGTH, "-1")], b"{}"), "\"-1\""),
        (answer(200, &[(HEADER_LENGTH, "2"), (HEADER_LENGTH, "2")], b"{}"), "twice"),
        (answer(200, &[("content-encoding", "gzip")], b"{}"), "gzip"),
    ] {
        let error = error_after(bytes);
        assert!(
            matches!(&error, RemoteError::InvalidAnswer { detail, .. } if detail.contains(expected)),
            "{expected}: {error:?}"
        );
    }
}

#[test]
fn an_answer_of_other_names_types_shapes_or_lengths_is_not_believed() {
    let output = |name: &str, datatype: &str, shape: &str, size: u64| {
        format!(
            r#"{{"outputs":[{{"name":"{name}","datatype":"{datatype}","shape":{shape},"parameters":{{"binary_data_size":{size}}}}}]}}"#
        )
    };
    for (json, tail, expected) in [
        (output("z", "FP32", "[1,4]", 16), 16, "output \"y\" is missing"),
        (output("y", "FP64", "[1,4]", 32), 32, "output \"y\" is a tensor of f64, expected f32"),
        (output("y", "INT32", "[1,4]", 16), 16, "output \"y\" is a tensor of i32, expected f32"),
        (output("y", "FP32", "[1,5]", 20), 20, "output \"y\" has shape [1, 5], expected [n, 4]"),
        (output("y", "FP32", "[4]", 16), 16, "output \"y\" has shape [4], expected [n, 4]"),
        // The input says that n is 1.
        (output("y", "FP32", "[2,4]", 32), 32, "output \"y\" has shape [2, 4], expected [n, 4]"),
        (output("y", "FP32", "[1,4]", 16), 15, "16 bytes are announced, 15 are left"),
        (output("y", "FP32", "[1,4]", 16), 17, "1 bytes follow the last tensor"),
        (output("y", "FP32", "[1,4]", 15), 15, "takes 16 bytes, got 15"),
        (output("y", "FP32", "[1,4]", u64::MAX), 16, "18446744073709551615 bytes are announced"),
        (output("y", "FP32", "[4611686018427387904,4]", 16), 16, "is too large for this device"),
        (output("y", "FP32", "[-1,4]", 16), 16, "dimension 0 is -1"),
    ] {
        let length = json.len().to_string();
        let body = [json.as_bytes(), &vec![0; tail]].concat();
        let error = error_after(answer(200, &[(HEADER_LENGTH, &length)], &body));
        assert!(
            matches!(&error, RemoteError::InvalidAnswer { detail, .. } if detail.contains(expected)),
            "{expected}: {error:?}"
        );
    }
}

#[test]
fn a_huge_declared_length_is_refused_before_any_of_it_comes() {
    let server = FaultServer::start(|_| {
        Act::SendAndStall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".to_vec())
    });
    let error = error_of(&endpoint(server.url()));
    let expected = RemoteError::TooLarge {
        endpoint: "cloud".into(),
        what: "answer",
        got: 1_000_000_000_000,
        limit: 64 << 20,
    };
    assert_eq!(error, expected);
}

#[test]
fn an_answer_without_a_length_is_read_to_the_cap_and_no_further() {
    let server = FaultServer::start(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + (1 << 20), b' ');
        Act::SendAndStall(bytes)
    });
    let endpoint = Endpoint { max_answer_bytes: 1000, ..endpoint(server.url()) };
    let error = error_of(&endpoint);
    assert!(
        matches!(error, RemoteError::TooLarge { what: "answer", got, limit: 1000, .. } if got > 1000),
        "{error:?}"
    );
}

/// The class of a status, without its details.
fn class(error: &RemoteError) -> (&'static str, u16) {
    match error {
        RemoteError::Rejected { status, .. } => ("rejected", *status),
        RemoteError::Unauthorized { status, .. } => ("unauthorized", *status),
        RemoteError::Overloaded { status, .. } => ("overloaded", *status),
        RemoteError::ServerFailed { status, .. } => ("failed", *status),
        RemoteError::ModelNotFound { .. } => ("not found", 404),
        RemoteError::TooLarge { what: "request", .. } => ("too large", 413),
        _ => panic!("{error:?}"),
    }
}

#[test]
fn every_status_is_classified_whatever_its_body_is() {
    let remote = HttpRemote::new();
    for (status, expected) in [
        (301, "rejected"),
        (302, "rejected"),
        (307, "rejected"),
        (400, "rejected"),
        (401, "unauthorized"),
        (402, "rejected"),
        (403, "unauthorized"),
        (404, "not found"),
        (405, "rejected"),
        (408, "overloaded"),
        (413, "too large"),
        (415, "rejected"),
        (422, "rejected"),
        (429, "overloaded"),
        (500, "failed"),
        (501, "rejected"),
        (502, "overloaded"),
        (503, "overloaded"),
        (504, "overloaded"),
        (505, "failed"),
        (599, "failed"),
        (999, "failed"),
    ] {
        for (content_type, body, said) in [
            ("application/json", r#"{"error":"said so"}"#, "said so"),
            ("text/plain", r#"{"detail":[{"msg":"said so","input":[0.5]}]}"#, "said so"),
            ("text/plain", "said\n so", "said so"),
            ("text/html", "<html><body>said so</body></html>", "<html><body>said so</body></html>"),
            ("application/octet-stream", "", ""),
        ] {
            let bytes =
                answer(status, &[("content-type", content_type), ("location", "/x")], body.as_bytes());
            let server = FaultServer::start(move |_| Act::Send(bytes.clone()));
            let error = call(&remote, &endpoint(server.url())).unwrap_err();
            assert_eq!(class(&error), (expected, status), "{error:?}");
            // Of a redirect only that it is one is told, of 413 only the size.
            assert!(status < 400 || status == 413 || error.to_string().ends_with(said), "{error}");
            assert_eq!(error.is_retryable(), expected == "overloaded");
        }
    }
}

#[test]
fn a_failure_keeps_its_class_though_its_text_never_ends() {
    let start = b"HTTP/1.1 503 X\r\nretry-after: 9\r\ncontent-length: 1000\r\n\r\nbusy".to_vec();
    let server = FaultServer::start(move |_| Act::SendAndStall(start.clone()));
    let error = error_of(&endpoint(server.url()));
    assert!(
        matches!(&error, RemoteError::Overloaded { status: 503, retry_after, detail, .. }
            if *retry_after == Some(Duration::from_secs(9)) && detail == "busy"),
        "{error:?}"
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = FaultServer::start(|received| Act::Send(ok(&echo(received), &[])));
    let location = format!("{}/v2/models/echo/infer", elsewhere.url());
    let bytes = answer(307, &[("location", &location)], b"");
    let server = FaultServer::start(move |_| Act::Send(bytes.clone()));
    let error = error_of(&endpoint(server.url()));
    assert!(matches!(error, RemoteError::Rejected { status: 307, .. }), "{error:?}");
    assert_eq!(elsewhere.connections(), 0);
}
