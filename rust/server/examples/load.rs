//! Sends one request over and over on some connections, and prints how many were answered and how fast, as JSON.
//!
//! ```text
//! cargo run -p tandem-server --example load -- \
//!     127.0.0.1:8000 /v2/models/digits/infer body.bin 160 8 3
//! ```
//!
//! The arguments: address, path, the file of the body, the bytes of it that are JSON (`-` where all are), connections,
//! and seconds. The first tenth of the time is not counted.

#![allow(clippy::print_stdout, reason = "a program that is run by a script")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// The most that may be asked for.
const MOST_CONNECTIONS: usize = 1024;
const MOST_SECONDS: f64 = 600.0;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

struct Plan {
    address: SocketAddr,
    request: Vec<u8>,
    connections: usize,
    warm_up: Duration,
    time: Duration,
}

#[derive(Default)]
struct Counted {
    latencies: Vec<Duration>,
    refused: usize,
    broken: usize,
}

fn plan() -> Result<Plan, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, file, header_length, connections, seconds] = arguments.as_slice() else {
        return Err("expected: ADDRESS PATH BODY_FILE HEADER_LENGTH CONNECTIONS SECONDS".into());
    };
    let body = std::fs::read(file)?;
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n", body.len());
    if header_length != "-" {
        write!(request, "inference-header-content-length: {}\r\n", header_length.parse::<usize>()?)?;
    }
    request.push_str("\r\n");
    let seconds = seconds.parse::<f64>()?.clamp(0.1, MOST_SECONDS);
    Ok(Plan {
        address: address.parse()?,
        request: [request.as_bytes(), &body].concat(),
        connections: connections.parse::<usize>()?.clamp(1, MOST_CONNECTIONS),
        warm_up: Duration::from_secs_f64(seconds / 10.0),
        time: Duration::from_secs_f64(seconds),
    })
}

/// Sends and reads until the time is over.
fn drive(plan: &Plan) -> Counted {
    let started = Instant::now();
    let mut counted = Counted::default();
    let mut connection = None;
    while started.elapsed() < plan.time {
        let sent = Instant::now();
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => connect(plan.address),
        };
        let answered = open.and_then(|mut stream| {
            let status = exchange(&mut stream, &plan.request)?;
            Ok((stream, status))
        });
        let is_counted = started.elapsed() > plan.warm_up;
        match answered {
            Ok((stream, 200)) => {
                connection = Some(stream);
                if is_counted {
                    counted.latencies.push(sent.elapsed());
                }
            }
            Ok((stream, _)) => {
                connection = Some(stream);
                counted.refused += 1;
            }
            Err(_) => {
                counted.broken += 1;
                // A server that is not there would be asked millions of times.
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    counted
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(64 << 10, stream))
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> io::Result<u16> {
    stream.get_mut().write_all(request)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| wrong())?;
        }
    }
    io::copy(&mut stream.take(length), &mut io::sink())?;
    Ok(status)
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = plan()?;
    let counted = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.connections).map(|_| scope.spawn(|| drive(&plan))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    let refused: usize = counted.iter().map(|counted| counted.refused).sum();
    let broken: usize = counted.iter().map(|counted| counted.broken).sum();
    let mut latencies: Vec<f64> =
        counted.iter().flat_map(|counted| &counted.latencies).map(|time| time.as_secs_f64() * 1e6).collect();
    latencies.sort_by(f64::total_cmp);
    let at = |part: usize| latencies.get(latencies.len() * part / 100).copied();
    #[allow(clippy::cast_precision_loss, reason = "requests of a run are far below 2^52")]
    let rate = latencies.len() as f64 / plan.time.saturating_sub(plan.warm_up).as_secs_f64();
    let result = serde_json::json!({
        "requests": latencies.len(),
        "refused": refused,
        "broken": broken,
        "requests_per_second": rate,
        "p50_us": at(50),
        "p99_us": at(99),
    });
    println!("{result}");
    Ok(())
}
