//! How often real times fall into the planner's 90 % band, over links that never rest, on real sockets.
//!
//! ```text
//! cargo run --release --example bench_bands -- [--seconds N]
//! ```
//!
//! For each kind of link a runtime of its own sends requests of 25 kB, a fifth of a second apart, through a relay that follows that
//! kind's trace, all kinds at once; nearly all of the time is waiting. Prints rows, one JSON object a line.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that is run by a script")]

use std::error::Error;
use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tandem::{
    DeviceState, Endpoint, InferenceMode, LoadOptions, ModelSource, NamedTensors, NetworkKind, RunOptions,
    Runtime, Statistics, Tensor,
};
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
use tandem_server::{Server, ServerConfig};
use tandem_testkit::link::{LinkOptions, Relay};
use tandem_testkit::traces::Scenario;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Numbers in a request: 25 kB.
const WIDTH: usize = 6272;
/// Between two requests.
const PAUSE: Duration = Duration::from_millis(200);
/// Which of the generated traces.
const SEED: u64 = 5;

fn main() -> Outcome<()> {
    let mut seconds = 150;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = arguments.next().ok_or("--seconds needs a number")?.parse()?,
            other => return Err(format!("unknown argument {other:?}").into()),
        }
    }
    let repository = tempfile::tempdir()?;
    let folder = repository.path().join("negated/1");
    fs::create_dir_all(&folder)?;
    let mut graph = GraphBuilder::new("negated");
    graph.input("x", DataType::Float32, dims![1, WIDTH]).output("y", DataType::Float32, dims![1, WIDTH]);
    graph.node("Neg", ["x"], ["y"]);
    let file: Arc<[u8]> = ModelBuilder::new(graph).build()?.encode_bytes().as_ref().into();
    fs::write(folder.join("model.onnx"), &file)?;
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = Server::start(ServerConfig { address, ..ServerConfig::new(repository.path()) })?;
    let end = Instant::now() + Duration::from_secs(seconds);

    let measured = thread::scope(|scope| {
        let threads = Scenario::ALL.map(|scenario| {
            let (server, file) = (&server, file.clone());
            (scenario, scope.spawn(move || drive(scenario, server, file, end)))
        });
        threads.map(|(scenario, thread)| (scenario, thread.join()))
    });
    for (scenario, statistics) in measured {
        let statistics = statistics.map_err(|_| "a thread panicked")??;
        let row = |metric: &str, unit: &str, value: f64| {
            let case = format!("band on real sockets, {}", scenario.as_str());
            println!(
                "{}",
                json!({"case": case, "subject": "planner", "metric": metric, "unit": unit, "value": value})
            );
        };
        row("times within the 90 % band", "%", 100.0 * statistics.coverage().unwrap_or(0.0));
        row("requests", "", f64::from(u32::try_from(statistics.predicted)?));
    }
    Ok(())
}

const fn kind(scenario: Scenario) -> NetworkKind {
    match scenario {
        Scenario::ThreeGDrive => NetworkKind::Cellular3g,
        Scenario::LteWalk | Scenario::LteDrive | Scenario::Tunnel => NetworkKind::Cellular4g,
        Scenario::FiveGWalk => NetworkKind::Cellular5g,
        Scenario::Wifi | Scenario::Lift => NetworkKind::Wifi,
    }
}

/// Requests until `end`, whatever becomes of them.
fn drive(scenario: Scenario, server: &Server, file: Arc<[u8]>, end: Instant) -> Outcome<Statistics> {
    let relay = Relay::start(server.address(), LinkOptions::trace(scenario.trace(SEED)));
    let device = DeviceState { network: kind(scenario), ..DeviceState::default() };
    let runtime = Runtime::builder()
        .endpoint(Endpoint { timeout: Duration::from_secs(10), ..Endpoint::new("cloud", relay.url()) })
        .device_state_provider(Arc::new(device))
        .build()?;
    let options = LoadOptions { name: Some("negated".to_owned()), ..LoadOptions::default() };
    let model = runtime.load(ModelSource::Bytes(file), &options)?;
    let inputs = NamedTensors::new([("x", Tensor::from_vec([1, WIDTH], vec![0.5_f32; WIDTH])?)])?;
    let options = RunOptions { mode: InferenceMode::OnlyInCloud, ..RunOptions::default() };
    while Instant::now() < end {
        if let Err(error) = model.run(&inputs, &options) {
            eprintln!("{}: {error}", scenario.as_str());
        }
        thread::sleep(PAUSE);
    }
    Ok(runtime.statistics())
}
