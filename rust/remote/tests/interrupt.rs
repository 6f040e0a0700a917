//! Cancellation and the caller's deadline stop an exchange in every phase, at once, and with its connection.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{PATIENCE, call_with, control, echo, endpoint, ok};
use tandem_core::{
    CancellationToken, Control, Endpoint, Interrupt, RemoteError, Secret, TokenError, TokenSource,
};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, FaultServer, Greeting};

/// More than the sockets of loopback hold.
const LARGE: usize = 8 << 20;

/// A server that stalls in one phase.
struct Stalled {
    phase: &'static str,
    server: FaultServer,
    endpoint: Endpoint,
    columns: usize,
    /// Whether the server gets to see a request.
    reads: bool,
}

fn stalled_servers() -> Vec<Stalled> {
    let stalled = |phase, server: FaultServer, columns, reads| {
        let endpoint = endpoint(server.url());
        Stalled { phase, server, endpoint, columns, reads }
    };
    let mut connect = stalled("connect", FaultServer::greeting(Greeting::Ignore), 4, false);
    // The handshake is part of connecting, and nobody answers it.
    connect.endpoint.url = connect.endpoint.url.replace("http://", "https://");
    let half_an_answer = |received: &tandem_testkit::faults::Received| {
        let mut bytes = ok(&echo(received), &[]);
        bytes.truncate(bytes.len() - 3);
        Act::SendAndStall(bytes)
    };
    let mut probe = stalled("probe", FaultServer::start(|_| Act::SendAndStall(Vec::new())), 4, true);
    probe.endpoint.wire = tandem_core::WireFormat::Auto;
    vec![
        connect,
        probe,
        stalled("upload", FaultServer::greeting(Greeting::Ignore), LARGE, false),
        stalled("wait", FaultServer::start(|_| Act::SendAndStall(Vec::new())), 4, true),
        stalled("download", FaultServer::start(half_an_answer), 4, true),
    ]
}

/// Waits until the exchange is where the server stalls it.
fn wait_for_stall(stalled: &Stalled) {
    if stalled.reads {
        assert!(stalled.server.wait_requests(1, PATIENCE));
    } else {
        let until = Instant::now() + PATIENCE;
        while stalled.server.connections() == 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    // From here to the socket's end is the work of the client's thread alone.
    std::thread::sleep(Duration::from_millis(30));
}

#[test]
fn cancelling_ends_an_exchange_in_every_phase_and_drops_its_connection() {
    let remote = HttpRemote::new();
    for stalled in stalled_servers() {
        let token = CancellationToken::new();
        let result = std::thread::scope(|scope| {
            let exchange =
                scope.spawn(|| call_with(&remote, &stalled.endpoint, stalled.columns, &control(&token)));
            wait_for_stall(&stalled);
            token.cancel();
            exchange.join().unwrap()
        });
        let phase = stalled.phase;
        assert_eq!(result.unwrap_err(), RemoteError::Interrupted(Interrupt::Cancelled), "{phase}");
        // What fills the sockets hides their end from a server that does not read.
        if phase != "upload" && phase != "connect" {
            assert!(stalled.server.wait_closed(1, PATIENCE), "{phase}: the connection is still open");
        }
    }
}

#[test]
fn a_deadline_ends_an_exchange_in_every_phase() {
    let remote = HttpRemote::new();
    for stalled in stalled_servers() {
        let deadline = Instant::now() + Duration::from_millis(300);
        let control = Control { deadline: Some(deadline), ..Control::default() };
        let error = call_with(&remote, &stalled.endpoint, stalled.columns, &control).unwrap_err();
        assert_eq!(error, RemoteError::Interrupted(Interrupt::DeadlineExceeded), "{}", stalled.phase);
        assert!(Instant::now() >= deadline);
        assert!(!error.allows_fallback());
    }
}

#[test]
fn a_call_that_is_already_stopped_opens_no_connection() {
    let server = FaultServer::start(|received| Act::Send(ok(&echo(received), &[])));
    let remote = HttpRemote::new();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let late = Control { deadline: Some(Instant::now()), ..Control::default() };
    for (control, interrupt) in
        [(control(&cancelled), Interrupt::Cancelled), (late, Interrupt::DeadlineExceeded)]
    {
        let error = call_with(&remote, &endpoint(server.url()), 4, &control).unwrap_err();
        assert_eq!(error, RemoteError::Interrupted(interrupt));
    }
    assert_eq!(server.connections(), 0);
}

/// A source that answers once the other side of its channel is dropped.
struct Slow(Mutex<Receiver<()>>);

impl TokenSource for Slow {
    fn token(&self, _refresh: bool) -> Result<Secret, TokenError> {
        let ended = self.0.lock().unwrap().recv().unwrap_err();
        Err(TokenError(ended.to_string()))
    }
}

#[test]
fn a_token_source_that_does_not_answer_can_be_cancelled() {
    let (give, take) = channel::<()>();
    let source: Arc<dyn TokenSource> = Arc::new(Slow(Mutex::new(take)));
    let endpoint = Endpoint { token: Some(source), ..endpoint("http://127.0.0.1:9") };
    let remote = HttpRemote::new();
    let deadline = Some(Instant::now() + Duration::from_millis(100));
    let error = call_with(&remote, &endpoint, 4, &Control { deadline, ..Control::default() }).unwrap_err();
    assert_eq!(error, RemoteError::Interrupted(Interrupt::DeadlineExceeded));
    // Dropping the client does not wait for the source either.
    drop(remote);
    drop(give);
}

#[test]
fn a_cancelled_call_leaves_the_client_fit_for_the_next() {
    let stall = FaultServer::start(|_| Act::SendAndStall(Vec::new()));
    let server = FaultServer::start(|received| Act::Send(ok(&echo(received), &[])));
    let remote = HttpRemote::new();
    for _ in 0..20 {
        let deadline = Some(Instant::now() + Duration::from_millis(5));
        let control = Control { deadline, ..Control::default() };
        call_with(&remote, &endpoint(stall.url()), 4, &control).unwrap_err();
        support::call(&remote, &endpoint(server.url())).unwrap();
    }
    assert_eq!(server.connections(), 1);
}
