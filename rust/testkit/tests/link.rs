//! The link on real sockets: every byte, in order; the rate and the delay; kill points to the byte.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tandem_testkit::Random;
use tandem_testkit::link::{Death, Direction, LinkOptions, Relay, Stalls};
use tandem_testkit::traces::{LinkState, Trace};

/// Longer than any test takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that reads one connection after the other, counts what it has read, and gives it back if it is to.
struct Echo {
    address: SocketAddr,
    read: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start(connections: usize) -> Self {
        Self::serve(connections, true)
    }

    /// A server that only reads.
    fn sink() -> Self {
        Self::serve(1, false)
    }

    fn serve(connections: usize, answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let serve = move || {
            for stream in listener.incoming().take(connections) {
                echo(&mut stream.unwrap(), &count, answers);
            }
        };
        Self { address, read, thread: Some(std::thread::spawn(serve)) }
    }

    fn read(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }

    /// Waits until the server has read so much.
    fn wait_read(&self, bytes: usize) {
        let until = Instant::now() + PATIENCE;
        while self.read() < bytes && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.read(), bytes);
    }

    /// Waits until every connection is over.
    fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

fn echo(stream: &mut TcpStream, count: &AtomicUsize, answers: bool) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        count.fetch_add(read, Ordering::SeqCst);
        if answers && stream.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

fn client(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.bits().to_le_bytes()[0]).collect()
}

/// Sends everything while it reads what comes back.
fn round_trip(stream: &TcpStream, sent: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = stream;
            stream.write_all(sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let mut stream = stream;
        stream.read_to_end(&mut received).unwrap();
    });
    received
}

fn link(megabits: f64, delay_ms: u64) -> LinkState {
    LinkState::new(megabits * 1e6, Duration::from_millis(2 * delay_ms))
}

/// As fast as the link can be, without slow start.
fn plain(state: LinkState) -> LinkOptions {
    LinkOptions { slow_start: false, ..LinkOptions::constant(state) }
}

/// How long it takes from the first byte until all are written, and until the server has read them all.
fn upload(options: LinkOptions, count: usize) -> (Duration, Duration) {
    let echo = Echo::sink();
    let relay = Relay::start(echo.address, options);
    let mut stream = client(&relay);
    let sent = bytes(count, 1);
    let begin = Instant::now();
    stream.write_all(&sent).unwrap();
    let written = begin.elapsed();
    echo.wait_read(count);
    (written, begin.elapsed())
}

#[test]
fn a_link_is_no_faster_than_it_says_and_the_sender_waits() {
    // 1 s of transfer and 40 ms of delay.
    let (written, arrived) = upload(plain(link(4.0, 40)), 500_000);
    assert!(arrived >= Duration::from_millis(1035), "{arrived:?}");
    assert!(arrived < PATIENCE, "{arrived:?}");
    // The sender's kernel holds less than half of it.
    assert!(written >= Duration::from_millis(500), "{written:?}");
}

#[test]
fn slow_start_adds_round_trips() {
    let (_, plain) = upload(plain(link(100.0, 25)), 200_000);
    let (_, slow) = upload(LinkOptions::constant(link(100.0, 25)), 200_000);
    assert!(plain >= Duration::from_millis(40), "{plain:?}");
    // The handshake, and four rounds until the window holds what is left.
    assert!(slow >= Duration::from_millis(40 + 5 * 50 - 60), "{slow:?}");
}

