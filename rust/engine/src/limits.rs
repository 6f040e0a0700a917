//! What a model may hold: counted before anything of it is built.

use tandem_core::{Limits, LoadError};
use tandem_onnx::{GraphProto, ModelProto, NodeProto, TensorProto};

use crate::graph::bodies;

/// Checks the counts and sizes of a decoded model.
pub(crate) fn check(model: &ModelProto, graph: &GraphProto, limits: &Limits) -> Result<(), LoadError> {
    at_most("inputs", graph.input.len() as u64, limits.inputs)?;
    let functions: u64 = model.functions.iter().map(|function| count_nodes(&function.node)).sum();
    at_most("nodes", count_nodes(&graph.node) + functions, limits.nodes)?;
    check_tensors(graph, limits)?;
    model.functions.iter().flat_map(|function| &function.node).try_for_each(|node| check_node(node, limits))
}

/// Checks one count or size.
pub(crate) fn at_most(what: &'static str, got: u64, limit: u64) -> Result<(), LoadError> {
    if got <= limit { Ok(()) } else { Err(LoadError::ResourceLimit { what, got, limit }) }
}

/// The nodes and those of the bodies in them.
pub(crate) fn count_nodes(nodes: &[NodeProto]) -> u64 {
    let inner: u64 = nodes.iter().flat_map(bodies).map(|body| count_nodes(&body.node)).sum();
    nodes.len() as u64 + inner
}

fn check_tensors(graph: &GraphProto, limits: &Limits) -> Result<(), LoadError> {
    graph.initializer.iter().try_for_each(|tensor| check_tensor(tensor, limits))?;
    for sparse in &graph.sparse_initializer {
        let dense = TensorProto { dims: sparse.dims.clone(), ..sparse.values.clone().unwrap_or_default() };
        check_tensor(&dense, limits)?;
    }
    graph.node.iter().try_for_each(|node| check_node(node, limits))
}

fn check_node(node: &NodeProto, limits: &Limits) -> Result<(), LoadError> {
    for attribute in &node.attribute {
        let tensors = attribute.t.as_deref().into_iter().chain(&attribute.tensors);
        tensors.into_iter().try_for_each(|tensor| check_tensor(tensor, limits))?;
    }
    bodies(node).try_for_each(|body| check_tensors(body, limits))
}

/// The bytes of the elements; strings count a byte each.
fn check_tensor(tensor: &TensorProto, limits: &Limits) -> Result<(), LoadError> {
    let bytes = match tensor.element_type().map(tandem_onnx::DataType::bits) {
        Ok(Some(_)) => tensor.byte_len(),
        _ => tensor.elements(),
    };
    let bytes = bytes.map_err(|error| LoadError::Invalid { detail: error.to_string() })?;
    at_most("tensor bytes", bytes as u64, limits.tensor_bytes)
}
