//! What an exchange does when all goes well, and what it does about caps and connections.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use half::f16;
use support::{call, call_with, control, echo, echo_model, endpoint, ok, parse, row, serve, values};
use tandem_core::{
    CancellationToken, Control, DType, Endpoint, ErrorCode, InputError, ModelInfo, NamedTensors, Remote,
    RemoteError, RemoteRequest, ServerCounts, Tensor, TensorInfo, WireFormat,
};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, FaultServer, Received, answer};
use tandem_wire::{Form, HEADER_LENGTH};

const BINARY: &str = r#"["classification","binary_tensor_data"]"#;

fn auto(server: &FaultServer) -> Endpoint {
    Endpoint { wire: WireFormat::Auto, ..endpoint(server.url()) }
}

/// A server that works and keeps what it was sent.
fn recording(extensions: &'static str) -> (FaultServer, Arc<Mutex<Vec<Received>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = seen.clone();
    let server = FaultServer::start(move |received| {
        record.lock().unwrap().push(received.clone());
        serve(received, extensions)
    });
    (server, seen)
}

#[test]
fn an_endpoint_that_lists_the_extension_is_sent_binary_after_one_question() {
    let (server, seen) = recording(BINARY);
    let remote = HttpRemote::new();
    for _ in 0..3 {
        assert_eq!(values(&call(&remote, &auto(&server)).unwrap()), [-1.0, -0.5, 0.0, 0.5]);
    }
    let seen = seen.lock().unwrap();
    let paths: Vec<_> =
        seen.iter().map(|received| (received.method.as_str(), received.path.as_str())).collect();
    let infer = ("POST", "/v2/models/echo/infer");
    assert_eq!(paths, [("GET", "/v2"), infer, infer, infer]);
    let request = &seen[1];
    assert_eq!(request.header("content-type"), Some("application/octet-stream"));
    assert_eq!(request.header("host"), Some(server.url().trim_start_matches("http://")));
    assert!(request.header(HEADER_LENGTH).is_some());
    assert_eq!(parse(request).id.as_deref(), Some("7"));
    assert_eq!(parse(request).form_of("y"), Form::Binary);
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_endpoint_that_does_not_is_sent_json() {
    for extensions in ["[]", r#"["model_repository_extension"]"#] {
        let (server, seen) = recording(extensions);
        let answer = call(&HttpRemote::new(), &auto(&server)).unwrap();
        assert_eq!(values(&answer), [-1.0, -0.5, 0.0, 0.5]);
        let seen = seen.lock().unwrap();
        assert_eq!(seen[1].header("content-type"), Some("application/json"));
        assert_eq!(seen[1].header(HEADER_LENGTH), None);
        assert_eq!(parse(&seen[1]).form_of("y"), Form::Json);
    }
}

#[test]
fn a_look_is_one_exchange_with_its_padding_and_tells_its_phases() {
    let (server, seen) = recording(BINARY);
    let (remote, control) = (HttpRemote::new(), control(&CancellationToken::new()));
    let look = |padding| remote.look(&endpoint(server.url()), padding, &control).unwrap().unwrap();
    let (first, padded) = (look(0), look(4096));
    assert!(first.connect > Duration::ZERO && first.wait > Duration::ZERO, "{first:?}");
    assert!(padded.connect.is_zero() && padded.wait > Duration::ZERO, "{padded:?}");
    assert_eq!((first.request_bytes, padded.request_bytes), (0, 4096));
    let padding: Vec<_> =
        seen.lock().unwrap().iter().map(|it| it.header("x-padding").map_or(0, str::len)).collect();
    assert_eq!(padding, [0, 4096]);
    assert!(seen.lock().unwrap().iter().all(|it| it.path == "/v2/health/ready" && it.body.is_empty()));
}

#[test]
fn counts_are_those_of_the_model_and_none_where_a_server_does_not_count() {
    let tally = |ns: u64| format!(r#"{{"count":2,"ns":{ns}}}"#);
    let stats = format!(
        r#"{{"success":{},"queue":{},"compute_input":{},"compute_infer":{},"compute_output":{}}}"#,
        tally(9_000),
        tally(1_000),
        tally(10),
        tally(6_000),
        tally(20),
    );
    let counted = format!(r#"{{"model_stats":[{{"name":"echo","version":"1","inference_stats":{stats}}}]}}"#);
    let counts = |status: u16, body: String| {
        let server = FaultServer::start(move |received| {
            assert_eq!((received.method.as_str(), received.path.as_str()), ("GET", "/v2/models/echo/stats"));
            Act::Send(answer(status, &[], body.as_bytes()))
        });
        let control = control(&CancellationToken::new());
        HttpRemote::new().counts(&endpoint(server.url()), &echo_model(4), &control)
    };
    let time = Duration::from_nanos;
    let expected = ServerCounts { requests: 2, computed: 2, queue: time(1_000), compute: time(6_030) };
    assert_eq!(counts(200, counted.clone()), Ok(Some(expected)));
    assert_eq!(counts(404, counted.clone()), Ok(None));
    assert_eq!(counts(200, "{}".to_owned()), Ok(None));
    assert!(matches!(counts(503, counted), Err(RemoteError::Overloaded { .. })));
}

#[test]
fn a_server_that_has_no_metadata_is_sent_json() {
    for (status, body) in [(404, ""), (500, "{}"), (200, "<html>")] {
        let server = FaultServer::start(move |received| match received.path.as_str() {
            "/v2" => Act::Send(answer(status, &[], body.as_bytes())),
            _ => Act::Send(ok(&echo(received), &[])),
        });
        call(&HttpRemote::new(), &auto(&server)).unwrap();
    }
}

#[test]
fn a_server_too_busy_to_say_what_it_speaks_is_overloaded_and_asked_again() {
    let server = FaultServer::start(|received| match received.index {
        0 => Act::Send(answer(503, &[("retry-after", "2")], b"busy")),
        _ => serve(received, BINARY),
    });
    let remote = HttpRemote::new();
    let error = call(&remote, &auto(&server)).unwrap_err();
    assert!(matches!(error, RemoteError::Overloaded { status: 503, .. }), "{error:?}");
    call(&remote, &auto(&server)).unwrap();
    assert_eq!(server.requests(), 3);
}

#[test]
fn the_configured_form_is_not_asked_for() {
    for (wire, content_type) in
        [(WireFormat::Binary, "application/octet-stream"), (WireFormat::Json, "application/json")]
    {
        let (server, seen) = recording("[]");
        let endpoint = Endpoint { wire, ..auto(&server) };
        call(&HttpRemote::new(), &endpoint).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].header("content-type"), Some(content_type));
    }
}

#[test]
fn connections_are_used_again_one_after_the_other() {
    let (server, _) = recording(BINARY);
    let remote = HttpRemote::new();
    for i in 0..50 {
        let answer = call(&remote, &endpoint(server.url())).unwrap();
        assert_eq!(answer.timing.connect.is_zero(), i > 0);
    }
    assert_eq!((server.requests(), server.connections()), (50, 1));
}

#[test]
fn a_connection_that_the_server_closes_is_not_used_again() {
    let server =
        FaultServer::start(|received| Act::SendAndClose(ok(&echo(received), &[("connection", "close")])));
    let remote = HttpRemote::new();
    for _ in 0..10 {
        call(&remote, &endpoint(server.url())).unwrap();
    }
    assert_eq!((server.requests(), server.connections()), (10, 10));
}

#[test]
fn a_connection_that_died_while_waiting_is_replaced() {
    // The server closes without having said that it would.
    let server = FaultServer::start(|received| Act::SendAndClose(ok(&echo(received), &[])));
    let remote = HttpRemote::new();
    for i in 1..=10 {
        call(&remote, &endpoint(server.url())).unwrap();
        // The client has been told by the time that the server is done with the connection.
        assert!(server.wait_closed(i, support::PATIENCE));
    }
    assert_eq!(server.requests(), 10);
}

#[test]
fn a_request_that_may_have_been_run_is_not_sent_again() {
    let server = FaultServer::start(|received| match received.index {
        0 => Act::Send(ok(&echo(received), &[])),
        _ => Act::SendAndReset(Vec::new()),
    });
    let remote = HttpRemote::new();
    call(&remote, &endpoint(server.url())).unwrap();
    let error = call(&remote, &endpoint(server.url())).unwrap_err();
    assert!(matches!(error, RemoteError::ConnectionLost { phase: "wait", .. }), "{error:?}");
    assert_eq!(server.requests(), 2);
}

#[test]
fn fifty_calls_at_once_all_get_their_own_answer() {
    let (server, _) = recording(BINARY);
    let remote = HttpRemote::new();
    std::thread::scope(|scope| {
        for i in 0..50_usize {
            let (remote, server) = (&remote, &server);
            scope.spawn(move || {
                let columns = i + 1;
                let control = control(&CancellationToken::new());
                let answer = call_with(remote, &auto(server), columns, &control).unwrap();
                assert_eq!(answer.outputs.get("y"), row(columns).get("x"));
            });
        }
    });
    // One question for all.
    assert_eq!(server.requests(), 51);
}

#[test]
fn a_client_may_be_used_and_dropped_on_threads_of_another_runtime() {
    let (server, _) = recording(BINARY);
    let endpoint = auto(&server);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let remote = Arc::new(HttpRemote::new());
        let (shared, target) = (remote.clone(), endpoint.clone());
        tokio::task::spawn_blocking(move || call(&shared, &target).unwrap()).await.unwrap();
        // Not good manners, but no panic: the call blocks this worker.
        let shared = remote.clone();
        tokio::spawn(async move { call(&shared, &endpoint).unwrap() }).await.unwrap();
        drop(remote);
    });
}

