//! The models of the table.

use std::path::PathBuf;

use bytes::Bytes;
use tandem_core::DType;
use tandem_onnx::{BuildError, DataType, GraphBuilder, ModelBuilder, dims};

use super::ConformanceError;
use super::build::served;
use crate::models::dtypes::data_type;

/// Every model of the table: its path under the table's folder, and its bytes.
pub fn models() -> Result<Vec<(PathBuf, Bytes)>, ConformanceError> {
    let mut models = vec![
        (served("arithmetic").into(), arithmetic()?),
        (served("classifier").into(), classifier()?),
        (served(super::splits::MODEL).into(), super::splits::model()?),
        (served("division").into(), division()?),
        ("models/unknown_operator.onnx".into(), unknown_operator()?),
        ("models/garbage.onnx".into(), Bytes::from_static(b"this is not a model")),
    ];
    for dtype in DType::ALL {
        models.push((served(&format!("identity_{dtype}")).into(), identity(dtype)?));
    }
    Ok(models)
}

/// `y = x`, two dimensions of any size.
fn identity(dtype: DType) -> Result<Bytes, BuildError> {
    let data_type = data_type(dtype);
    let mut graph = GraphBuilder::new(format!("identity_{dtype}"));
    graph.input("x", data_type, dims!["rows", "columns"]);
    graph.node("Identity", ["x"], ["y"]);
    graph.output("y", data_type, dims!["rows", "columns"]);
    file(graph)
}

/// `sum = a + b` and `product = a · b`, two dimensions of any size.
fn arithmetic() -> Result<Bytes, BuildError> {
    let mut graph = GraphBuilder::new("arithmetic");
    for input in ["a", "b"] {
        graph.input(input, DataType::Float32, dims!["rows", "columns"]);
    }
    graph.node("Add", ["a", "b"], ["sum"]);
    graph.node("Mul", ["a", "b"], ["product"]);
    for output in ["sum", "product"] {
        graph.output(output, DataType::Float32, dims!["rows", "columns"]);
    }
    file(graph)
}

/// `quotient = a ÷ b` in integers, one dimension of any size.
fn division() -> Result<Bytes, BuildError> {
    let mut graph = GraphBuilder::new("division");
    for input in ["a", "b"] {
        graph.input(input, DataType::Int64, dims!["size"]);
    }
    graph.node("Div", ["a", "b"], ["quotient"]).name("divide");
    graph.output("quotient", DataType::Int64, dims!["size"]);
    file(graph)
}

/// `y = softmax(x · w)` with the identity for w, over a batch of any size.
fn classifier() -> Result<Bytes, BuildError> {
    let mut graph = GraphBuilder::new("classifier");
    graph.input("x", DataType::Float32, dims!["batch", 2]);
    graph.initializer("w", &[2, 2], &[1.0_f32, 0.0, 0.0, 1.0]);
    graph.node("MatMul", ["x", "w"], ["logits"]);
    graph.node("Softmax", ["logits"], ["y"]).attr("axis", 1_i64);
    graph.output("y", DataType::Float32, dims!["batch", 2]);
    file(graph)
}

fn unknown_operator() -> Result<Bytes, BuildError> {
    let mut graph = GraphBuilder::new("unknown_operator");
    graph.input("x", DataType::Float32, dims![1]);
    graph.node("Frobnicate", ["x"], ["y"]);
    graph.output("y", DataType::Float32, dims![1]);
    file(graph)
}

pub(super) fn file(graph: GraphBuilder) -> Result<Bytes, BuildError> {
    Ok(ModelBuilder::new(graph).build()?.encode_bytes())
}
