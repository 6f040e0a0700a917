//! A server on loopback that misbehaves as it is told: real sockets, real TLS, nothing simulated.
//!
//! [`FaultServer`] reads requests and acts on each as a closure says, or does not even read. It has a thread
//! for each connection, stops with the value, and lets no connection live for more than a minute.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what cannot be set up fails the test that wants it"
)]

mod certificates;
mod line;

pub use certificates::{Authority, Identity, Validity};

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use self::line::Line;

/// What the server does with a connection before any request.
#[derive(Clone, Debug)]
pub enum Greeting {
    /// Reads requests, each of which is acted upon.
    Listen,
    /// Accepts and then neither reads nor writes.
    Ignore,
    /// Reads this many bytes and resets the connection.
    ResetAfter(usize),
    /// Reads this many bytes, says this, and closes.
    Interrupt(usize, Vec<u8>),
}

/// What the server does upon a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes and waits for the next request.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SendAndReset(Vec<u8>),
    /// Sends these bytes and then nothing.
    SendAndStall(Vec<u8>),
    /// Sends the first part at once and then a byte of the second in each period.
    Drip(Vec<u8>, Vec<u8>, Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `GET` or `POST`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How many requests came before, over all connections.
    pub index: usize,
}

impl Received {
    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The bytes of an answer. Its length is stated unless `headers` already say how long it is.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Status\r\n").into_bytes();
    let framed = |name: &str| ["content-length", "transfer-encoding"].contains(&name);
    if !headers.iter().any(|(name, _)| framed(&name.to_ascii_lowercase())) {
        bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
    }
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// A URL on which nobody listens.
pub fn refused_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

type Actor = dyn Fn(&Received) -> Act + Send + Sync;

/// The server. Dropping it closes every connection and waits for its threads.
pub struct FaultServer {
    address: SocketAddr,
    tls: bool,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

struct State {
    greeting: Greeting,
    tls: Option<Arc<ServerConfig>>,
    act: Box<Actor>,
    opened: AtomicUsize,
    closed: Mutex<usize>,
    changed: Condvar,
    requests: AtomicUsize,
    stop: AtomicBool,
}

impl FaultServer {
    /// A server that reads requests and does upon each what `act` says.
    pub fn start(act: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Self {
        Self::launch(Greeting::Listen, None, Box::new(act))
    }

    /// A server that does not get as far as a request.
    pub fn greeting(greeting: Greeting) -> Self {
        Self::launch(greeting, None, Box::new(|_| Act::SendAndClose(Vec::new())))
    }

    /// A server that does what `act` says over TLS.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        act: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::launch(Greeting::Listen, Some(config), Box::new(act))
    }

    fn launch(greeting: Greeting, tls: Option<Arc<ServerConfig>>, act: Box<Actor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_tls = tls.is_some();
        let state = Arc::new(State {
            greeting,
            tls,
            act,
            opened: AtomicUsize::new(0),
            closed: Mutex::new(0),
            changed: Condvar::new(),
            requests: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let shared = state.clone();
        let acceptor = Some(std::thread::spawn(move || accept(&listener, &shared)));
        Self { address, tls: is_tls, state, acceptor }
    }

    /// The URL, with the number of the host.
    pub fn url(&self) -> String {
        self.url_of("127.0.0.1")
    }

    /// The URL, with another name of the host.
    pub fn url_of(&self, host: &str) -> String {
        format!("{}://{host}:{}", if self.tls { "https" } else { "http" }, self.address.port())
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.opened.load(Ordering::SeqCst)
    }

    /// How many requests came whole.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Waits until this many connections were closed, by either side. `false` where that takes longer than `patience`.
    pub fn wait_closed(&self, count: usize, patience: Duration) -> bool {
        let closed = self.state.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.state.changed.wait_timeout_while(closed, patience, |closed| *closed < count);
        !wait.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until this many requests have come whole. `false` where that takes longer than `patience`.
    pub fn wait_requests(&self, count: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.requests() < count && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.requests() >= count
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            // A connection whose closure panicked has already said so.
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            if state.stop.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            state.opened.fetch_add(1, Ordering::SeqCst);
            scope.spawn(|| {
                // A client that goes away in the middle is what many a test is about.
                let finished = converse(stream, state);
                *state.closed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                state.changed.notify_all();
                // Until the other side has closed too, so that what is still coming does not reset what was sent.
                if let Ok(Some(line)) = finished {
                    drop(line.drain());
                }
            });
        }
    });
}

/// Gives the line where this side of it is closed and the other may not be.
fn converse(stream: TcpStream, state: &State) -> io::Result<Option<Line<'_>>> {
    let mut line = Line::new(stream, state.tls.clone(), &state.stop)?;
    match &state.greeting {
        Greeting::Listen => {}
        Greeting::Ignore => return line.wait_until_gone().map(|()| None),
        Greeting::ResetAfter(count) => {
            read_exactly(&mut line, *count)?;
            return line.reset().map(|()| None);
        }
        Greeting::Interrupt(count, bytes) => {
            read_exactly(&mut line, *count)?;
            line.write_all(bytes)?;
            return line.close().map(Some);
        }
    }
    while let Some(mut received) = read_request(&mut line)? {
        received.index = state.requests.fetch_add(1, Ordering::SeqCst);
        match (state.act)(&received) {
            Act::Send(bytes) => line.write_all(&bytes)?,
            Act::SendAndClose(bytes) => {
                line.write_all(&bytes)?;
                return line.close().map(Some);
            }
            Act::SendAndReset(bytes) => {
                line.write_all(&bytes)?;
                // What was sent arrives before the reset does.
                std::thread::sleep(Duration::from_millis(20));
                return line.reset().map(|()| None);
            }
            Act::SendAndStall(bytes) => {
                line.write_all(&bytes)?;
                return line.wait_until_gone().map(|()| None);
            }
            Act::Drip(start, rest, period) => {
                line.write_all(&start)?;
                for byte in rest {
                    line.pause(period)?;
                    line.write_all(&[byte])?;
                }
                return line.close().map(Some);
            }
        }
    }
    Ok(None)
}

fn read_exactly(line: &mut Line<'_>, count: usize) -> io::Result<()> {
    io::copy(&mut line.take(count as u64), &mut io::sink()).map(drop)
}

/// The next request, `None` where the client has closed.
fn read_request(line: &mut Line<'_>) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if line.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let header = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    let mut received = Received { method, path, headers, body: Vec::new(), index: 0 };
    let length = received.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    received.body = vec![0; length];
    line.read_exact(&mut received.body)?;
    Ok(Some(received))
}