#[test]
fn dropping_the_client_closes_its_connections() {
    let (server, _) = recording(BINARY);
    let remote = HttpRemote::new();
    call(&remote, &endpoint(server.url())).unwrap();
    drop(remote);
    assert!(server.wait_closed(1, support::PATIENCE));
}

#[test]
fn a_request_over_the_cap_is_not_sent() {
    let (server, _) = recording(BINARY);
    let endpoint = Endpoint { max_request_bytes: 200, ..endpoint(server.url()) };
    let remote = HttpRemote::new();
    let control = control(&CancellationToken::new());
    let error = call_with(&remote, &endpoint, 100, &control).unwrap_err();
    assert!(
        matches!(error, RemoteError::TooLarge { what: "request", got, limit: 200, .. } if got > 400),
        "{error:?}"
    );
    assert_eq!(error.code(), ErrorCode::ResourceLimit);
    assert_eq!(server.connections(), 0);
}

#[test]
fn retry_after_reaches_the_caller() {
    let at = httpdate(Duration::from_hours(1));
    for (value, least, most) in [("7", 7, 7), (at.as_str(), 3500, 3600)] {
        let bytes = answer(429, &[("retry-after", value)], br#"{"error":"slow down"}"#);
        let server = FaultServer::start(move |_| Act::Send(bytes.clone()));
        let error = call(&HttpRemote::new(), &endpoint(server.url())).unwrap_err();
        let after = tandem_core::Error::from(error).retry_after().unwrap().as_secs();
        assert!((least..=most).contains(&after), "{value}: {after}");
    }
}

fn httpdate(from_now: Duration) -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + from_now)
}

