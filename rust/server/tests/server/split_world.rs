//! A split model behind a real server and a shaped link.

use std::sync::Arc;
use std::time::Duration;

use tandem::split::{
    Backend, CutKind, CutOptions, Cuts, FormKind, Manifest, Original, SplitOptions, split, write_repository,
};
use tandem::{
    Endpoint, LoadOptions, ManifestOptions, Model, ModelSource, NamedTensors, Placement, RunOptions, Runtime,
    RuntimeBuilder,
};
use tandem_onnx::ModelProto;
use tandem_server::TlsConfig;
use tandem_testkit::agreement::disagreement;
use tandem_testkit::fakes::FixedPlanner;
use tandem_testkit::link::{Direction, LinkOptions, Relay};
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::slow::matmul_chain;
use tandem_testkit::traces::LinkState;

use crate::world::{Repository, Running};

const MODEL: &str = "chain";
const TOLERANCE: f64 = 1e-5;

/// A split model, the server of its tails, and an input with the output that it should have.
pub(crate) struct World {
    pub(crate) server: Running,
    file: Arc<[u8]>,
    manifest: Manifest,
    pub(crate) inputs: NamedTensors,
    expected: NamedTensors,
}

/// Wide enough for requests of several packets.
const WIDTH: usize = 64;

fn model() -> ModelProto {
    matmul_chain(8, WIDTH).unwrap()
}

pub(crate) fn inputs(seed: u64) -> NamedTensors {
    random_inputs(&model(), &[], seed).unwrap()
}

impl World {
    pub(crate) fn new(change: impl FnOnce(&NamedTensors) -> NamedTensors, tls: Option<TlsConfig>) -> Self {
        let repository = Repository::new();
        let runtime = Runtime::builder().build().unwrap();
        let file: Arc<[u8]> = model().encode_bytes().as_ref().into();
        let inputs = change(&inputs(1));
        let original = Original::decode(MODEL.to_owned(), file.to_vec()).unwrap();
        let (engine, sample) = (runtime.engine(), std::slice::from_ref(&inputs));
        let cuts = Cuts::find(&original.model, &original.digest, engine, sample, &CutOptions::default());
        let cuts = cuts.unwrap().cuts;
        let middle = cuts.iter().filter(|cut| cut.kind != CutKind::Inputs).nth(cuts.len() / 2).unwrap();
        let options = SplitOptions {
            timing_runs: 1,
            chosen: vec![middle.id.clone()],
            forms: vec![FormKind::F32],
            ..SplitOptions::default()
        };
        let split = split(&original, engine, sample, &[], &options).unwrap();
        write_repository(repository.path(), &split, Backend::OnnxRuntime, None).unwrap();
        let whole = runtime.load(ModelSource::Bytes(file.clone()), &LoadOptions::default()).unwrap();
        let expected = whole.predict(&inputs, &RunOptions::default()).unwrap().outputs;
        let server = repository.serve_with(|config| config.tls = tls);
        Self { server, file, manifest: split.manifest, inputs, expected }
    }

    pub(crate) fn load(&self, builder: RuntimeBuilder) -> Model {
        let manifest = ModelSource::Bytes(self.manifest.to_bytes(None).unwrap().into());
        let manifest = ManifestOptions { source: manifest, public_key: None, max_relative_error: 0.0 };
        let name = Some(MODEL.to_owned());
        let options = LoadOptions { name, manifest: Some(manifest), ..LoadOptions::default() };
        builder.build().unwrap().load(ModelSource::Bytes(self.file.clone()), &options).unwrap()
    }

    /// The cut with the most bytes to send that has a head.
    fn cut(&self) -> String {
        let cuts = self.manifest.cuts.iter().filter(|cut| !cut.is_at_the_inputs());
        cuts.max_by_key(|cut| cut.forms[0].request_bytes).unwrap().id.clone()
    }

    /// The name of what crosses there.
    pub(crate) fn crossing(&self) -> String {
        let id = self.cut();
        let cut = self.manifest.cuts.iter().find(|cut| cut.id == id).unwrap();
        cut.boundary.crossing[0].name.clone()
    }

    /// A split run at that cut.
    pub(crate) fn split(&self) -> Placement {
        Placement::Split { cut: self.cut().into(), endpoint: "cloud".into() }
    }

    /// A runtime that plans nothing but split runs over that link, whose hedges begin so late.
    pub(crate) fn always_split(&self, relay: &Relay, hedge_after: Duration) -> RuntimeBuilder {
        let planner = FixedPlanner::new([self.split(), Placement::OnDevice]).hedge_after(hedge_after);
        Runtime::builder().endpoint(Endpoint::new("cloud", relay.url())).planner(Arc::new(planner))
    }

    /// Bytes of a split run's request and answer on the wire.
    pub(crate) fn request_bytes(&self) -> (usize, usize) {
        let relay = Relay::start(self.server.address(), fast_link());
        let model = self.load(self.always_split(&relay, Duration::from_mins(1)));
        let run = || drop(model.run(&self.inputs, &RunOptions::default()).unwrap());
        // The first asks what the endpoint takes.
        run();
        let sent = || [Direction::Up, Direction::Down].map(|direction| relay.sent(direction));
        let before = sent();
        run();
        let [up, down] = sent();
        let bytes = |after: u64, before: u64| usize::try_from(after - before).unwrap();
        (bytes(up, before[0]), bytes(down, before[1]))
    }

    pub(crate) fn check(&self, outputs: &NamedTensors, what: &dyn std::fmt::Display) {
        if let Some(difference) = disagreement(&self.expected, outputs, TOLERANCE) {
            panic!("{what}: {difference}");
        }
    }
}

pub(crate) fn fast_link() -> LinkOptions {
    LinkOptions {
        slow_start: false,
        ..LinkOptions::constant(LinkState::new(400e6, Duration::from_micros(200)))
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
