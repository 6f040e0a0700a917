use tandem_core::{DType, Dimension};
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, ModelProto, dims};

use super::*;
use crate::CrossingTensor;

/// `y = -(relu(x · w))` and `own = -(exp(z))`, in which `both` joins them for a third output.
fn model() -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    graph.input("x", DataType::Float32, dims![3]).input("z", DataType::Float32, dims![3]);
    graph.initializer("w", &[3], &[1.0_f32, 2.0, 3.0]);
    graph.node("Mul", ["x", "w"], ["product"]);
    graph.node("Relu", ["product"], ["middle"]);
    graph.node("Exp", ["middle"], ["spread"]);
    graph.node("Neg", ["spread"], ["y"]);
    graph.node("Exp", ["z"], ["inner"]);
    graph.node("Neg", ["inner"], ["own"]);
    graph.node("Add", ["middle", "inner"], ["both"]);
    for output in ["y", "own", "both"] {
        graph.output(output, DataType::Float32, dims![3]);
    }
    ModelBuilder::new(graph).build().unwrap()
}

fn kept_at(crossing: &[&str], head_outputs: &[&str]) -> Option<Vec<String>> {
    let model = model();
    let tensor = |&name: &&str| CrossingTensor {
        name: name.to_owned(),
        dtype: DType::F32,
        shape: vec![Dimension::Fixed(3)],
        depends_on: vec![],
    };
    let boundary = Boundary {
        crossing: crossing.iter().map(tensor).collect(),
        head_outputs: head_outputs.iter().map(|&name| name.to_owned()).collect(),
    };
    let graph = Graph::new(&model).unwrap();
    let mut names: Vec<String> = kept(&graph, &boundary)?.into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    Some(names)
}

#[test]
fn what_neither_crosses_nor_leads_there_nor_is_computed_behind_it_stays() {
    assert_eq!(kept_at(&["middle"], &["own", "both"]).unwrap(), ["both", "inner", "own", "z"]);
    // The tail computes what joins the two: the second input has to cross, in whatever form.
    assert_eq!(kept_at(&["middle", "inner"], &["own"]).unwrap(), ["own"]);
    assert_eq!(kept_at(&["x", "z"], &[]).unwrap(), Vec::<String>::new());
    assert_eq!(kept_at(&["spread"], &["own", "both"]).unwrap(), ["both", "inner", "own", "z"]);
}

#[test]
fn a_boundary_of_another_model_keeps_nothing() {
    assert_eq!(kept_at(&["nowhere"], &[]), None);
}