#[test]
#[ignore = "wants a machine that does nothing else"]
fn rate_and_delay_are_within_a_tenth_of_what_is_set() {
    for (megabits, delay_ms, count) in [
        (0.5, 150, 60_000),
        (2.0, 40, 300_000),
        (10.0, 5, 2_000_000),
        (50.0, 40, 6_000_000),
        (200.0, 5, 20_000_000),
    ] {
        let (_, arrived) = upload(plain(link(megabits, delay_ms)), count);
        let took = arrived.saturating_sub(Duration::from_millis(delay_ms)).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let measured = count as f64 * 8.0 / took / 1e6;
        println!("{megabits} Mbit/s, {delay_ms} ms: measured {measured:.2} Mbit/s");
        assert!((measured / megabits - 1.0).abs() < 0.1);

        let echo = Echo::start(1);
        let relay = Relay::start(echo.address, plain(link(megabits, delay_ms)));
        let mut stream = client(&relay);
        let mut times = Vec::new();
        for _ in 0..5 {
            let begin = Instant::now();
            stream.write_all(&[1]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            times.push(begin.elapsed());
        }
        times.sort();
        println!("{megabits} Mbit/s, {delay_ms} ms: round trip {:?}", times[2]);
        let round_trip = 2.0 * Duration::from_millis(delay_ms).as_secs_f64();
        assert!((times[2].as_secs_f64() / round_trip - 1.0).abs() < 0.1);
    }
}

/// What an upload on a new connection takes: a round trip to connect, rounds of a window that doubles, the rate, and the
/// way of the last byte.
fn slow_start_formula(bytes: f64, round_trip: f64, bytes_per_second: f64) -> f64 {
    let (mut window, mut left, mut time) = (14_600.0, bytes, 1.5 * round_trip);
    while left > window && window / bytes_per_second < round_trip {
        left -= window;
        time += round_trip;
        window *= 2.0;
    }
    time + left / bytes_per_second
}

#[test]
#[ignore = "wants a machine that does nothing else"]
fn slow_start_is_within_a_tenth_and_a_packet_of_what_the_planner_predicts() {
    for (megabits, delay_ms, bytes) in [
        (2.0, 40, 50_000_u32),
        (10.0, 20, 150_000),
        (15.0, 30, 50_000),
        (15.0, 30, 150_000),
        (50.0, 40, 600_000),
        (200.0, 150, 600_000),
    ] {
        let (_, arrived) = upload(LinkOptions::constant(link(megabits, delay_ms)), bytes as usize);
        let rate = megabits * 1e6 / 8.0;
        let round_trip = 2.0 * Duration::from_millis(delay_ms).as_secs_f64();
        let expected = slow_start_formula(f64::from(bytes), round_trip, rate);
        println!("{megabits} Mbit/s, {delay_ms} ms, {bytes} B: {arrived:?}, formula {expected:.3} s");
        assert!((arrived.as_secs_f64() - expected).abs() < 0.1 * expected + 1460.0 / rate);
    }
}

#[test]
fn a_step_of_the_schedule_is_a_step_of_the_link() {
    // A second of 0.8 Mbit/s carries 100 kB; the rest passes at once.
    let trace = Trace::step(link(0.8, 0), Duration::from_secs(1), link(800.0, 0));
    let options = LinkOptions { slow_start: false, ..LinkOptions::trace(trace) };
    let (_, arrived) = upload(options, 1_000_000);
    assert!(arrived >= Duration::from_millis(990), "{arrived:?}");
    assert!(arrived < Duration::from_secs(8), "at 0.8 Mbit/s it would take 10 s: {arrived:?}");
}

#[test]
fn another_schedule_begins_at_once() {
    let echo = Echo::start(1);
    let relay = Relay::start(echo.address, plain(link(0.0, 0)));
    let mut stream = client(&relay);
    stream.write_all(b"hello").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!((echo.read(), relay.delivered(Direction::Up)), (0, 0));
    relay.set_schedule(Arc::new(|_| link(100.0, 0)));
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
}

#[test]
fn what_crosses_is_counted_and_recorded_both_ways() {
    let echo = Echo::start(1);
    let options = LinkOptions { record: true, ..plain(link(100.0, 1)) };
    let relay = Relay::start(echo.address, options);
    let sent = bytes(300_000, 3);
    assert!(round_trip(&client(&relay), &sent) == sent);
    for direction in [Direction::Up, Direction::Down] {
        assert_eq!((relay.sent(direction), relay.delivered(direction)), (300_000, 300_000));
        assert!(relay.recorded(direction) == sent, "the {direction:?} record is what was sent");
    }
    assert_eq!(relay.connections(), 1);
    echo.join();
}

#[test]
fn a_silent_death_stops_at_the_byte_and_healing_loses_none() {
    let echo = Echo::start(1);
    let relay = Relay::start(echo.address, plain(link(200.0, 1)));
    let stream = client(&relay);
    let sent = bytes(400_000, 5);
    relay.kill_after(Direction::Up, 123_457, Death::Silence);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| round_trip(&stream, &sent));
        echo.wait_read(123_457);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!((echo.read(), relay.delivered(Direction::Up)), (123_457, 123_457));
        assert_eq!(relay.death(), Some(Death::Silence));
        assert!(relay.delivered(Direction::Down) <= 123_457);
        relay.heal();
        assert!(answer.join().unwrap() == sent);
    });
    assert_eq!(relay.death(), None);
    echo.join();
}

