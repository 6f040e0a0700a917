//! A model that takes as long as a test needs.

use tandem_onnx::{BuildError, DataType, GraphBuilder, ModelBuilder, ModelProto, dims};

use crate::random::Random;

/// `length` products with one matrix, each a node of its own: f32 `[width, width]` in and out.
///
/// The work is `2 · length · width³` operations, the file `4 · width²` bytes and about 40 for each node.
/// The signal keeps its strength however long the chain is.
pub fn matmul_chain(length: usize, width: usize) -> Result<ModelProto, BuildError> {
    let mut graph = GraphBuilder::new("matmul_chain");
    graph.input("x", DataType::Float32, dims![width, width]);
    graph.initializer("turn", &[width, width], &rotation(width));
    for step in 0..length {
        let input = if step == 0 { "x".to_owned() } else { format!("step{step}") };
        graph.node("MatMul", [input.as_str(), "turn"], [format!("step{}", step + 1)]);
    }
    let last = if length == 0 { "x".to_owned() } else { format!("step{length}") };
    graph.node("Identity", [last], ["y"]);
    graph.output("y", DataType::Float32, dims![width, width]);
    ModelBuilder::new(graph).build()
}

/// A reflection `1 - 2 v vᵀ / vᵀv`, which changes no length: every entry differs from nought.
fn rotation(width: usize) -> Vec<f32> {
    let mut random = Random::new(0x5107);
    let axis: Vec<f32> = (0..width).map(|_| 1.0 + random.float(0.5)).collect();
    let square: f32 = axis.iter().map(|value| value * value).sum();
    let mut matrix = Vec::with_capacity(width * width);
    for (row, a) in axis.iter().enumerate() {
        for (column, b) in axis.iter().enumerate() {
            let identity = if row == column { 1.0 } else { 0.0 };
            matrix.push(identity - 2.0 * a * b / square);
        }
    }
    matrix
}
