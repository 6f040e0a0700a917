use std::sync::Arc;

use tandem_core::{Control, Engine as _, LoadOptions, LocalModel, ModelSource, NamedTensors, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{GraphBuilder, ModelBuilder, TensorProto, dims};
use tandem_testkit::agreement::disagreement;

use super::*;
use crate::CrossingTensor;

fn model(build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    build(&mut graph);
    ModelBuilder::new(graph).metadata("author", "me").build().unwrap()
}

fn crossing(name: &str, depends_on: &[&str]) -> CrossingTensor {
    let depends_on = depends_on.iter().map(|&name| name.to_owned()).collect();
    CrossingTensor { name: name.to_owned(), dtype: DType::F32, shape: vec![Dimension::Fixed(3)], depends_on }
}

fn boundary(crossing: Vec<CrossingTensor>, head_outputs: &[&str]) -> Boundary {
    Boundary { crossing, head_outputs: head_outputs.iter().map(|&name| name.to_owned()).collect() }
}

fn load(model: &ModelProto) -> Arc<dyn LocalModel> {
    let source = ModelSource::Bytes(Arc::from(&*model.encode_bytes()));
    OnnxEngine::new().load(&source, &LoadOptions::default()).unwrap()
}

fn run(model: &ModelProto, inputs: &NamedTensors) -> NamedTensors {
    let loaded = load(model);
    let taken = loaded.info().inputs.iter().map(|input| input.name.clone());
    let given = taken.map(|name| (name.clone(), inputs.get(&name).unwrap().clone()));
    loaded.run(&NamedTensors::new(given).unwrap(), &[], &Control::default()).unwrap()
}

/// Runs whole and halves, and says whether they agree.
fn agrees(model: &ModelProto, boundary: &Boundary, inputs: &NamedTensors) {
    let halves = extract(model, boundary).unwrap();
    let whole = run(model, inputs);
    let head = halves.head.map(|head| run(&head, inputs)).unwrap_or_default();
    let tail = run(&halves.tail, &boundary.crossing_tensors(inputs, &head).unwrap());
    let wanted: Vec<String> = whole.names().map(str::to_owned).collect();
    let split = boundary.outputs(&wanted, inputs, &head, &tail).unwrap();
    assert_eq!(disagreement(&whole, &split, 1e-5), None);
}

fn inputs(names: &[&str]) -> NamedTensors {
    let tensor = |shift: f32| Tensor::from_vec([3], vec![0.5 + shift, -1.0, 2.0]).unwrap();
    let shifts = [0.0_f32, 0.25, 0.75];
    NamedTensors::new(names.iter().zip(shifts).map(|(&name, shift)| (name, tensor(shift)))).unwrap()
}

/// A weight on both sides, two inputs on both sides, and an output in front of the cut.
fn tangled() -> ModelProto {
    model(|graph| {
        for input in ["a", "b"] {
            graph.input(input, DataType::Float32, dims![3]);
        }
        graph.initializer("w", &[3], &[1.0_f32, 2.0, 3.0]);
        graph.node("Exp", ["w"], ["constant"]);
        graph.node("Add", ["a", "constant"], ["a1"]);
        graph.node("Mul", ["a1", "b"], ["h"]);
        graph.node("Neg", ["h"], ["early"]);
        graph.node("Add", ["h", "a"], ["t1"]);
        graph.node("Mul", ["t1", "b"], ["t2"]);
        graph.node("Sub", ["t2", "constant"], ["y"]);
        graph.output("early", DataType::Float32, dims![3]).output("y", DataType::Float32, dims![3]);
    })
}

#[test]
fn shared_weights_shared_inputs_and_early_outputs_are_right() {
    let model = tangled();
    let cut =
        boundary(vec![crossing("a", &["a"]), crossing("b", &["b"]), crossing("h", &["a", "b"])], &["early"]);
    agrees(&model, &cut, &inputs(&["a", "b"]));
    let halves = extract(&model, &cut).unwrap();
    let names = |graph: &GraphProto| {
        let nodes: Vec<_> = graph.node.iter().map(|node| node.output[0].clone()).collect();
        nodes.join(" ")
    };
    assert_eq!(names(halves.head.unwrap().graph.as_ref().unwrap()), "constant a1 h early");
    assert_eq!(names(halves.tail.graph.as_ref().unwrap()), "constant t1 t2 y");
    assert_eq!(halves.tail.metadata("author"), Some("me"));
}

#[test]
fn an_output_that_crosses_is_answered_by_the_head() {
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![3]);
        graph.node("Exp", ["x"], ["h"]);
        graph.node("Neg", ["h"], ["y"]);
        graph.output("h", DataType::Float32, dims![3]).output("y", DataType::Float32, dims![3]);
    });
    agrees(&model, &boundary(vec![crossing("h", &["x"])], &["h"]), &inputs(&["x"]));
    let error = extract(&model, &boundary(vec![crossing("h", &["x"])], &[])).unwrap_err();
    assert!(matches!(error, SplitError::OutputCrosses(name) if name == "h"));
}

