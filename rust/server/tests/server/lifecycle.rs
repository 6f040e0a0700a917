//! Starting, stopping, and callers who leave.

use std::time::Duration;

use crate::http::{Connection, request_bytes};
use crate::world::{ADD, ADD_PATH, Repository, Running, slow};

/// Waits for something that must come about.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// Starts a run that takes seconds, and waits until it runs.
fn begin_slow(world: &Running, request: &[u8]) -> Connection {
    let mut connection = world.connect();
    connection.send(request).unwrap();
    // A second request waits in the queue as soon as the first has left it.
    let mut second = world.connect();
    second.send(request).unwrap();
    let metrics = |world: &Running| String::from_utf8(world.get("/metrics").body).unwrap();
    until("the run has begun", || {
        metrics(world).contains(r#"tandem_queue_depth{model="slow",version="1"} 1"#)
    });
    connection
}

fn slow_world(grace: Duration) -> (Running, Vec<u8>) {
    let (model, body) = slow();
    let world = Repository::new().with("slow", 1, &model).serve_with(|config| {
        config.compute_threads = 1;
        config.shutdown_grace = grace;
    });
    (world, request_bytes("POST", "/v2/models/slow/infer", &[], body.as_bytes()))
}

#[test]
fn a_caller_who_leaves_cancels_the_run() {
    let (world, request) = slow_world(Duration::ZERO);
    drop(begin_slow(&world, &request));
    until("both runs have been cancelled", || world.count("slow", "inference_stats/fail/count") == 2);
    assert_eq!(world.count("slow", "inference_stats/success/count"), 0);
}

#[test]
fn a_shutdown_finishes_what_runs_and_then_refuses_connections() {
    let (world, request) = slow_world(Duration::from_secs(100));
    let mut running = begin_slow(&world, &request);
    world.server.shutdown();
    let answer = running.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(std::net::TcpStream::connect(world.address()).is_err());
}

#[test]
fn a_shutdown_cancels_what_runs_longer_than_the_grace() {
    let (world, request) = slow_world(Duration::from_millis(1));
    let mut running = begin_slow(&world, &request);
    world.server.shutdown();
    assert!(running.answer().is_err(), "the connection is closed without an answer");
}

#[test]
fn while_it_stops_the_server_says_that_it_is_not_ready() {
    let (world, request) = slow_world(Duration::from_secs(100));
    let mut waiting = world.connect();
    // The head of this one comes before the shutdown, the rest after it.
    let probe = request_bytes("GET", "/v2/health/ready", &[], b"");
    waiting.send(&probe[..10]).unwrap();
    let mut running = begin_slow(&world, &request);
    std::thread::scope(|scope| {
        scope.spawn(|| world.server.shutdown());
        until("connections are refused", || std::net::TcpStream::connect(world.address()).is_err());
        waiting.send(&probe[10..]).unwrap();
        if let Ok(answer) = waiting.answer() {
            assert_eq!((answer.status, answer.json()), (503, serde_json::json!({ "ready": false })));
        }
        assert_eq!(running.answer().unwrap().status, 200);
    });
}

/// Sends what `early` gives of a request, shuts the server down, and then sends the rest. Gives the answer's status.
fn stopped_between(kept_alive: bool, early: impl Fn(&[u8]) -> usize) -> std::io::Result<u16> {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    if kept_alive {
        assert_eq!(connection.get("/v2").status, 200);
    }
    let request = request_bytes("POST", ADD_PATH, &[], ADD.as_bytes());
    let (early, late) = request.split_at(early(&request));
    connection.send(early).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| world.server.shutdown());
        until("connections are refused", || std::net::TcpStream::connect(world.address()).is_err());
        connection.send(late)?;
        connection.answer().map(|answer| answer.status)
    })
}

#[test]
fn a_shutdown_answers_requests_that_are_still_being_sent() {
    let head = |request: &[u8]| request.len() - ADD.len();
    for round in 0..20 {
        for kept_alive in [false, true] {
            let upload = stopped_between(kept_alive, |request| head(request) + 10);
            assert_eq!(upload.unwrap(), 200, "in the body, round {round}, kept alive: {kept_alive}");
            let begun = stopped_between(kept_alive, |request| head(request) - 10);
            assert_eq!(begun.unwrap(), 200, "in the head, round {round}, kept alive: {kept_alive}");
        }
    }
}

#[test]
fn a_head_that_is_never_sent_to_its_end_does_not_hold_the_shutdown_up() {
    let world = Repository::usual().serve_with(|config| config.shutdown_grace = Duration::from_secs(1000));
    let mut connection = world.connect();
    connection.send(b"POST /v2").unwrap();
    world.server.shutdown();
    assert!(connection.is_closed());
}

#[test]
fn shutting_down_twice_and_waiting_after_it_return() {
    let world = Repository::usual().serve();
    let mut idle = world.connect();
    assert_eq!(idle.get("/v2").status, 200);
    world.server.shutdown();
    world.server.shutdown();
    world.server.wait();
    assert!(idle.is_closed(), "an idle connection does not hold the shutdown up");
}

#[test]
fn waiting_returns_once_another_thread_shuts_down() {
    let world = Repository::usual().serve();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| world.server.wait());
        world.server.shutdown();
        waits.join().unwrap();
    });
}

#[test]
fn dropping_the_server_frees_its_port() {
    let repository = Repository::usual();
    let mut config = repository.config_for();
    for _ in 0..3 {
        let server = tandem_server::Server::start(config.clone()).unwrap();
        config.address = server.address();
        assert_eq!(Connection::open(server.address()).post(ADD_PATH, ADD).status, 200);
    }
}

#[test]
fn a_server_starts_and_stops_within_an_asynchronous_program() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let world = Repository::usual().serve();
        assert_eq!(world.post(ADD_PATH, ADD).status, 200);
        drop(world);
    });
}

#[test]
fn two_servers_share_a_process() {
    let (one, other) = (Repository::usual().serve(), Repository::usual().serve());
    assert_ne!(one.address(), other.address());
    for world in [one, other] {
        assert_eq!(world.post(ADD_PATH, ADD).status, 200);
    }
}