#[test]
fn a_reset_comes_after_the_byte_and_until_the_link_is_healed() {
    let echo = Echo::start(2);
    let relay = Relay::start(echo.address, plain(link(200.0, 1)));
    let mut stream = client(&relay);
    relay.kill_after(Direction::Down, 50_001, Death::Reset);
    let sent = bytes(100_000, 6);
    // The link may die before all is written.
    drop(stream.write_all(&sent));
    let mut received = Vec::new();
    let error = stream.read_to_end(&mut received).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(relay.delivered(Direction::Down), 50_001);
    assert!(received == sent[..50_001], "{} bytes came", received.len());

    let refused = client(&relay).read(&mut [0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);
    relay.heal();
    assert!(round_trip(&client(&relay), b"again") == b"again");
    echo.join();
}

#[test]
fn a_link_killed_before_any_byte_passes_none() {
    let echo = Echo::start(1);
    let relay = Relay::start(echo.address, plain(link(100.0, 0)));
    relay.kill_after(Direction::Up, 0, Death::Silence);
    let mut stream = client(&relay);
    stream.write_all(b"hello").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(relay.delivered(Direction::Up), 0);
    relay.heal();
    stream.read_exact(&mut [0; 5]).unwrap();
}

#[test]
fn a_server_that_is_not_there_is_a_reset() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::start(address, plain(link(100.0, 0)));
    assert_eq!(client(&relay).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_server_that_does_not_read_lets_the_client_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay::start(listener.local_addr().unwrap(), plain(link(1000.0, 0)));
    let mut stream = client(&relay);
    let _server = listener.accept().unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut written = 0;
    // The server's own buffer holds some megabytes at most, the relay a fraction of a second.
    while written < 256 << 20 {
        match stream.write(&[0; 8192]) {
            Ok(count) => written += count,
            Err(_) => return,
        }
    }
    panic!("{written} bytes were taken and nobody read them");
}

#[test]
fn dropping_the_relay_ends_what_is_under_way() {
    let echo = Echo::start(1);
    let relay = Relay::start(echo.address, plain(link(0.001, 1000)));
    let mut stream = client(&relay);
    stream.write_all(&[0; 10_000]).unwrap();
    while relay.sent(Direction::Up) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(relay);
    assert!(stream.read(&mut [0]).is_err());
    echo.join();
}

/// A link of three parts, one of which may be down.
fn schedules() -> impl Strategy<Value = Vec<(u64, LinkState)>> {
    let part = (1_u64..60, 1.0_f64..400.0, 1.0_f64..400.0, 0_u64..15, any::<bool>()).prop_map(
        |(ms, up, down, delay, dead)| {
            let state = LinkState {
                up_bps: if dead { 0.0 } else { up * 1e6 },
                down_bps: if dead { 0.0 } else { down * 1e6 },
                rtt: Duration::from_millis(2 * delay),
            };
            (ms, state)
        },
    );
    proptest::collection::vec(part, 3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_is_lost_or_moved_whatever_the_link_does(
        parts in schedules(),
        slow_start: bool,
        jitter_ms in 0_u64..20,
        stall in 0.0_f64..0.05,
        seed: u64,
        kills in proptest::collection::vec((1_usize..200_000, any::<bool>()), 0..3),
    ) {
        let period: u64 = parts.iter().map(|(ms, _)| ms).sum();
        let schedule = move |time: Duration| {
            let mut at = u64::try_from(time.as_millis()).unwrap_or(0) % (period + 20);
            for (ms, state) in &parts {
                if at < *ms {
                    return *state;
                }
                at -= ms;
            }
            link(100.0, 1)
        };
        let options = LinkOptions {
            slow_start,
            jitter: Duration::from_millis(jitter_ms),
            stalls: Some(Stalls { probability: stall, time: Duration::from_millis(10) }),
            seed,
            ..LinkOptions::new(Arc::new(schedule))
        };
        let echo = Echo::start(1);
        let relay = Relay::start(echo.address, options);
        for (bytes, up) in &kills {
            relay.kill_after(if *up { Direction::Up } else { Direction::Down }, *bytes, Death::Silence);
        }
        let sent = bytes(100_000, seed);
        let stream = client(&relay);
        let received = std::thread::scope(|scope| {
            let answer = scope.spawn(|| round_trip(&stream, &sent));
            while !answer.is_finished() {
                std::thread::sleep(Duration::from_millis(5));
                relay.heal();
            }
            answer.join().unwrap()
        });
        prop_assert!(received == sent, "{} bytes of {} came back", received.len(), sent.len());
        echo.join();
    }
}