#[test]
fn every_phase_is_measured() {
    let server = FaultServer::start(|received| {
        let bytes = ok(&echo(received), &[("server-timing", "queue;dur=1, compute;dur=12.5")]);
        // The head, then the body after a while.
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        std::thread::sleep(Duration::from_millis(40));
        let (head, body) = bytes.split_at(head);
        Act::Drip(head.to_vec(), body.to_vec(), Duration::ZERO)
    });
    let control = control(&CancellationToken::new());
    let answer = call_with(&HttpRemote::new(), &endpoint(server.url()), 64, &control).unwrap();
    let timing = answer.timing;
    assert_eq!(timing.server, Some(Duration::from_micros(12_500)));
    assert!(!timing.connect.is_zero() && !timing.encode.is_zero() && !timing.decode.is_zero(), "{timing:?}");
    assert!(timing.wait >= Duration::from_millis(40), "{timing:?}");
    assert!(!timing.download.is_zero(), "{timing:?}");
    assert!(timing.request_bytes > 256 && timing.answer_bytes > 256, "{timing:?}");
}

#[test]
fn an_upload_that_the_server_reads_slowly_is_time_of_the_upload() {
    let server = FaultServer::start(|received| Act::Send(ok(&echo(received), &[])));
    let control = control(&CancellationToken::new());
    let answer = call_with(&HttpRemote::new(), &endpoint(server.url()), 4 << 20, &control).unwrap();
    let timing = answer.timing;
    assert!(!timing.upload.is_zero() && !timing.download.is_zero(), "{timing:?}");
    assert_eq!(answer.outputs.get("y").unwrap().byte_len(), 16 << 20);
}

