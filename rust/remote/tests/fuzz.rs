//! Damaged answers: none makes the client panic, hang, or believe what cannot be. The seeds are fixed, so a failure
//! comes back; `TANDEM_FUZZ_ROUNDS` sets how many there are.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, and counts that are seen"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use support::{call, echo, endpoint, ok};
use tandem_core::{ErrorCode, NamedTensors, Tensor};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, FaultServer};
use tandem_testkit::mutate;
use tandem_testkit::usage::{peak_memory, timed};
use tandem_wire::{Form, InferResponse, failure_text, parse_header_length};

fn rounds() -> u64 {
    let text = std::env::var("TANDEM_FUZZ_ROUNDS").unwrap_or_else(|_| "4000".to_owned());
    text.parse().expect("TANDEM_FUZZ_ROUNDS is a number")
}

/// An answer with outputs of several types, in binary form, as JSON, and half and half.
fn answers() -> Vec<(Vec<u8>, Option<usize>)> {
    let outputs = NamedTensors::new([
        ("f32", Tensor::from_vec([2, 3], vec![0.5_f32, -1.0, 3e10, 0.0, 7.25, -0.0]).unwrap()),
        ("i64", Tensor::from_vec([2], vec![i64::MIN, i64::MAX]).unwrap()),
        ("bool", Tensor::from_bools([1, 3], &[true, false, true]).unwrap()),
        ("string", Tensor::from_strings([2], vec!["a \"b\" ü".into(), String::new()]).unwrap()),
        ("empty", Tensor::from_vec::<u8>([0, 4], vec![]).unwrap()),
    ])
    .unwrap();
    let response = InferResponse { model_name: Some("m".into()), outputs, ..InferResponse::default() };
    let form = |mixed: bool, form: Form| {
        let payload = response.encode(|name| if mixed && name == "i64" { Form::Json } else { form }).unwrap();
        (payload.to_bytes().to_vec(), payload.header_length)
    };
    vec![form(false, Form::Binary), form(true, Form::Binary), form(false, Form::Json)]
}

#[test]
fn a_damaged_message_is_refused_or_still_makes_sense() {
    let answers = answers();
    let mut believed = 0;
    let mut slowest = Duration::ZERO;
    for seed in 0..rounds() {
        let (good, header_length) = &answers[usize::try_from(seed).unwrap() % answers.len()];
        let body = Bytes::from(mutate(good, seed));
        // Every other time, the header that says where the JSON ends is damaged too.
        let header_length = header_length.map(|length| {
            let text = mutate(length.to_string().as_bytes(), seed);
            let damaged = parse_header_length(&String::from_utf8_lossy(&text));
            damaged.ok().filter(|_| seed % 2 == 0).unwrap_or(length)
        });
        let (decoded, time) = timed(|| InferResponse::decode(&body, header_length));
        slowest = slowest.max(time);
        if let Ok(response) = decoded {
            believed += 1;
            // No element came from nowhere: the shortest takes two bytes of JSON and eight of memory.
            assert!(response.outputs.byte_len() <= 4 * body.len(), "seed {seed}");
            let payload = response.encode(|_| Form::Binary).unwrap();
            let again = InferResponse::decode(&payload.to_bytes(), payload.header_length).unwrap();
            assert_eq!(again, response, "seed {seed}");
        }
        assert!(failure_text(&body, None).chars().count() <= 201, "seed {seed}");
    }
    // Damage to a value leaves a message whole: were none believed, nothing above would have been looked at.
    assert!(believed > 0);
    within_bounds(slowest);
}

#[test]
fn a_damaged_answer_over_a_socket_ends_in_a_typed_error_or_in_outputs_that_fit() {
    let server = FaultServer::start(|received| {
        let good = ok(&echo(received), &[("server-timing", "compute;dur=1.5"), ("retry-after", "1")]);
        Act::SendAndClose(mutate(&good, received.index as u64))
    });
    let remote = HttpRemote::new();
    let endpoint = endpoint(server.url());
    let mut slowest = Duration::ZERO;
    for round in 0..rounds() {
        let (called, time) = timed(|| call(&remote, &endpoint));
        slowest = slowest.max(time);
        match called {
            Ok(answer) => assert_eq!(answer.outputs.get("y").unwrap().shape(), [1, 4], "round {round}"),
            Err(error) => {
                let expected = [ErrorCode::RemoteFailed, ErrorCode::ResourceLimit, ErrorCode::ModelNotFound];
                assert!(expected.contains(&error.code()), "round {round}: {error:?}");
            }
        }
    }
    within_bounds(slowest);
}

/// That no round computed for long, and that the process holds no more than small answers need, whatever lengths they declare.
fn within_bounds(slowest: Duration) {
    let peak = peak_memory();
    println!("slowest {slowest:?}, {peak:?} bytes at the peak");
    assert!(slowest < Duration::from_secs(1), "a round took {slowest:?}");
    assert!(peak.is_none_or(|peak| peak < 64 << 20), "{peak:?} bytes at the peak");
}
