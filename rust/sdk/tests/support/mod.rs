//! A model with cuts, an endpoint that serves its tails, and a planner that does as it is told.

#![allow(unreachable_pub, dead_code, reason = "a module of tests, each of which takes what it needs")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem::split::{
    Boundary, CrossingTensor, CutEntry, FormEntry, FormError, Manifest, ModelEntry, MultiplyAdds, SigningKey,
    WireForm, deploy, extract,
};
use tandem::{
    Candidate, Control, DType, Dimension, Endpoint, Engine, Error, Interrupt, LoadError, LoadOptions,
    LocalModel, ManifestOptions, Model, ModelSource, NamedTensors, Placement, Plan, PlanRequest, Planner,
    Reason, Remote, RemoteAnswer, RemoteError, RemoteRequest, RemoteTiming, Runtime, RuntimeBuilder, Tensor,
};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, ModelProto, dims};

/// `early = relu(x) * 2` and `late = exp(early) + z`: two inputs, and an output before the cut.
pub fn model() -> ModelProto {
    let mut graph = GraphBuilder::new("two_sides");
    graph.input("x", DataType::Float32, dims!["rows", 4]);
    graph.input("z", DataType::Float32, dims!["rows", 4]);
    graph.initializer("two", &[1], &[2.0_f32]);
    graph.node("Relu", ["x"], ["positive"]);
    graph.node("Mul", ["positive", "two"], ["early"]);
    graph.node("Exp", ["early"], ["grown"]);
    graph.node("Add", ["grown", "z"], ["late"]);
    graph.output("early", DataType::Float32, dims!["rows", 4]);
    graph.output("late", DataType::Float32, dims!["rows", 4]);
    ModelBuilder::new(graph).build().unwrap()
}

pub fn inputs() -> NamedTensors {
    let x = Tensor::from_vec([2, 4], vec![-1.0_f32, 0.5, 1.0, 0.25, 0.0, -0.5, 0.75, 0.125]).unwrap();
    let z = Tensor::from_vec([2, 4], vec![1.0_f32; 8]).unwrap();
    NamedTensors::new([("x", x), ("z", z)]).unwrap()
}

/// The one cut: `early` and `z` cross.
pub fn boundary() -> Boundary {
    let crossing = |name: &str, from: &str| CrossingTensor {
        name: name.to_owned(),
        dtype: DType::F32,
        shape: vec![Dimension::Symbol("rows".to_owned()), Dimension::Fixed(4)],
        depends_on: vec![from.to_owned()],
    };
    Boundary {
        crossing: vec![crossing("early", "x"), crossing("z", "z")],
        head_outputs: vec!["early".into()],
    }
}

pub const CUT: &str = "00112233aabbccdd";

/// A model file, its manifest, and the tails by the names under which they are served.
pub struct Deployed {
    pub file: Arc<[u8]>,
    pub tails: BTreeMap<String, ModelProto>,
    pub manifest: Manifest,
}

/// The model with its cut in each of the forms, with the error that is stated of it.
pub fn deployed(forms: &[(&str, WireForm, Option<f64>)]) -> Deployed {
    let (model, boundary) = (model(), boundary());
    let file: Arc<[u8]> = model.encode_bytes().as_ref().into();
    let halves = extract(&model, &boundary).unwrap();
    let loaded = OnnxEngine::new().load(&ModelSource::Bytes(file.clone()), &LoadOptions::default()).unwrap();
    let digest = loaded.info().digest.clone();
    let mut tails = BTreeMap::new();
    let entries = forms.iter().zip(1..).map(|((name, form, error), bytes)| {
        let tensors = vec![form.clone(), form.clone()];
        let served = format!("two_sides-tail-{name}");
        tails.insert(served.clone(), deploy(&halves.tail, &boundary, &tensors).unwrap());
        let error = error.map(|relative_rms| FormError {
            samples: 1,
            max_abs: relative_rms,
            relative_rms,
            accuracy: None,
        });
        FormEntry {
            name: (*name).to_owned(),
            model: served,
            sha256: "0".repeat(64),
            tensors,
            // The later, the smaller.
            request_bytes: 1000 / bytes,
            error,
        }
    });
    let entry = CutEntry {
        id: CUT.to_owned(),
        boundary: boundary.clone(),
        multiply_adds: MultiplyAdds { head: 16, tail: 16 },
        time: None,
        reply_bytes: 32,
        forms: entries.collect(),
    };
    let manifest = Manifest {
        version: Manifest::VERSION,
        model: ModelEntry { name: "two_sides".to_owned(), sha256: digest },
        sizes: BTreeMap::from([("rows".to_owned(), 2)]),
        cuts: vec![entry],
    };
    Deployed { file, tails, manifest }
}

impl Deployed {
    pub fn manifest_file(&self, key: Option<&SigningKey>) -> ModelSource {
        ModelSource::Bytes(self.manifest.to_bytes(key).unwrap().into())
    }

    pub fn load(
        &self,
        builder: RuntimeBuilder,
        change: impl FnOnce(&mut ManifestOptions),
    ) -> Result<Model, Error> {
        let mut manifest =
            ManifestOptions { source: self.manifest_file(None), public_key: None, max_relative_error: 1e-3 };
        change(&mut manifest);
        let options = LoadOptions { manifest: Some(manifest), ..LoadOptions::default() };
        builder.build().unwrap().load(ModelSource::Bytes(self.file.clone()), &options)
    }
}

