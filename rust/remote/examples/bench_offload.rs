//! What offloading costs over a bare HTTP exchange of the same bytes.
//!
//! Against one trivial server on loopback, which answers every request with the same bytes, three subjects take turns
//! in one process: the client as applications use it, its HTTP library with a body made beforehand, and a
//! socket that writes the bytes that the client wrote and reads as many as the answer has. Prints rows, one JSON object a
//! line: medians, and the median of each phase of the client.
//!
//! Usage: `bench_offload [ROUNDS]`

#![allow(clippy::print_stdout, reason = "the rows are what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tandem_core::{
    Control, DType, Dimension, Endpoint, ModelInfo, NamedTensors, Remote, RemoteRequest, RemoteTiming,
    Tensor, TensorInfo, WireFormat,
};
use tandem_remote::HttpRemote;
use tandem_wire::{Form, HEADER_LENGTH, InferResponse};
use tokio::runtime::Runtime;

/// A phase of the client, and where it stands.
type Part = (&'static str, fn(&RemoteTiming) -> Duration);

/// Turns before the clock counts.
const WARM_UP: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(300), |text| text.parse())?;
    // A picture of 3x224x224, and four numbers.
    for (case, elements) in [("602,112 bytes", 150_528), ("16 bytes", 4)] {
        for row in compare(case, elements, rounds)? {
            println!("{row}");
        }
    }
    Ok(())
}

/// The subjects in turns, and what the client costs over the others.
fn compare(case: &str, elements: usize, rounds: usize) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let server = Server::start(answer()?)?;
    let remote = HttpRemote::new();
    let model = model(elements);
    let values = (0..=u16::MAX).cycle().take(elements).map(f32::from).collect();
    let inputs = NamedTensors::new([("x", Tensor::from_vec([1, elements], values)?)])?;
    let endpoint =
        Endpoint { wire: WireFormat::Binary, ..Endpoint::new("bench", format!("http://{}", server.address)) };
    let request =
        RemoteRequest { endpoint: &endpoint, model: &model, inputs: &inputs, wanted: &[], id: Some("bench") };
    remote.infer(&request, &Control::default())?;
    let mut socket = Socket::connect(&server)?;
    let mut library = Library::connect(&server)?;

    let (mut by_client, mut by_library, mut by_socket) = (Vec::new(), Vec::new(), Vec::new());
    let mut phases = Vec::new();
    for _ in 0..WARM_UP + rounds {
        let begin = Instant::now();
        let answer = remote.infer(&request, &Control::default())?;
        by_client.push(begin.elapsed());
        phases.push(answer.timing);
        let begin = Instant::now();
        library.exchange()?;
        by_library.push(begin.elapsed());
        let begin = Instant::now();
        socket.exchange()?;
        by_socket.push(begin.elapsed());
    }
    let row = |subject: &str, metric: &str, unit: &str, value: f64| serde_json::json!({"case": case, "subject": subject, "metric": metric, "unit": unit, "value": value});
    let (client, library, socket) = (median(by_client), median(by_library), median(by_socket));
    let cost = |bare: f64| (client / bare - 1.0) * 100.0;
    let mut rows = vec![
        row("tandem", "latency", "ms", client * 1e3),
        row("hyper", "latency", "ms", library * 1e3),
        row("socket", "latency", "ms", socket * 1e3),
        row("tandem", "cost over hyper", "%", cost(library)),
        row("tandem", "cost over socket", "%", cost(socket)),
    ];
    let parts: [Part; 5] = [
        ("encode", |timing| timing.encode),
        ("upload", |timing| timing.upload),
        ("wait", |timing| timing.wait),
        ("download", |timing| timing.download),
        ("decode", |timing| timing.decode),
    ];
    for (metric, part) in parts {
        rows.push(row("tandem", metric, "ms", median(phases.iter().map(part).collect()) * 1e3));
    }
    Ok(rows)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.drain(..WARM_UP);
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

fn model(elements: usize) -> ModelInfo {
    let info = |name: &str, size| TensorInfo {
        name: name.to_owned(),
        dtype: DType::F32,
        shape: Some(vec![Dimension::Fixed(1), Dimension::Fixed(size)]),
    };
    let (inputs, outputs) = (vec![info("x", elements)], vec![info("y", 10)]);
    ModelInfo::new("bench".into(), String::new(), 17, BTreeMap::new(), inputs, outputs)
}

/// The bytes of an answer with ten scores.
fn answer() -> Result<Vec<u8>, Box<dyn Error>> {
    let outputs = NamedTensors::new([("y", Tensor::from_vec([1, 10], vec![0.1_f32; 10])?)])?;
    let response = InferResponse { model_name: Some("bench".into()), outputs, ..InferResponse::default() };
    let payload = response.encode(|_| Form::Binary)?;
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{HEADER_LENGTH}: {}\r\n\r\n",
        payload.byte_len(),
        payload.header_length.unwrap_or(0)
    )
    .into_bytes();
    bytes.extend_from_slice(&payload.to_bytes());
    Ok(bytes)
}

/// A server that reads requests and answers each with the same bytes.
struct Server {
    address: SocketAddr,
    answer: usize,
    /// The first request, as it came.
    request: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    fn start(answer: Vec<u8>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let request = Arc::new(Mutex::new(Vec::new()));
        let server = Self { address, answer: answer.len(), request: request.clone() };
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, request) = (answer.clone(), request.clone());
                // Ends with its connection.
                std::thread::spawn(move || drop(serve(stream, &answer, &request)));
            }
        });
        Ok(server)
    }

    fn request(&self) -> Vec<u8> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, answer: &[u8], kept: &Mutex<Vec<u8>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let count = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let request = buffer.get(..filled).unwrap_or_default();
        let Some(length) = request_length(request) else { continue };
        if filled == length {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.is_empty() {
                kept.extend_from_slice(request);
            }
            drop(kept);
            stream.write_all(answer)?;
            filled = 0;
        }
    }
}

/// Bytes of the request that starts like this, once its head is there.
fn request_length(start: &[u8]) -> Option<usize> {
    let head = start.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = str::from_utf8(start.get(..head)?).ok()?;
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
    Some(head + body)
}

/// A socket that sends the client's own request.
struct Socket {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Socket {
    fn connect(server: &Server) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: server.request(), answer: vec![0; server.answer] })
    }

    fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request)?;
        self.stream.read_exact(&mut self.answer)
    }
}

/// The client's HTTP library on one connection, with the body of the client's own request.
struct Library {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
    host: String,
    body: Bytes,
}

impl Library {
    fn connect(server: &Server) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(server.address).await?;
            stream.set_nodelay(true)?;
            let (sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            // Its end is the sender's.
            tokio::spawn(async { drop(driver.await) });
            Ok::<_, Box<dyn Error>>(sender)
        })?;
        let request = Bytes::from(server.request());
        let head = request.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no request came")?;
        Ok(Self { runtime, sender, host: server.address.to_string(), body: request.slice(head + 4..) })
    }

    fn exchange(&mut self) -> Result<(), Box<dyn Error>> {
        let request = http::Request::post("/v2/models/bench/infer")
            .header("host", &self.host)
            .body(Full::new(self.body.clone()))?;
        self.runtime.block_on(async {
            self.sender.ready().await?;
            self.sender.send_request(request).await?.collect().await?;
            Ok(())
        })
    }
}
