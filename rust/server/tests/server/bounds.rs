//! What a stranger may take: bytes, places in the queue, connections, time.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::time::Duration;

use crate::http::request_bytes;
use crate::world::{ADD, ADD_PATH, Repository, slow};

#[test]
fn a_body_that_is_declared_too_long_is_413_before_it_is_sent() {
    let world = Repository::usual().serve_with(|config| config.max_body_bytes = 1000);
    for length in ["1001", "999999999999999999"] {
        let mut connection = world.connect();
        let head = format!("POST {ADD_PATH} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
        connection.send(head.as_bytes()).unwrap();
        let answer = connection.answer().unwrap();
        assert_eq!(answer.status, 413);
        assert!(answer.error().contains("1000 bytes"));
    }
}

#[test]
fn a_client_that_asks_for_leave_is_refused_before_it_sends() {
    let world = Repository::usual().serve_with(|config| config.max_body_bytes = 1000);
    let mut connection = world.connect();
    let head = |length: usize| {
        format!(
            "POST {ADD_PATH} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    connection.send(head(ADD.len()).as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 100);
    connection.send(ADD.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);
    connection.send(head(1001).as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 413);
}

#[test]
fn a_client_that_sends_a_refused_body_to_its_end_still_reads_the_refusal() {
    let world = Repository::usual().serve_with(|config| config.max_body_bytes = 1000);
    let mut connection = world.connect();
    for _ in 0..3 {
        let answer = connection.request("POST", ADD_PATH, &[], &vec![b' '; 4 << 20]);
        assert_eq!(answer.status, 413);
    }
    let answer = connection.request("POST", "/v2/models/none/infer", &[], &vec![b' '; 4 << 20]);
    assert_eq!(answer.status, 404);
}

#[test]
fn a_chunked_body_is_413_once_it_is_too_long() {
    let world = Repository::usual().serve_with(|config| config.max_body_bytes = 1000);
    let chunked = |chunks: usize| {
        let mut connection = world.connect();
        let mut request =
            format!("POST {ADD_PATH} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
        for _ in 0..chunks {
            write!(request, "64\r\n{}\r\n", " ".repeat(0x64)).unwrap();
        }
        write!(request, "{:x}\r\n{ADD}\r\n0\r\n\r\n", ADD.len()).unwrap();
        connection.send(request.as_bytes()).unwrap();
        connection.answer().unwrap()
    };
    assert_eq!(chunked(5).status, 200);
    let answer = chunked(11);
    assert_eq!(answer.status, 413);
    assert!(answer.error().contains("1000 bytes"));
}

#[test]
fn bodies_that_leave_no_memory_are_503_and_the_memory_comes_back() {
    let world = Repository::usual().serve_with(|config| config.max_buffered_bytes = ADD.len());
    let mut connection = world.connect();
    let long = format!("{ADD} ");
    for _ in 0..3 {
        let answer = connection.post(ADD_PATH, &long);
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.error().contains("memory"));
        assert_eq!(connection.post(ADD_PATH, ADD).status, 200);
    }
}

#[test]
fn a_full_queue_is_503_with_retry_after_and_does_not_touch_other_models() {
    let (model, request) = slow();
    let world = Repository::usual().with("slow", 1, &model).serve_with(|config| {
        config.compute_threads = 2;
        config.queue_capacity = 1;
        config.shutdown_grace = Duration::ZERO;
    });
    let request = request_bytes("POST", "/v2/models/slow/infer", &[], request.as_bytes());
    // Two run and one waits at most, so of four at least one is refused; the others are given up below.
    let (refused, refusals) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (refused, request, mut connection) = (refused.clone(), &request, world.connect());
            scope.spawn(move || {
                // The server goes away before the runs are done, and perhaps before all is sent.
                if connection.send(request).is_ok()
                    && let Ok(answer) = connection.answer()
                {
                    let _ = refused.send(answer);
                }
            });
        }
        let answer = refusals.recv().unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.error().contains("queue is full"), "{}", answer.error());
        world.server.shutdown();
    });
}

#[test]
fn a_head_that_does_not_come_closes_the_connection() {
    let world = Repository::usual().serve_with(|config| config.idle_timeout = Duration::from_millis(200));
    for start in ["", "GET /v2 HTT", "GET /v2 HTTP/1.1\r\nhost: test\r\nx: "] {
        let mut connection = world.connect();
        connection.send(start.as_bytes()).unwrap();
        assert!(connection.is_closed() || connection.is_closed(), "{start:?}");
    }
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let world = Repository::usual().serve_with(|config| config.idle_timeout = Duration::from_millis(200));
    let mut connection = world.connect();
    let bytes = request_bytes("POST", ADD_PATH, &[], ADD.as_bytes());
    connection.send(&bytes[..bytes.len() - 1]).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.error().contains("slowly"));
}

#[test]
fn a_body_that_drips_is_408_however_long_it_drips() {
    let world = Repository::usual().serve_with(|config| config.idle_timeout = Duration::from_millis(300));
    let mut stream = std::net::TcpStream::connect(world.address()).unwrap();
    let bytes = request_bytes("POST", ADD_PATH, &[], ADD.as_bytes());
    let (head, body) = bytes.split_at(bytes.len() - ADD.len());
    stream.write_all(head).unwrap();
    // Each pause is shorter than the timeout, all together are much longer.
    for byte in body {
        std::thread::sleep(Duration::from_millis(50));
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
    }
    let mut answer = String::new();
    // The connection may be reset by what was sent after the answer.
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(world.count("add/versions/2", "inference_stats/success/count"), 0);
}

#[test]
fn a_head_that_is_too_long_is_431() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let long = "x".repeat(20 << 10);
    let answer = connection.request("GET", "/v2", &[("x-long", &long)], b"");
    assert_eq!(answer.status, 431);
}

#[test]
fn connections_beyond_the_most_wait_until_one_is_closed() {
    let world = Repository::usual().serve_with(|config| config.max_connections = 2);
    let mut first = world.connect();
    let mut second = world.connect();
    assert_eq!(first.get("/v2").status, 200);
    assert_eq!(second.get("/v2").status, 200);
    let mut third = world.connect();
    third.send(&request_bytes("GET", "/v2", &[], b"")).unwrap();
    drop(first);
    assert_eq!(third.answer().unwrap().status, 200);
    assert_eq!(second.get("/v2").status, 200);
}

#[test]
fn an_answer_that_nobody_reads_does_not_hold_its_connection() {
    use tandem_core::DType;
    use tandem_onnx::dims;
    use tandem_testkit::models::dtypes::identity;

    let repository = Repository::new().with("bytes", 1, &identity(DType::U8, &dims!["n"]).unwrap());
    let world = repository.serve_with(|config| {
        config.max_connections = 1;
        config.idle_timeout = Duration::from_millis(300);
    });
    let headers = [("inference-header-content-length", "0")];
    let request = request_bytes("POST", "/v2/models/bytes/infer", &headers, &vec![7; 32 << 20]);
    let mut deaf = world.connect();
    deaf.send(&request).unwrap();
    // The only place is taken until the server gives up on whoever does not read.
    assert_eq!(world.get("/v2").status, 200);
}
