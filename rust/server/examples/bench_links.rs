//! Every placement really run over shaped links, beside what the simulator says of the same.
//!
//! ```text
//! cargo run --release --example bench_links -- [--quick] [--model NAME] [--models FILE]
//! ```
//!
//! A model is split, its tails are served on loopback, and each of its placements runs through relays of several rates and delays, on
//! real sockets, in turns with runs without a link: of those the times and bytes, and nothing else, are what the simulator is told
//! when it does the same in virtual time. Prints rows, one JSON object a line. `--models` writes the
//! measured times and bytes to a file that `bench_planner` reads.
//!
//! At each point the server is 0.5, 2 or 8 times as fast as the device, and the device idle or busy. Device and server are the
//! same machine: where the server is to be faster the device is slowed, by waiting after each run; where it is to be slower, a
//! hop before it holds its answers back. A busy device takes twice as long.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that is run by a script")]

use std::error::Error;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tandem::split::{Backend, FormKind, Manifest, Original, SplitOptions, split, write_repository};
use tandem::{
    Endpoint, LoadOptions, ManifestOptions, Model, ModelSource, NamedTensors, NetworkKind, Placement,
    RemoteTiming, RunOptions, Runtime, Timing,
};
use tandem_server::{Server, ServerConfig};
use tandem_testkit::fakes::FixedPlanner;
use tandem_testkit::link::{LinkOptions, Relay};
use tandem_testkit::models::{Entry, catalog};
use tandem_testkit::simulate::{SimulatedCut, SimulatedModel, World, WorldOptions};
use tandem_testkit::traces::{LinkState, Trace};

#[path = "bench_links/pace.rs"]
mod pace;

use pace::{PacedEngine, slowed};

type Outcome<T> = Result<T, Box<dyn Error>>;

const MODELS: [&str; 4] = ["mobilenet_v2", "resnet18", "minilm", "alexnet"];
/// How many times faster than the device the server is, and how much longer the device takes for being busy.
const PACES: [Pace; 6] = [
    Pace { speed: 8.0, load: 1.0 },
    Pace { speed: 0.5, load: 2.0 },
    Pace { speed: 2.0, load: 1.0 },
    Pace { speed: 8.0, load: 2.0 },
    Pace { speed: 0.5, load: 1.0 },
    Pace { speed: 2.0, load: 2.0 },
];
/// Mbit/s either way.
const RATES: [f64; 4] = [2.0, 10.0, 50.0, 200.0];
/// Milliseconds of a round trip.
const ROUND_TRIPS: [f64; 2] = [5.0, 40.0];
/// Cuts with a tail, beside the one at the inputs.
const TAILS: usize = 2;

fn main() -> Outcome<()> {
    let mut quick = false;
    let mut file = None;
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--model" => only = Some(arguments.next().ok_or("--model needs a name")?),
            "--models" => file = Some(arguments.next().ok_or("--models needs a file")?),
            other => return Err(format!("unknown argument {other:?}").into()),
        }
    }
    let (models, rates, rounds) =
        if quick { (&MODELS[..1], &RATES[2..3], 1) } else { (&MODELS[..], &RATES[..], 5) };
    let mut measured = Vec::new();
    for (place, name) in models.iter().enumerate() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let world = Deployed::new(name)?;
        measured.push(world.measure(if quick { 3 } else { 9 })?);
        let mut point = place;
        for &rate in rates {
            for round_trip in ROUND_TRIPS {
                let pace = PACES[point % PACES.len()];
                point += 1;
                let state = LinkState::new(rate * 1e6, Duration::from_secs_f64(round_trip / 1e3));
                eprintln!("{name} at {rate} Mbit/s, {round_trip} ms");
                let case = format!("{name}, {rate} Mbit/s, {round_trip} ms, {pace}");
                world.compare(state, pace, &case, rounds)?;
            }
        }
    }
    if let Some(file) = file {
        fs::write(file, serde_json::to_string_pretty(&measured)?)?;
    }
    Ok(())
}

/// How fast device and server are beside each other.
#[derive(Clone, Copy)]
struct Pace {
    speed: f64,
    load: f64,
}

impl Pace {
    /// Both as fast as this machine.
    const EVEN: Self = Self { speed: 1.0, load: 1.0 };

    /// How many times longer than this machine the device takes.
    fn device(self) -> f64 {
        self.load * self.speed.max(1.0)
    }

    /// How many times longer than this machine the server takes.
    fn server(self) -> f64 {
        (1.0 / self.speed).max(1.0)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {} x, {}", self.speed, if self.load > 1.0 { "busy" } else { "idle" })
    }
}

/// A split model and the server of its tails.
struct Deployed {
    server: Server,
    file: Arc<[u8]>,
    manifest: Manifest,
    inputs: NamedTensors,
    _repository: tempfile::TempDir,
}