/// The real engine, whose loads after the first wait at a gate.
#[derive(Default)]
pub struct GatedEngine {
    engine: OnnxEngine,
    loads: AtomicUsize,
    open: AtomicBool,
}

impl GatedEngine {
    /// How many loads have begun.
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// Waits until so many loads have begun.
    pub fn wait_for(&self, loads: usize) {
        while self.loads() < loads {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets the waiting loads and all that follow go on.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

impl Engine for GatedEngine {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        let first = self.loads.fetch_add(1, Ordering::SeqCst) == 0;
        let control = Control::starting(Instant::now(), options.timeout, options.token.clone());
        while !first && !self.open.load(Ordering::SeqCst) {
            control.check(Instant::now())?;
            std::thread::sleep(Duration::from_millis(1));
        }
        self.engine.load(source, options)
    }
}

/// How an endpoint takes a request.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It answers.
    Answer,
    /// It answers once that is true, unless the exchange is stopped before.
    AnswerWhen(Arc<AtomicBool>),
    /// It answers after that time, unless the exchange is stopped before.
    AnswerAfter(Duration),
    /// It fails so.
    Fail(RemoteError),
}

/// An endpoint that runs the tails on the real engine, after what its script says.
pub struct EngineRemote {
    served: BTreeMap<String, Arc<dyn LocalModel>>,
    fate: Fate,
    seen: Mutex<Vec<(String, NamedTensors)>>,
}

impl EngineRemote {
    pub fn new(deployed: &Deployed, fate: Fate) -> Arc<Self> {
        let engine = OnnxEngine::new();
        let load =
            |bytes: Arc<[u8]>| engine.load(&ModelSource::Bytes(bytes), &LoadOptions::default()).unwrap();
        let tails = deployed.tails.iter();
        let mut served: BTreeMap<_, _> =
            tails.map(|(name, tail)| (name.clone(), load(tail.encode_bytes().as_ref().into()))).collect();
        served.insert("two_sides".to_owned(), load(deployed.file.clone()));
        Arc::new(Self { served, fate, seen: Mutex::default() })
    }

    /// The models that were asked for, and what was sent.
    pub fn seen(&self) -> Vec<(String, NamedTensors)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Remote for EngineRemote {
    fn infer(&self, request: &RemoteRequest<'_>, control: &Control) -> Result<RemoteAnswer, RemoteError> {
        let name = &request.model.name;
        let record = (name.clone(), request.inputs.clone());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        let begun = Instant::now();
        match &self.fate {
            Fate::Answer => {}
            Fate::AnswerWhen(moment) => {
                while !moment.load(Ordering::SeqCst) {
                    control.check(Instant::now())?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Fate::AnswerAfter(time) => {
                while begun.elapsed() < *time {
                    control.check(Instant::now())?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Fate::Fail(error) => return Err(error.clone()),
        }
        let endpoint = request.endpoint.name.clone();
        let model = self.served.get(name).ok_or_else(|| RemoteError::ModelNotFound {
            endpoint: endpoint.clone(),
            model: name.clone(),
            detail: "unknown".to_owned(),
        })?;
        let failed = |error: tandem::RunError| RemoteError::ServerFailed {
            endpoint,
            status: 500,
            detail: error.to_string(),
        };
        let outputs = model.run(request.inputs, request.wanted, &Control::default()).map_err(failed)?;
        Ok(RemoteAnswer {
            outputs,
            timing: RemoteTiming { wait: begun.elapsed(), ..RemoteTiming::default() },
        })
    }

    fn is_ready(&self, _: &Endpoint, control: &Control) -> Result<bool, RemoteError> {
        control.check(Instant::now()).map_err(|interrupt: Interrupt| interrupt.into()).map(|()| true)
    }
}

/// Always gives the same order, where the cut is on offer.
pub struct Fixed {
    pub order: Vec<Placement>,
    pub hedge_after: Option<Duration>,
    /// Whether each request offered the cut.
    pub offered: Mutex<Vec<bool>>,
}

impl Fixed {
    pub fn new(order: impl IntoIterator<Item = Placement>) -> Arc<Self> {
        Arc::new(Self { order: order.into_iter().collect(), hedge_after: None, offered: Mutex::default() })
    }
}

impl Planner for Fixed {
    fn plan(&self, request: &PlanRequest<'_>) -> Result<Plan, Error> {
        let cut = request.costs.cut(CUT);
        let offered = cut.is_some_and(|cut| !cut.endpoints.is_empty());
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).push(offered);
        let candidate = |placement: &Placement| Candidate {
            placement: placement.clone(),
            allowed: true,
            reason: Reason::Best,
            predicted: None,
        };
        let candidates = self.order.iter().map(candidate).collect();
        Ok(Plan { order: self.order.clone(), candidates, hedge_after: self.hedge_after })
    }
}

pub fn split() -> Placement {
    Placement::Split { cut: CUT.into(), endpoint: "cloud".into() }
}

/// A runtime with one endpoint, that remote and that planner.
pub fn runtime(remote: &Arc<EngineRemote>, planner: &Arc<Fixed>) -> RuntimeBuilder {
    let endpoint = Endpoint { trusted: true, ..Endpoint::new("cloud", "https://127.0.0.1:1") };
    Runtime::builder().endpoint(endpoint).remote(remote.clone()).planner(planner.clone())
}
