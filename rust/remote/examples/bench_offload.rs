//! What offloading costs over a bare HTTP exchange of the same bytes.
//!
//! Against one trivial server on loopback, which answers every request with the same bytes, two subjects take turns
//! in one process: the client as applications use it, and a socket that writes the request that the client
//! wrote and reads to the end of the answer. Prints a JSON array of rows.
//!
//! Usage: `bench_offload [ROUNDS]`

#![allow(clippy::print_stdout, reason = "the rows are what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{
    Control, DType, Dimension, Endpoint, ModelInfo, NamedTensors, Remote, RemoteRequest, Tensor, TensorInfo,
    WireFormat,
};
use tandem_remote::HttpRemote;
use tandem_wire::{Form, HEADER_LENGTH, InferResponse};

/// Turns before the clock counts.
const WARM_UP: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(300), |text| text.parse())?;
    let mut rows = Vec::new();
    // A picture of 3x224x224, and four numbers.
    for (case, elements) in [("602,112 bytes", 150_528), ("16 bytes", 4)] {
        rows.extend(compare(case, elements, rounds)?);
    }
    println!("{}", serde_json::Value::Array(rows));
    Ok(())
}

/// Both subjects in turns, and what one costs over the other.
fn compare(case: &str, elements: usize, rounds: usize) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let server = Server::start(answer()?)?;
    let remote = HttpRemote::new()?;
    let model = model(elements);
    let values = (0..=u16::MAX).cycle().take(elements).map(f32::from).collect();
    let inputs = NamedTensors::new([("x", Tensor::from_vec([1, elements], values)?)])?;
    let endpoint =
        Endpoint { wire: WireFormat::Binary, ..Endpoint::new("bench", format!("http://{}", server.address)) };
    let request =
        RemoteRequest { endpoint: &endpoint, model: &model, inputs: &inputs, wanted: &[], id: Some("bench") };
    remote.infer(&request, &Control::default())?;
    let mut bare = Bare::connect(&server)?;

    let (mut through_client, mut through_socket) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + rounds {
        let begin = Instant::now();
        remote.infer(&request, &Control::default())?;
        through_client.push(begin.elapsed());
        let begin = Instant::now();
        bare.exchange()?;
        through_socket.push(begin.elapsed());
    }
    let row = |subject: &str, metric: &str, unit: &str, value: f64| serde_json::json!({"case": case, "subject": subject, "metric": metric, "unit": unit, "value": value});
    let (client, socket) = (median(&mut through_client), median(&mut through_socket));
    Ok(vec![
        row("tandem", "median latency", "ms", client * 1e3),
        row("bare HTTP", "median latency", "ms", socket * 1e3),
        row("tandem", "cost over bare HTTP", "%", (client / socket - 1.0) * 100.0),
    ])
}

fn median(times: &mut Vec<Duration>) -> f64 {
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
    /// The last request, as it came.
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
            if kept.len() != length {
                kept.clear();
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
struct Bare {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Bare {
    fn connect(server: &Server) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        let request = server.request.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Self { stream, request, answer: vec![0; server.answer] })
    }

    fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request)?;
        self.stream.read_exact(&mut self.answer)
    }
}