/// A model over one way to the server, and the planner that says where it runs.
struct Subject {
    model: Model,
    planner: Arc<FixedPlanner>,
}

impl Deployed {
    fn new(name: &str) -> Outcome<Self> {
        let entry: Entry =
            catalog()?.into_iter().find(|entry| entry.name() == name).ok_or("no such model")?;
        let proto = entry.model()?;
        let inputs = entry.inputs(&proto, 1)?;
        let file: Arc<[u8]> = proto.encode_bytes().as_ref().into();
        let original = Original::decode(name.to_owned(), file.to_vec())?;
        let options = SplitOptions {
            timing_runs: 1,
            max_tails: TAILS,
            forms: vec![FormKind::F32],
            ..SplitOptions::default()
        };
        let engine = Runtime::builder().build()?;
        let split = split(&original, engine.engine(), std::slice::from_ref(&inputs), &[], &options)?;
        let repository = tempfile::tempdir()?;
        write_repository(repository.path(), &split, Backend::OnnxRuntime, None)?;
        let server = serve(repository.path())?;
        Ok(Self { server, file, manifest: split.manifest, inputs, _repository: repository })
    }

    /// The model over that way to the server, on a device that takes `factor` times as long.
    fn subject(&self, url: String, factor: f64) -> Outcome<Subject> {
        let planner = Arc::new(FixedPlanner::new([Placement::OnDevice]));
        let engine = PacedEngine { runtime: Runtime::builder().build()?, factor };
        let runtime = Runtime::builder()
            .endpoint(Endpoint::new("cloud", url))
            .engine(Arc::new(engine))
            .planner(planner.clone())
            .build()?;
        let manifest = ModelSource::Bytes(self.manifest.to_bytes(None)?.into());
        let manifest = ManifestOptions { source: manifest, public_key: None, max_relative_error: 0.0 };
        let name = Some(self.manifest.model.name.clone());
        let options = LoadOptions { name, manifest: Some(manifest), ..LoadOptions::default() };
        Ok(Subject { model: runtime.load(ModelSource::Bytes(self.file.clone()), &options)?, planner })
    }

    fn placements(&self) -> Vec<Placement> {
        let endpoint: Arc<str> = "cloud".into();
        let cuts = self.manifest.cuts.iter().filter(|cut| !cut.is_at_the_inputs());
        let split =
            cuts.map(|cut| Placement::Split { cut: cut.id.as_str().into(), endpoint: endpoint.clone() });
        let whole = [Placement::OnDevice, Placement::InCloud { endpoint: endpoint.clone() }];
        whole.into_iter().chain(split).collect()
    }

    /// What the parts take on this machine without a link.
    fn measure(&self, rounds: usize) -> Outcome<SimulatedModel> {
        let subject = self.bare(Pace::EVEN)?;
        let run = |placement: Placement| {
            let timings = subject.run(&placement, &self.inputs, rounds)?;
            Ok((placement, timings))
        };
        let timings: Outcome<Vec<_>> = self.placements().into_iter().map(run).collect();
        self.model_of(&timings?, Pace::EVEN)
    }

    /// The model over no link, on a device of that pace.
    fn bare(&self, pace: Pace) -> Outcome<Subject> {
        self.subject(format!("http://{}", self.server.address()), pace.device())
    }

    /// What the simulator is told of runs without a link on a device of that pace: as if it were not slowed.
    fn model_of(&self, runs: &[(Placement, Vec<Timing>)], pace: Pace) -> Outcome<SimulatedModel> {
        let mut device_ms = 0.0;
        let mut whole = None;
        let mut cuts = Vec::new();
        for (placement, timings) in runs {
            let device = timings.iter().filter_map(|timing| timing.device);
            let device = median(device.map(|time| millis(time) / pace.device()));
            let remote: Vec<RemoteTiming> = timings.iter().filter_map(|timing| timing.remote).collect();
            // What the exchange takes beside computing is computing too, for the simulator: it has no wires.
            let server = median(remote.iter().map(exchange_millis));
            let bytes = remote.first().map_or((0, 0), |remote| (remote.request_bytes, remote.answer_bytes));
            match placement {
                Placement::OnDevice => device_ms = device,
                Placement::Split { cut, .. } => cuts.push((cut.to_string(), device, server, bytes.0)),
                _ => whole = Some((server, bytes)),
            }
        }
        let (server_ms, (request_bytes, reply_bytes)) =
            whole.ok_or("the whole model did not run in the cloud")?;
        let cut = |(id, head, tail, bytes_up): (String, f64, f64, u64)| SimulatedCut {
            id,
            head: (head / device_ms).clamp(0.0, 1.0),
            tail: Some((tail / server_ms).clamp(0.0, 1.0)),
            bytes_up,
        };
        Ok(SimulatedModel {
            name: self.manifest.model.name.clone(),
            device_ms,
            server_ms: Some(server_ms),
            multiply_adds: self
                .manifest
                .cuts
                .iter()
                .map(|cut| cut.multiply_adds.head + cut.multiply_adds.tail)
                .min(),
            request_bytes,
            reply_bytes,
            cuts: cuts.into_iter().map(cut).collect(),
        })
    }

