use tandem_core::{DType, Dimension, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};

use super::*;

fn model(build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    build(&mut graph);
    ModelBuilder::new(graph).build().unwrap()
}

fn find(model: &ModelProto, options: &CutOptions) -> Cuts {
    Cuts::find(model, "digest", &OnnxEngine::new(), &[], options).unwrap()
}

/// The crossing tensors of each cut, by compute of the head.
fn crossing(cuts: &Cuts) -> Vec<String> {
    let names = |cut: &Cut| cut.boundary.crossing_names().collect::<Vec<_>>().join(" ");
    cuts.cuts.iter().map(names).collect()
}

/// `x -> a -> (b, c) -> d -> e`, with an early output behind `a`.
fn diamond() -> ModelProto {
    model(|graph| {
        graph.input("x", DataType::Float32, dims!["n", 4]);
        graph.initializer("w", &[4, 4], &[0.5_f32; 16]);
        graph.node("MatMul", ["x", "w"], ["a"]);
        graph.node("Neg", ["a"], ["early"]);
        graph.node("MatMul", ["a", "w"], ["b"]);
        graph.node("ReduceSum", ["a"], ["c"]).attr("keepdims", 1_i64);
        graph.node("Add", ["b", "c"], ["d"]);
        graph.node("MatMul", ["d", "w"], ["e"]);
        graph.output("early", DataType::Float32, dims!["n", 4]).output("e", DataType::Float32, dims!["n", 4]);
    })
}

#[test]
fn all_single_tensors_and_the_best_of_each_region_are_found() {
    let cuts = find(&diamond(), &CutOptions::default());
    let crossing = crossing(&cuts);
    for expected in ["x", "a", "d", "b c"] {
        assert!(crossing.iter().any(|names| names == expected), "{expected:?} in {crossing:?}");
    }
    let at = |names: &str| &cuts.cuts[crossing.iter().position(|it| it == names).unwrap()];
    assert_eq!(at("x").kind, CutKind::Inputs);
    assert_eq!(at("d").boundary.head_outputs, ["early"]);
    assert_eq!(at("d").boundary.crossing[0].shape, [Dimension::Symbol("n".into()), Dimension::Fixed(4)]);
    assert_eq!(at("d").boundary.crossing[0].depends_on, ["x"]);
    // With n = 2: two products of 2 × 4 × 4, and eight elements each of Neg, ReduceSum and Add.
    assert_eq!(at("d").multiply_adds, MultiplyAdds { head: 2 * 32 + 3 * 8, tail: 32 });
    assert_eq!((at("d").bytes, at("d").reply_bytes), (32, 32));
    assert_eq!(cuts.sizes, [("n".to_owned(), 2)].into());
    assert_eq!(cuts.places.len(), 6);
}

#[test]
fn nothing_that_must_stay_crosses() {
    let model = model(|graph| {
        for input in ["open", "secret"] {
            graph.input(input, DataType::Float32, dims![4]);
        }
        graph.node("Exp", ["open"], ["a"]);
        graph.node("Exp", ["secret"], ["b"]);
        graph.node("Neg", ["a"], ["c"]);
        graph.node("Mul", ["b", "b"], ["y"]);
        graph.output("c", DataType::Float32, dims![4]).output("y", DataType::Float32, dims![4]);
    });
    let options = CutOptions { keep_on_device: vec!["secret".into()], ..CutOptions::default() };
    let cuts = find(&model, &options);
    assert!(!cuts.cuts.is_empty());
    for cut in &cuts.cuts {
        for tensor in &cut.boundary.crossing {
            assert_eq!(tensor.depends_on, ["open"], "{tensor:?}");
        }
    }
    // A tensor inside the graph is computed in the head, and neither it nor what follows from it crosses.
    let options = CutOptions { keep_on_device: vec!["b".into()], ..CutOptions::default() };
    let cuts = find(&model, &options);
    assert!(!cuts.cuts.is_empty());
    for cut in &cuts.cuts {
        assert_eq!(cut.boundary.head_outputs, ["y"], "{cut:?}");
        assert!(cut.boundary.crossing_names().all(|name| ["open", "a"].contains(&name)), "{cut:?}");
    }
    let unknown = CutOptions { keep_on_device: vec!["nothing".into()], ..CutOptions::default() };
    let error = Cuts::find(&model, "", &OnnxEngine::new(), &[], &unknown).unwrap_err();
    assert!(matches!(error, SplitError::UnknownTensor(name) if name == "nothing"));
}

