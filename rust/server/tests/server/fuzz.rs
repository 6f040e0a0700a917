//! Damaged requests: always an answer or a closed connection, and the server goes on.

use std::time::Duration;

use tandem_core::{NamedTensors, Tensor};
use tandem_testkit::{Random, mutate};
use tandem_wire::{Form, InferRequest};

use crate::http::request_bytes;
use crate::world::{ADD, ADD_PATH, Repository};

/// Rounds where `TANDEM_FUZZ_ROUNDS` does not say.
const ROUNDS: u64 = 2000;

fn rounds() -> u64 {
    std::env::var("TANDEM_FUZZ_ROUNDS").ok().map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// Requests of every form, as they lie on the wire.
fn good() -> Vec<Vec<u8>> {
    let tensor = |values: [f32; 3]| Tensor::from_vec([1, 3], values.to_vec()).unwrap();
    let inputs = NamedTensors::new([("a", tensor([1.0, 2.0, 3.0])), ("b", tensor([4.0, 5.0, 6.0]))]).unwrap();
    let request =
        InferRequest { id: Some("f".into()), inputs, default_form: Form::Binary, ..InferRequest::default() };
    let payload = request.encode(Form::Binary).unwrap();
    let length: &'static str = payload.header_length.unwrap().to_string().leak();
    let header = |value: &'static str| [("Inference-Header-Content-Length", value)];
    let chunked = format!(
        "POST {ADD_PATH} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{ADD}\r\n0\r\n\r\n",
        ADD.len()
    );
    vec![
        request_bytes("POST", ADD_PATH, &[], ADD.as_bytes()),
        request_bytes("POST", ADD_PATH, &header(length), &payload.to_bytes()),
        request_bytes("POST", "/v2/models/classifier/infer", &header("0"), &[0; 32]),
        request_bytes("GET", "/v2/models/add/versions/1", &[], b""),
        request_bytes("POST", "/v2/repository/index", &[], br#"{"ready":true}"#),
        chunked.into_bytes(),
    ]
}

#[test]
fn damaged_requests_are_answered_or_closed_and_the_server_goes_on() {
    let world = Repository::usual().serve_with(|config| {
        // What declares more than it sends is given up soon.
        config.idle_timeout = Duration::from_millis(50);
        config.max_body_bytes = 1 << 20;
    });
    let good = good();
    let mut random = Random::new(0x5e2f);
    let mut answered = 0;
    for round in 0..rounds() {
        let request = mutate(&good[random.below(good.len())], round);
        let mut connection = world.connect();
        // The server may close before everything is sent.
        if connection.send(&request).is_ok() && connection.answer().is_ok() {
            answered += 1;
        }
    }
    assert!(answered > 0, "not a single damaged request was answered");
    assert_eq!(world.post(ADD_PATH, ADD).status, 200);
}

#[test]
fn damaged_bodies_under_sound_heads_are_answered_with_200_or_400() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let good = good();
    for round in 0..rounds() {
        let request = &good[usize::try_from(round).unwrap() % 3];
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(request[..end].to_vec()).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Inference-Header-Content-Length: "));
        let headers: Vec<_> =
            length.iter().map(|length| ("inference-header-content-length", *length)).collect();
        let answer = connection.request("POST", path, &headers, &mutate(&request[end..], round));
        match answer.status {
            200 => (),
            400 => assert!(!answer.error().is_empty()),
            status => panic!("round {round}: {status} {}", String::from_utf8_lossy(&answer.body)),
        }
    }
}
