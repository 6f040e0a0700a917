//! Small models whose answers can be worked out by hand.

use tandem_onnx::{BuildError, DataType, GraphBuilder, ModelBuilder, ModelProto, dims};

use crate::random::Random;

/// `sum = a + b`, `difference = a - b`, `product = a · b`: two inputs, three outputs, f32 `[batch, 3]`.
pub fn add() -> Result<ModelProto, BuildError> {
    let mut graph = GraphBuilder::new("add");
    for input in ["a", "b"] {
        graph.input(input, DataType::Float32, dims!["batch", 3]);
    }
    for (operator, output) in [("Add", "sum"), ("Sub", "difference"), ("Mul", "product")] {
        graph.node(operator, ["a", "b"], [output]);
        graph.output(output, DataType::Float32, dims!["batch", 3]);
    }
    ModelBuilder::new(graph).build()
}

/// Inputs and outputs of several types and ranks:
/// `chosen = where(mask, x, f32(count))` of `[batch, 4]`, `total = sum(count)` of `[1]`, `none = not mask`.
pub fn mixed() -> Result<ModelProto, BuildError> {
    let mut graph = GraphBuilder::new("mixed");
    graph.input("x", DataType::Float32, dims!["batch", 4]).input("count", DataType::Int64, dims![4]).input(
        "mask",
        DataType::Bool,
        dims!["batch", 4],
    );
    graph.node("Cast", ["count"], ["count_f32"]).attr("to", i64::from(DataType::Float32.number()));
    graph.node("Where", ["mask", "x", "count_f32"], ["chosen"]);
    graph.node("ReduceSum", ["count"], ["total"]).attr("keepdims", 1_i64);
    graph.node("Not", ["mask"], ["none"]);
    graph
        .output("chosen", DataType::Float32, dims!["batch", 4])
        .output("total", DataType::Int64, dims![1])
        .output("none", DataType::Bool, dims!["batch", 4]);
    ModelBuilder::new(graph).build()
}

/// `probabilities = softmax(x · w + b)` with random w and b: f32 `[batch, 8]` to `[batch, 5]`.
pub fn classifier(seed: u64) -> Result<ModelProto, BuildError> {
    let mut random = Random::new(seed);
    let mut graph = GraphBuilder::new("classifier");
    graph.input("x", DataType::Float32, dims!["batch", 8]);
    graph.initializer("w", &[8, 5], &random.floats(40, 1.0));
    graph.initializer("b", &[5], &random.floats(5, 0.1));
    graph.node("Gemm", ["x", "w", "b"], ["logits"]);
    graph.node("Softmax", ["logits"], ["probabilities"]).attr("axis", 1_i64);
    graph.output("probabilities", DataType::Float32, dims!["batch", 5]);
    ModelBuilder::new(graph).build()
}