#[test]
fn a_dimension_that_is_no_symbol_is_refused_by_name() {
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims!["n", 3]).output("y", DataType::Float32, dims!["n", 3]);
        graph.initializer("flat", &[1], &[-1_i64]).initializer("rows", &[2], &[-1_i64, 3]);
        graph.node("Exp", ["x"], ["h"]);
        graph.node("Reshape", ["h", "flat"], ["line"]);
        graph.node("Neg", ["line"], ["negated"]);
        graph.node("Reshape", ["negated", "rows"], ["y"]);
    });
    let cuts = find(&model, &CutOptions::default());
    assert_eq!(crossing(&cuts), ["x", "h"]);
    let told: Vec<String> = cuts.refused.iter().map(ToString::to_string).collect();
    let expected =
        "dimension 0 of \"line\" is neither fixed nor a symbol of the inputs: 6 became 9 with n = 3 for 2";
    assert!(told.iter().any(|told| told == expected), "{told:?}");
}

#[test]
fn samples_decide_what_made_up_inputs_cannot() {
    // An index that made-up inputs, of 0 and 1, would reach.
    let model = model(|graph| {
        graph.input("ids", DataType::Int64, dims!["n"]).output("y", DataType::Float32, dims!["n", 2]);
        graph.initializer("table", &[1, 2], &[1.0_f32, 2.0]);
        graph.node("Gather", ["table", "ids"], ["rows"]);
        graph.node("Neg", ["rows"], ["y"]);
    });
    let engine = OnnxEngine::new();
    let ids = NamedTensors::new([("ids", Tensor::from_vec([3], vec![0_i64; 3]).unwrap())]).unwrap();
    let cuts = Cuts::find(&model, "", &engine, &[ids], &CutOptions::default()).unwrap();
    assert_eq!(crossing(&cuts), ["ids", "rows"]);
    assert_eq!(cuts.sizes, [("n".to_owned(), 3)].into());
    assert_eq!(cuts.cuts[0].boundary.crossing[0].dtype, DType::I64);
}

#[test]
fn a_minimum_cut_is_found_that_no_order_of_the_nodes_shows() {
    // In the file's order, whatever is in front of `small` holds `wide` too, which grows what crosses.
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![64, 64]).input("y", DataType::Float32, dims![2]);
        graph.initializer("w", &[64, 64], &[0.5_f32; 4096]).initializer("size", &[2], &[4096_i64, 2]);
        graph.node("Expand", ["y", "size"], ["wide"]);
        graph.node("MatMul", ["x", "w"], ["product"]);
        graph.node("ReduceSum", ["product"], ["small"]).attr("keepdims", 0_i64);
        graph.node("Add", ["wide", "small"], ["sum"]);
        graph.node("Softmax", ["sum"], ["soft"]);
        graph.node("ReduceMax", ["soft"], ["z"]).attr("keepdims", 0_i64);
        graph.output("z", DataType::Float32, dims![]);
    });
    let cuts = find(&model, &CutOptions::default());
    let cut = cuts.cuts.iter().find(|cut| cut.boundary.crossing_names().eq(["y", "small"])).unwrap();
    assert_eq!((cut.kind, cut.bytes), (CutKind::MinCut, 12));
    let every = find(&model, &CutOptions { every: true, ..CutOptions::default() });
    let swept = every.cuts.iter().filter(|cut| cut.kind != CutKind::MinCut);
    assert!(swept.into_iter().all(|cut| !cut.boundary.crossing_names().eq(["y", "small"])));
}

#[test]
fn graphs_of_a_hundred_thousand_nodes_are_bounded() {
    let mut graph = GraphBuilder::new("deep");
    graph.input("v0", DataType::Float32, dims![1]);
    let skip = 7;
    for step in 1..=100_000_usize {
        let (last, before) = (format!("v{}", step - 1), format!("v{}", step.saturating_sub(skip)));
        graph.node("Add", [last, before], [format!("v{step}")]);
    }
    graph.output("v100000", DataType::Float32, dims![1]);
    let model = ModelBuilder::new(graph).build().unwrap();
    let graph = Graph::new(&model).unwrap();
    // Every value is taken seven steps later: none but the first separates.
    assert_eq!(dominators::single_values(&graph).len(), 1);
    let thin = thinned((0..100_000).collect(), 256);
    assert!(thin.len() <= 256 && thin.len() > 128, "{}", thin.len());
}

#[test]
fn ids_follow_from_model_and_boundary() {
    let boundary = find(&diamond(), &CutOptions::default()).cuts[1].boundary.clone();
    assert_eq!(cut_id("a", &boundary), cut_id("a", &boundary));
    assert_ne!(cut_id("a", &boundary), cut_id("b", &boundary));
    let mut other = boundary.clone();
    other.head_outputs.push("y".into());
    assert_ne!(cut_id("a", &boundary), cut_id("a", &other));
}