#[test]
fn readiness_is_the_status_alone() {
    let remote = HttpRemote::new();
    for (status, body, ready) in [
        (200, "", true),
        (200, r#"{"ready":true}"#, true),
        (400, "", false),
        (404, "", false),
        (503, "", false),
    ] {
        let bytes = answer(status, &[], body.as_bytes());
        let server = FaultServer::start(move |received| {
            assert_eq!(received.path, "/v2/health/ready");
            Act::Send(bytes.clone())
        });
        assert_eq!(remote.is_ready(&endpoint(server.url()), &Control::default()).unwrap(), ready);
    }
    let error =
        remote.is_ready(&endpoint(tandem_testkit::faults::refused_url()), &Control::default()).unwrap_err();
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error:?}");
}

/// A model of one input and one output of that type and shape.
fn model_of(dtype: DType, shape: &[usize]) -> ModelInfo {
    let shape = shape.iter().copied().map(tandem_core::Dimension::Fixed).collect();
    let info = |name: &str| TensorInfo { name: name.into(), dtype, shape: Some(Vec::clone(&shape)) };
    ModelInfo::new("echo".into(), String::new(), 17, BTreeMap::new(), vec![info("x")], vec![info("y")])
}

#[test]
fn every_type_crosses_bit_for_bit_in_the_forms_it_has() {
    let (server, _) = recording(BINARY);
    let remote = HttpRemote::new();
    for dtype in DType::ALL {
        let tensor = match dtype {
            DType::String => {
                Tensor::from_strings([3], vec!["a".into(), "ü\"\\".into(), String::new()]).unwrap()
            }
            DType::Bool => Tensor::from_bools([3], &[true, false, true]).unwrap(),
            DType::F16 => Tensor::from_vec([3], [0.1, -0.0, 65_504.0].map(f16::from_f32).to_vec()).unwrap(),
            DType::F32 => Tensor::from_vec([3], vec![0.1_f32, -0.0, f32::MIN_POSITIVE]).unwrap(),
            DType::F64 => Tensor::from_vec([3], vec![0.1_f64, -0.0, f64::MAX]).unwrap(),
            _ => {
                let bytes = [0x80, 0xff, 1, 0x7f].repeat(6);
                Tensor::from_bytes(dtype, [3], &bytes[..3 * dtype.size().unwrap()]).unwrap()
            }
        };
        let model = model_of(dtype, &[3]);
        let inputs = NamedTensors::new([("x", tensor.clone())]).unwrap();
        let wanted = ["y".to_owned()];
        for wire in [WireFormat::Binary, WireFormat::Json] {
            let endpoint = Endpoint { wire, ..endpoint(server.url()) };
            let request = RemoteRequest {
                endpoint: &endpoint,
                model: &model,
                inputs: &inputs,
                wanted: &wanted,
                id: None,
            };
            let result = remote.infer(&request, &Control::default());
            if dtype == DType::F16 && wire == WireFormat::Json {
                let error = result.unwrap_err();
                assert!(matches!(&error, RemoteError::Input(InputError::Value { .. })), "{error:?}");
            } else {
                assert_eq!(result.unwrap().outputs.get("y"), Some(&tensor), "{dtype} {wire:?}");
            }
        }
    }
}