#[test]
fn a_cut_at_the_inputs_has_no_head() {
    let model = tangled();
    let cut = boundary(vec![crossing("a", &["a"]), crossing("b", &["b"])], &[]);
    assert_eq!(extract(&model, &cut).unwrap().head, None);
    agrees(&model, &cut, &inputs(&["a", "b"]));
}

#[test]
fn branches_whose_bodies_reach_over_the_cut_are_right() {
    let branch = |operator: &str, captured: &str, output: &str| {
        let mut body = GraphBuilder::new("branch");
        body.node(operator, [captured], [output]);
        body.output(output, DataType::Float32, dims![3]);
        body.build().unwrap()
    };
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![3]).initializer("limit", &[], &[0.0_f32]);
        graph.node("Exp", ["x"], ["h"]);
        graph.node("ReduceSum", ["x"], ["sum"]).attr("keepdims", 0_i64);
        graph.node("Greater", ["sum", "limit"], ["flag"]);
        graph
            .node("If", ["flag"], ["y"])
            .attr("then_branch", branch("Neg", "h", "negated"))
            .attr("else_branch", branch("Abs", "x", "absolute"));
        graph.output("y", DataType::Float32, dims![3]);
    });
    let flag = CrossingTensor { dtype: DType::Bool, shape: Vec::new(), ..crossing("flag", &["x"]) };
    let cut = boundary(vec![crossing("x", &["x"]), crossing("h", &["x"]), flag], &[]);
    let halves = extract(&model, &cut).unwrap();
    let taken: Vec<_> = halves.tail.graph.unwrap().input.into_iter().map(|input| input.name).collect();
    assert_eq!(taken, ["x", "h", "flag"]);
    agrees(&model, &cut, &inputs(&["x"]));
    let error = extract(&model, &boundary(cut.crossing[1..].to_vec(), &[])).unwrap_err();
    assert!(matches!(error, SplitError::NotSeparating { input, .. } if input == "x"));
}

#[test]
fn what_a_cut_states_wrongly_is_refused_by_name() {
    let model = tangled();
    let refused = |crossing: Vec<CrossingTensor>, outputs: &[&str]| {
        extract(&model, &boundary(crossing, outputs)).unwrap_err().to_string()
    };
    assert_eq!(refused(vec![crossing("nowhere", &["a"])], &[]), "the graph has no value \"nowhere\"");
    assert_eq!(
        refused(vec![crossing("constant", &[])], &[]),
        "the value \"constant\" is a constant, which does not cross a cut"
    );
    assert_eq!(
        refused(vec![crossing("h", &["a"])], &[]),
        "\"h\" depends on the inputs [\"a\", \"b\"], the cut says [\"a\"]"
    );
    let h = || crossing("h", &["a", "b"]);
    assert_eq!(refused(vec![h(), h()], &[]), "\"h\" stands twice in the cut");
    assert_eq!(
        refused(vec![h()], &["early"]),
        "the tail needs the input \"a\" for \"t1\", and \"a\" does not cross"
    );
    assert_eq!(refused(vec![h()], &["h"]), "the model has no output \"h\"");
    assert_eq!(refused(vec![h()], &["early", "y"]), "the tail of the cut would have nothing to compute");
    let wrong = CrossingTensor { dtype: DType::I64, ..crossing("a", &["a"]) };
    assert_eq!(refused(vec![wrong], &[]), "\"a\" has elements of f32, the cut says i64");
}

#[test]
fn a_cut_through_the_results_of_one_node_is_refused_by_name() {
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![6]);
        graph.node("Split", ["x"], ["first", "second"]).attr("axis", 0_i64);
        graph.node("Add", ["first", "second"], ["y"]);
        graph.output("y", DataType::Float32, dims![3]);
    });
    let whole = CrossingTensor { shape: vec![Dimension::Fixed(6)], ..crossing("x", &["x"]) };
    let error = extract(&model, &boundary(vec![whole, crossing("first", &["x"])], &[])).unwrap_err();
    let expected = "\"first\" crosses, and the tail needs another result of node \"first\", which gives it";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn elements_in_other_files_are_refused_by_name() {
    let mut model = tangled();
    let graph = model.graph.as_mut().unwrap();
    let outside = TensorProto { name: "w".to_owned(), ..graph.initializer[0].clone() };
    graph.initializer[0] = outside;
    graph.initializer[0].set_data_location(tandem_onnx::DataLocation::External);
    let error = extract(&model, &boundary(vec![crossing("a", &["a"])], &[])).unwrap_err();
    assert!(matches!(error, SplitError::ExternalData(name) if name == "w"));
}