    /// The same placements over a link, really and in virtual time. Each run over the link is in turns with one without, from which
    /// the parts are known: a shared machine does not stay as fast as it was, and a processor that has waited is slower for a while.
    fn compare(&self, state: LinkState, pace: Pace, case: &str, rounds: usize) -> Outcome<()> {
        let server = match pace.server() {
            factor if factor > 1.0 => slowed(self.server.address(), factor)?,
            _ => self.server.address(),
        };
        let relay = Relay::start(server, LinkOptions::constant(state));
        let (bare, linked) = (self.bare(pace)?, self.subject(relay.url(), pace.device())?);
        let (mut parts, mut totals) = (Vec::new(), Vec::new());
        for placement in self.placements() {
            let runs = bare.run_in_turns(&linked, &placement, &self.inputs, rounds)?;
            let (without, over): (Vec<Timing>, Vec<Timing>) = runs.into_iter().unzip();
            totals.push(median(over.iter().map(|timing| millis(timing.total))));
            parts.push((placement, without));
        }
        let simulated = self.model_of(&parts, pace)?;
        let costs = simulated.costs("cloud");
        for ((placement, _), real) in parts.iter().zip(totals) {
            let mut world = World::new(WorldOptions {
                trace: Arc::new(Trace::constant(state)),
                kind: NetworkKind::Wifi,
                load: pace.device(),
                device_seconds: simulated.device_ms / 1e3,
                server_seconds: simulated.server_seconds() * pace.server(),
                jitter: 0.0,
                queue: 0.0,
                server_timing: true,
                tls: false,
                timeout: 60.0,
                seed: 1,
            });
            let virtual_runs = (0..=rounds).map(|_| world.run(&costs, placement).total);
            let expected = median(virtual_runs.skip(1).map(millis));
            row(case, placement, "real", "ms", real);
            row(case, placement, "simulated", "ms", expected);
            row(case, placement, "real over simulated", "ratio", real / expected);
        }
        Ok(())
    }
}

impl Subject {
    /// Runs the model there, once to warm up and then so many times.
    fn run(&self, placement: &Placement, inputs: &NamedTensors, rounds: usize) -> Outcome<Vec<Timing>> {
        let timings: Outcome<Vec<Timing>> = (0..=rounds).map(|_| self.run_once(placement, inputs)).collect();
        Ok(timings?.split_off(1))
    }

    /// The same here and with `other`, one after the other.
    fn run_in_turns(
        &self,
        other: &Self,
        placement: &Placement,
        inputs: &NamedTensors,
        rounds: usize,
    ) -> Outcome<Vec<(Timing, Timing)>> {
        let both = |_| Ok((self.run_once(placement, inputs)?, other.run_once(placement, inputs)?));
        let timings: Outcome<Vec<_>> = (0..=rounds).map(both).collect();
        Ok(timings?.split_off(1))
    }

    fn run_once(&self, placement: &Placement, inputs: &NamedTensors) -> Outcome<Timing> {
        self.planner.set_order([placement.clone()]);
        let prediction = self.model.run(inputs, &RunOptions::default())?;
        if prediction.decision.placement != *placement {
            return Err(format!("ran {} instead of {placement}", prediction.decision.placement).into());
        }
        Ok(prediction.timing)
    }
}

fn serve(repository: &Path) -> Outcome<Server> {
    let config = ServerConfig { address: (Ipv4Addr::LOCALHOST, 0).into(), ..ServerConfig::new(repository) };
    Ok(Server::start(config)?)
}

fn row(case: &str, placement: &Placement, metric: &str, unit: &str, value: f64) {
    let case = match placement {
        Placement::Split { cut, .. } => format!("{case}, split at {}", cut.get(..4).unwrap_or(cut)),
        Placement::OnDevice => format!("{case}, on device"),
        _ => format!("{case}, in cloud"),
    };
    let row: Value =
        json!({"case": case, "subject": "tandem", "metric": metric, "unit": unit, "value": value});
    println!("{row}");
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn exchange_millis(timing: &RemoteTiming) -> f64 {
    let RemoteTiming { encode, connect, upload, wait, download, decode, .. } = *timing;
    millis(encode + connect + upload + wait + download + decode)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