#[test]
fn a_scalar_travels_as_a_row_of_one() {
    let (server, seen) = recording(BINARY);
    let model = model_of(DType::F32, &[]);
    let tensor = Tensor::from_vec([], vec![2.5_f32]).unwrap();
    let inputs = NamedTensors::new([("x", tensor.clone())]).unwrap();
    let endpoint = endpoint(server.url());
    let request =
        RemoteRequest { endpoint: &endpoint, model: &model, inputs: &inputs, wanted: &[], id: None };
    let answer = HttpRemote::new().infer(&request, &Control::default()).unwrap();
    assert_eq!(answer.outputs.get("y"), Some(&tensor));
    assert_eq!(parse(&seen.lock().unwrap()[0]).inputs.get("x").unwrap().shape(), [1]);
}

#[test]
fn what_does_not_fit_the_model_is_not_sent() {
    let (server, _) = recording(BINARY);
    let remote = HttpRemote::new();
    let endpoint = endpoint(server.url());
    let model = echo_model(4);
    let infer = |inputs: &NamedTensors, wanted: &[String]| {
        let request = RemoteRequest { endpoint: &endpoint, model: &model, inputs, wanted, id: None };
        remote.infer(&request, &Control::default()).unwrap_err()
    };
    let other = infer(&row(5), &[]);
    assert!(matches!(&other, RemoteError::Input(InputError::Shape { .. })), "{other:?}");
    let unknown = infer(&row(4), &["z".to_owned()]);
    assert!(matches!(&unknown, RemoteError::Input(InputError::UnknownOutput { .. })), "{unknown:?}");
    let nan = NamedTensors::new([("x", Tensor::from_vec([1, 4], vec![f32::NAN; 4]).unwrap())]).unwrap();
    let json = Endpoint { wire: WireFormat::Json, ..endpoint.clone() };
    let request = RemoteRequest { endpoint: &json, model: &model, inputs: &nan, wanted: &[], id: None };
    let error = remote.infer(&request, &Control::default()).unwrap_err();
    assert!(error.to_string().contains("element 0 of tensor \"x\" is not finite"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_model_goes_by_its_name_there() {
    let server = FaultServer::start(|received| {
        assert_eq!(received.path, "/v2/models/echo%2Fv2/infer");
        Act::Send(ok(&echo(received), &[]))
    });
    let models = BTreeMap::from([("echo".to_owned(), "echo/v2".to_owned())]);
    call(&HttpRemote::new(), &Endpoint { models, ..endpoint(server.url()) }).unwrap();
}

#[test]
fn a_url_that_is_not_an_address_is_a_configuration_error() {
    let remote = HttpRemote::new();
    for url in ["ftp://host", "http://user:s3cret@host", "http://host/s3cret", "host"] {
        let error = call(&remote, &endpoint(url)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{url}: {error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    let models = BTreeMap::from([("echo".to_owned(), "..".to_owned())]);
    let error = call(&remote, &Endpoint { models, ..endpoint("http://host") }).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
}
