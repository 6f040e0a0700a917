//! Head then tail equals the whole, on the real engine: for every cut of every test model, and of random graphs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, and a count that is seen"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tandem_core::{Control, Engine, LoadOptions, LocalModel, ModelSource, NamedTensors, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, Dim, GraphBuilder, GraphProto, ModelBuilder, ModelProto, dims};
use tandem_split::{Cut, CutOptions, Cuts, Halves, WireForm, deploy, encode, extract};
use tandem_testkit::agreement::disagreement;
use tandem_testkit::models::{Suite, catalog, random_inputs};

/// What stays of f32 when operators are fused otherwise.
const TOLERANCE: f64 = 1e-5;

fn load(model: &ModelProto) -> Arc<dyn LocalModel> {
    let source = ModelSource::Bytes(Arc::from(&*model.encode_bytes()));
    OnnxEngine::new().load(&source, &LoadOptions::default()).unwrap()
}

fn run(model: &dyn LocalModel, inputs: &NamedTensors) -> NamedTensors {
    let taken = model.info().inputs.iter().map(|input| &input.name);
    let given = taken.map(|name| (name.clone(), inputs.get(name).unwrap().clone()));
    model.run(&NamedTensors::new(given).unwrap(), &[], &Control::default()).unwrap()
}

/// The halves of a cut, loaded once for all sizes.
struct Loaded {
    head: Option<Arc<dyn LocalModel>>,
    tail: Arc<dyn LocalModel>,
    forms: Vec<WireForm>,
}

impl Loaded {
    fn new(halves: &Halves, cut: &Cut) -> Self {
        let forms = vec![WireForm::Native; cut.boundary.crossing.len()];
        let tail = load(&deploy(&halves.tail, &cut.boundary, &forms).unwrap());
        Self { head: halves.head.as_ref().map(load), tail, forms }
    }
}

/// Runs the halves one after the other.
fn run_split(halves: &Loaded, cut: &Cut, inputs: &NamedTensors, wanted: &[String]) -> NamedTensors {
    let head = halves.head.as_ref().map(|head| run(head.as_ref(), inputs)).unwrap_or_default();
    let crossing = cut.boundary.crossing_tensors(inputs, &head).unwrap();
    // What the cut says of the crossing tensors is so.
    for (tensor, (_, value)) in cut.boundary.crossing.iter().zip(crossing.iter()) {
        tensor.info().check(value).unwrap();
    }
    let tail = run(halves.tail.as_ref(), &encode(&crossing, &halves.forms).unwrap());
    cut.boundary.outputs(wanted, inputs, &head, &tail).unwrap()
}

/// The inputs with every symbol of `model` one larger than in `inputs`, out of the same elements; `None` where it has no
/// symbol.
fn larger(model: &ModelProto, inputs: &NamedTensors) -> Option<NamedTensors> {
    let mut sizes = BTreeMap::new();
    let declared: Vec<_> = model.graph.as_ref().unwrap().required_inputs().collect();
    let dims = |name: &str| {
        let input = declared.iter().find(|input| input.name == name).unwrap();
        input.tensor_type().unwrap().shape.as_ref().unwrap().dims()
    };
    let larger = inputs.iter().map(|(name, tensor)| {
        let shape: Vec<usize> = dims(name)
            .into_iter()
            .zip(tensor.shape())
            .map(|(dim, &size)| match dim {
                Dim::Symbolic(symbol) => *sizes.entry(symbol).or_insert(size + 1),
                _ => size,
            })
            .collect();
        let count = shape.iter().product();
        let resized = if let Some(texts) = tensor.strings() {
            Tensor::from_strings(shape, texts.iter().cycle().take(count).cloned().collect())
        } else {
            let bytes = tensor.bytes().unwrap().iter().cycle();
            let bytes: Vec<u8> = bytes.take(count * tensor.dtype().size().unwrap()).copied().collect();
            Tensor::from_bytes(tensor.dtype(), shape, &bytes)
        };
        (name.to_owned(), resized.unwrap())
    });
    let larger = NamedTensors::new(larger.collect::<Vec<_>>()).unwrap();
    (!sizes.is_empty()).then_some(larger)
}

