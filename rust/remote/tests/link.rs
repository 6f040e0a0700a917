//! The client over a link of a given rate and delay that may die at any byte.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::{call_with, control, endpoint, row, serve, trusting, values};
use tandem_core::{CancellationToken, Endpoint, RemoteError};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Authority, FaultServer, Validity};
use tandem_testkit::link::{Death, Direction, LinkOptions, Relay};
use tandem_testkit::traces::LinkState;

/// Columns of a row of 200 kB.
const COLUMNS: usize = 50_000;

fn server() -> FaultServer {
    FaultServer::start(|received| serve(received, "[]"))
}

fn link_to(server: &FaultServer, megabits: f64, rtt_ms: u64) -> Relay {
    let url = server.url();
    let address: SocketAddr = url.split("//").last().unwrap().parse().unwrap();
    let state = LinkState::new(megabits * 1e6, Duration::from_millis(rtt_ms));
    Relay::start(address, LinkOptions { record: true, ..LinkOptions::constant(state) })
}

#[test]
fn an_answer_comes_whole_and_no_sooner_than_the_link_carries_it() {
    let server = server();
    let relay = link_to(&server, 8.0, 40);
    let (remote, control) = (HttpRemote::new(), control(&CancellationToken::new()));
    let answer = call_with(&remote, &endpoint(relay.url()), COLUMNS, &control).unwrap();
    let sent: Vec<f32> = row(COLUMNS).get("x").unwrap().to_vec().unwrap();
    assert!(values(&answer) == sent, "the echo is what was sent");
    // A round trip to connect and one to ask, and 1 ms for each kB either way.
    let timing = answer.timing;
    let whole = timing.connect + timing.upload + timing.wait + timing.download;
    assert!(whole >= Duration::from_millis(40 + 40 + 200 + 200 - 10), "{timing:?}");
    assert_eq!(server.connections(), 1);

    let tensor: Vec<u8> = sent.iter().flat_map(|value| value.to_le_bytes()).collect();
    for direction in [Direction::Up, Direction::Down] {
        let crossed = relay.recorded(direction);
        assert!(crossed.windows(tensor.len()).any(|part| part == tensor), "{direction:?}");
    }
}

#[test]
fn a_link_that_dies_under_an_exchange_is_a_connection_lost_and_the_next_exchange_works() {
    let server = server();
    let relay = link_to(&server, 100.0, 2);
    let (remote, control) = (HttpRemote::new(), control(&CancellationToken::new()));
    let call = |endpoint: &Endpoint| call_with(&remote, endpoint, COLUMNS, &control);
    let endpoint = endpoint(relay.url());
    let whole = call(&endpoint).unwrap();
    let up = usize::try_from(relay.delivered(Direction::Up)).unwrap();
    for (direction, bytes) in
        [(Direction::Up, 10), (Direction::Up, up / 2), (Direction::Down, 1), (Direction::Down, 100_000)]
    {
        relay.kill_after(direction, bytes, Death::Reset);
        let error = call(&endpoint).unwrap_err();
        assert!(matches!(error, RemoteError::ConnectionLost { .. }), "{direction:?} {bytes}: {error:?}");
        relay.heal();
        assert_eq!(values(&call(&endpoint).unwrap()), values(&whole));
    }
}

#[test]
fn a_link_that_falls_silent_ends_with_the_endpoints_time() {
    let server = server();
    let relay = link_to(&server, 100.0, 2);
    let (remote, control) = (HttpRemote::new(), control(&CancellationToken::new()));
    let endpoint = Endpoint { timeout: Duration::from_millis(500), ..endpoint(relay.url()) };
    relay.kill_after(Direction::Up, 5000, Death::Silence);
    let error = call_with(&remote, &endpoint, COLUMNS, &control).unwrap_err();
    assert!(matches!(error, RemoteError::ConnectionLost { .. }), "{error:?}");
    assert_eq!(relay.delivered(Direction::Up), 5000);
    relay.heal();
    let patient = Endpoint { timeout: Duration::from_secs(30), ..endpoint };
    call_with(&remote, &patient, COLUMNS, &control).unwrap();
}

#[test]
fn over_tls_connecting_takes_two_round_trips_and_a_listener_reads_nothing() {
    let authority = Authority::new();
    let identity = authority.issue("127.0.0.1", Validity::Current);
    let server = FaultServer::start_tls(identity.server(None), |received| serve(received, "[]"));
    let relay = link_to(&server, 100.0, 60);
    let (remote, control) = (HttpRemote::new(), control(&CancellationToken::new()));
    let endpoint = trusting(relay.tls_url(), &authority.pem());
    let answer = call_with(&remote, &endpoint, COLUMNS, &control).unwrap();
    assert!(answer.timing.connect >= Duration::from_millis(2 * 60 - 5), "{:?}", answer.timing);
    assert_eq!(call_with(&remote, &endpoint, COLUMNS, &control).unwrap().timing.connect, Duration::ZERO);

    let sent: Vec<f32> = row(COLUMNS).get("x").unwrap().to_vec().unwrap();
    let tensor: Vec<u8> = sent[..16].iter().flat_map(|value| value.to_le_bytes()).collect();
    for direction in [Direction::Up, Direction::Down] {
        let crossed = relay.recorded(direction);
        assert!(crossed.len() > 2 * 4 * COLUMNS, "{direction:?}: {} bytes", crossed.len());
        for clear in [tensor.as_slice(), b"HTTP/1.1"] {
            assert!(!crossed.windows(clear.len()).any(|part| part == clear), "{direction:?}");
        }
    }
}
