//! Models written in code.

use tandem_onnx::{AttributeType, BuildError, DataType, Dim, GraphBuilder, ModelBuilder, TensorError, dims};

fn body(result: &str) -> GraphBuilder {
    let mut graph = GraphBuilder::new("body");
    graph.node("Neg", ["x"], [result]);
    graph.output(result, DataType::Float32, dims!["n"]);
    graph
}

#[test]
fn a_model_holds_what_it_was_given() {
    let mut graph = GraphBuilder::new("g");
    graph.input("x", DataType::Float32, dims!["n", 3]);
    graph.initializer("slope", &[1], &[0.5_f32]);
    graph
        .node("PRelu", ["x", "slope"], ["y"])
        .name("first")
        .attr("axis", -1_i64)
        .attr("mode", "fast")
        .attr("pads", [0, 1])
        .attr("alpha", 0.5_f32);
    graph.output("y", DataType::Float32, dims!["n", 3]);
    let model = ModelBuilder::new(graph)
        .opset(13)
        .opset_of("com.example", 2)
        .ir_version(7)
        .metadata("author", "me")
        .build()
        .unwrap();

    assert_eq!(model.opset("ai.onnx"), Some(13));
    assert_eq!(model.opset("com.example"), Some(2));
    assert_eq!(model.ir_version, 7);
    assert_eq!(model.metadata("author"), Some("me"));
    let graph = model.graph.unwrap();
    let shape = graph.input[0].tensor_type().unwrap().shape.as_ref().unwrap();
    assert_eq!(shape.dims(), [Dim::from("n"), Dim::from(3)]);
    let node = &graph.node[0];
    assert_eq!(node.name, "first");
    assert_eq!(node.attribute("mode").unwrap().text(), Some("fast"));
    assert_eq!(node.attribute("pads").unwrap().ints, [0, 1]);
    assert_eq!(node.attribute("alpha").unwrap().r#type(), AttributeType::Float);
    assert!(node.attribute("beta").is_none());
}

#[test]
fn a_branch_may_take_values_of_the_graph_around_it() {
    let mut graph = GraphBuilder::new("g");
    graph.input("x", DataType::Float32, dims!["n"]).input("c", DataType::Bool, dims![]);
    graph
        .node("If", ["c"], ["y"])
        .attr("then_branch", body("t").build().unwrap())
        .attr("else_branch", body("e").build().unwrap());
    graph.output("y", DataType::Float32, dims!["n"]);
    assert!(ModelBuilder::new(graph).build().is_ok());
}

#[test]
fn an_input_with_a_default_need_not_be_given() {
    let mut graph = GraphBuilder::new("g");
    graph.input("x", DataType::Float32, dims![1]).input("bias", DataType::Float32, dims![1]).initializer(
        "bias",
        &[1],
        &[1.0_f32],
    );
    graph.node("Add", ["x", "bias"], ["y"]);
    graph.output("y", DataType::Float32, dims![1]);
    let graph = ModelBuilder::new(graph).build().unwrap().graph.unwrap();
    let required: Vec<_> = graph.required_inputs().map(|input| &input.name).collect();
    assert_eq!(required, ["x"]);
    assert!(graph.initializer("bias").is_some());
}

#[test]
fn a_value_that_nothing_gives_is_refused() {
    let mut graph = GraphBuilder::new("g");
    graph.node("Neg", ["x"], ["y"]);
    assert_eq!(
        ModelBuilder::new(graph).build().unwrap_err().to_string(),
        "`Neg` takes the value `x`, which nothing before it gives"
    );

    let mut graph = GraphBuilder::new("g");
    graph.output("y", DataType::Float32, dims![1]);
    assert!(matches!(
        ModelBuilder::new(graph).build(),
        Err(BuildError::Undefined { user, .. }) if user == "output"
    ));
}

#[test]
fn a_name_given_twice_is_refused() {
    let mut graph = body("x2");
    graph.node("Neg", ["x"], ["x2"]);
    assert_eq!(graph.build(), Err(BuildError::DefinedTwice("x2".to_owned())));
}

#[test]
fn the_first_mistake_is_told() {
    let mut graph = GraphBuilder::new("g");
    graph.initializer("w", &[3], &[1.0_f32]);
    graph.input("x", DataType::Float32, dims![-1]);
    assert!(matches!(graph.build(), Err(BuildError::Tensor(TensorError::WrongLength { .. }))));

    let mut graph = GraphBuilder::new("g");
    graph.input("x", DataType::Float32, dims![-1]);
    assert!(matches!(graph.build(), Err(BuildError::NegativeDimension { size: -1, .. })));
}