/// Checks every cut of `model` at the sizes of `inputs`, from which it is found, and at others; gives how many there are,
/// and whether there were others.
fn check(name: &str, model: &ModelProto, inputs: &NamedTensors) -> (usize, bool) {
    let engine = OnnxEngine::new();
    let options = CutOptions { every: true, ..CutOptions::default() };
    let cuts = Cuts::find(model, "", &engine, std::slice::from_ref(inputs), &options).unwrap();
    let whole = load(model);
    let resized = larger(model, inputs);
    let tried: Vec<(&NamedTensors, NamedTensors)> =
        std::iter::once(inputs).chain(&resized).map(|inputs| (inputs, run(whole.as_ref(), inputs))).collect();
    let wanted: Vec<String> = tried[0].1.names().map(str::to_owned).collect();
    for cut in &cuts.cuts {
        let halves = Loaded::new(&extract(model, &cut.boundary).unwrap(), cut);
        for (inputs, whole) in &tried {
            let split = run_split(&halves, cut, inputs, &wanted);
            if let Some(difference) = disagreement(whole, &split, TOLERANCE) {
                let crossing: Vec<_> = cut.boundary.crossing_names().collect();
                let shapes: Vec<_> = inputs.iter().map(|(_, tensor)| tensor.shape()).collect();
                panic!("{name}, cut {} at {crossing:?}, inputs {shapes:?}: {difference}", cut.id);
            }
        }
    }
    (cuts.cuts.len(), resized.is_some())
}

#[test]
fn of_every_test_model() {
    let (mut total, mut of_any_size) = (0, 0);
    for entry in catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test) {
        let model = entry.model().unwrap();
        let (count, resized) = check(entry.name(), &model, &entry.inputs(&model, 0).unwrap());
        println!("{}: {count} cuts{}", entry.name(), if resized { ", at two sizes" } else { "" });
        total += count;
        of_any_size += if resized { count } else { 0 };
    }
    assert!(total > 200 && of_any_size > 100, "{total} cuts, {of_any_size} of these at two sizes");
}

fn branch(operator: &str, captured: &str, output: &str) -> GraphProto {
    let mut body = GraphBuilder::new("branch");
    body.initializer("half", &[], &[0.5_f32]);
    body.node(operator, [captured, "half"], [output]);
    body.output(output, DataType::Float32, dims!["n", 3]);
    body.build().unwrap()
}

#[test]
fn of_a_model_with_branches_shared_weights_and_early_outputs() {
    let mut graph = GraphBuilder::new("tangled");
    graph.input("x", DataType::Float32, dims!["n", 3]).input("y", DataType::Float32, dims!["n", 3]);
    graph.input("flag", DataType::Bool, dims![]);
    graph.initializer("w", &[3, 3], &[0.5_f32, -1.0, 2.0, 0.25, 1.0, -0.5, 1.5, 0.0, 1.0]);
    graph.node("Exp", ["w"], ["weights"]);
    graph.node("MatMul", ["x", "weights"], ["a"]);
    graph.node("Mul", ["a", "y"], ["b"]);
    graph.node("Tanh", ["b"], ["early"]);
    graph
        .node("If", ["flag"], ["c"])
        .attr("then_branch", branch("Add", "b", "added"))
        .attr("else_branch", branch("Mul", "a", "multiplied"));
    graph.node("MatMul", ["c", "weights"], ["d"]);
    graph.node("Add", ["d", "x"], ["e"]);
    graph.node("Mul", ["e", "y"], ["late"]);
    graph.output("early", DataType::Float32, dims!["n", 3]).output("late", DataType::Float32, dims!["n", 3]);
    let model = ModelBuilder::new(graph).build().unwrap();
    let (count, resized) = check("tangled", &model, &random_inputs(&model, &[], 3).unwrap());
    assert!(count >= 5 && resized, "{count} cuts");
}

/// A node of a random graph: which operator, and which of the values before it.
type RandomNode = (usize, prop::sample::Index, prop::sample::Index);

fn random_model(nodes: &[RandomNode], outputs: &[prop::sample::Index]) -> ModelProto {
    let mut graph = GraphBuilder::new("random");
    let mut values = vec!["x0".to_owned(), "x1".to_owned(), "w".to_owned()];
    for input in ["x0", "x1"] {
        graph.input(input, DataType::Float32, dims!["n", 4]);
    }
    graph.initializer("w", &[1, 4], &[0.5_f32, -0.25, 1.0, 0.75]);
    for (place, (operator, first, second)) in nodes.iter().enumerate() {
        let name = format!("v{place}");
        let (first, second) = (first.get(&values).clone(), second.get(&values).clone());
        match operator {
            0 => graph.node("Tanh", [first], [name.clone()]),
            1 => graph.node("Add", [first, second], [name.clone()]),
            2 => graph.node("Max", [first, second], [name.clone()]),
            3 => graph.node("Neg", [first], [name.clone()]),
            _ => graph.node("Sub", [first, second], [name.clone()]),
        };
        values.push(name);
    }
    let mut listed: Vec<&String> = outputs.iter().map(|output| output.get(&values[3..])).collect();
    listed.sort();
    listed.dedup();
    for output in listed {
        graph.output(output, DataType::Float32, dims![Dim::Unknown, 4]);
    }
    ModelBuilder::new(graph).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn of_random_graphs(
        nodes in prop::collection::vec((0..5_usize, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..14),
        outputs in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        seed in 0..100_u64,
    ) {
        let model = random_model(&nodes, &outputs);
        let inputs = random_inputs(&model, &[], seed).unwrap();
        check("random", &model, &inputs);
    }
}
