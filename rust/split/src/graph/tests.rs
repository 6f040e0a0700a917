use tandem_onnx::{DataType, GraphBuilder, GraphProto, ModelBuilder, ModelProto, dims};

use super::*;

fn model(build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    build(&mut graph);
    ModelBuilder::new(graph).build().unwrap()
}

fn branch(operator: &str, captured: &str, output: &str) -> GraphProto {
    let mut body = GraphBuilder::new("branch");
    body.node(operator, [captured], [output]);
    body.output(output, DataType::Float32, dims![3]);
    body.build().unwrap()
}

/// `y = if flag { -h } else { |x| }` with `h = exp x`.
fn with_branches() -> ModelProto {
    model(|graph| {
        graph.input("x", DataType::Float32, dims![3]).input("flag", DataType::Bool, dims![]);
        graph.node("Exp", ["x"], ["h"]);
        graph
            .node("If", ["flag"], ["y"])
            .attr("then_branch", branch("Neg", "h", "negated"))
            .attr("else_branch", branch("Abs", "x", "absolute"));
        graph.output("y", DataType::Float32, dims![3]);
    })
}

#[test]
fn what_a_body_reaches_for_is_an_input_of_its_node() {
    let model = with_branches();
    let graph = Graph::new(&model).unwrap();
    let taken: Vec<_> = graph.nodes[1].inputs.iter().map(|&input| graph.values[input].name).collect();
    assert_eq!(taken, ["flag", "h", "x"]);
    assert_eq!(graph.depends_on(graph.value("y").unwrap()), ["x", "flag"]);
    assert_eq!(graph.depends_on(graph.value("h").unwrap()), ["x"]);
}

#[test]
fn what_is_computed_from_constants_alone_is_constant_unless_it_is_random() {
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![2]).initializer("w", &[2], &[1.0_f32, 2.0]);
        graph.node("Exp", ["w"], ["scaled"]);
        graph.node("RandomNormal", [""; 0], ["noise"]).attr("shape", [2_i64]);
        graph.node("Add", ["scaled", "noise"], ["shift"]);
        graph.node("Add", ["x", "shift"], ["y"]);
        graph.output("y", DataType::Float32, dims![2]);
    });
    let graph = Graph::new(&model).unwrap();
    let constant = |name: &str| graph.values[graph.value(name).unwrap()].constant;
    assert_eq!(["w", "scaled", "noise", "shift", "y"].map(constant), [true, true, false, false, false]);
}

#[test]
fn nodes_that_no_output_needs_are_left_out() {
    let model = model(|graph| {
        graph.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        graph.node("Exp", ["x"], ["unused"]);
        graph.node("Neg", ["x"], ["y"]);
    });
    let graph = Graph::new(&model).unwrap();
    assert_eq!(graph.nodes.len(), 1);
    assert_eq!(graph.value("unused"), None);
}

#[test]
fn nodes_out_of_order_are_sorted_and_cycles_refused() {
    let mut model = model(|graph| {
        graph.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        graph.node("Exp", ["x"], ["h"]);
        graph.node("Neg", ["h"], ["y"]);
    });
    model.graph.as_mut().unwrap().node.reverse();
    let sorted: Vec<String> =
        Graph::new(&model).unwrap().nodes.iter().map(|node| node.proto.op_type.clone()).collect();
    assert_eq!(sorted, ["Exp", "Neg"]);
    model.graph.as_mut().unwrap().node[1].input[0] = "y".to_owned();
    assert!(matches!(Graph::new(&model), Err(SplitError::Cyclic(_))));
    model.graph.as_mut().unwrap().node[1].input[0] = "nowhere".to_owned();
    let error = Graph::new(&model).unwrap_err();
    assert_eq!(error.to_string(), "\"h\" takes the value \"nowhere\", which nothing gives");
}

#[test]
fn dependants_are_what_is_computed_from_an_input() {
    let model = with_branches();
    let graph = Graph::new(&model).unwrap();
    let reached = graph.dependants(&[graph.value("flag").unwrap()]);
    let names: Vec<_> =
        graph.values.iter().zip(reached).filter(|(_, it)| *it).map(|(value, _)| value.name).collect();
    assert_eq!(names, ["flag", "y"]);
}
