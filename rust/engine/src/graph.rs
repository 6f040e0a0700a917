//! Walking ONNX graphs.

use std::collections::HashSet;

use tandem_onnx::{GraphProto, NodeProto, TensorProto};

/// The graphs in a node's attributes: the bodies of branches and loops.
pub(crate) fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}

/// The graphs in a node's attributes, to be changed.
pub(crate) fn bodies_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute
        .iter_mut()
        .flat_map(|attribute| attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs))
}

/// The tensors in a node's attributes, bodies not included.
pub(crate) fn tensors_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut TensorProto> {
    node.attribute
        .iter_mut()
        .flat_map(|attribute| attribute.t.as_deref_mut().into_iter().chain(&mut attribute.tensors))
}

/// Name by which errors speak of a node: its own, or its first output's.
pub(crate) fn label(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// The operator with its domain where it is not ONNX's own.
pub(crate) fn operator(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

/// The values that a node takes from its graph: its own inputs and those that its bodies reach for.
pub(crate) fn uses(node: &NodeProto) -> Vec<&str> {
    let mut uses: Vec<&str> = node.input.iter().filter(|name| !name.is_empty()).map(String::as_str).collect();
    for body in bodies(node) {
        uses.extend(captures(body));
    }
    uses
}

/// The values that a body takes from the graphs around it.
fn captures(body: &GraphProto) -> Vec<&str> {
    let own: HashSet<&str> = definitions(body).collect();
    let outputs = body.output.iter().map(|output| output.name.as_str());
    body.node.iter().flat_map(uses).chain(outputs).filter(|name| !own.contains(name)).collect()
}

/// The names that a graph gives: inputs, constants and results, in that order.
pub(crate) fn definitions(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let constants = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let sparse = graph.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref());
    let results = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    inputs
        .chain(constants)
        .chain(sparse.map(|values| values.name.as_str()))
        .chain(results.filter(|name| !name.is_empty()))
}

/// Adds the names that a graph and the bodies inside it give to `names`.
pub(crate) fn collect_definitions(graph: &GraphProto, names: &mut HashSet<String>) {
    names.extend(definitions(graph).map(str::to_owned));
    graph.node.iter().flat_map(bodies).for_each(|body| collect_definitions(body, names));
}

/// The nodes of `graph` and of all bodies inside it.
pub(crate) fn all_nodes(graph: &GraphProto) -> Vec<&NodeProto> {
    let mut nodes = Vec::new();
    for node in &graph.node {
        nodes.push(node);
        nodes.extend(bodies(node).flat_map(all_nodes));
    }
    nodes
}

/// Drops the nodes and constants that no output needs. The nodes are in order.
pub(crate) fn prune(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept: Vec<NodeProto> = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            needed.extend(uses(&node).into_iter().map(str::to_owned));
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|tensor| needed.contains(&tensor.name));
    graph
        .sparse_initializer
        .retain(|tensor| tensor.values.as_ref().is_some_and(|values| needed.contains(&values.name)));
}
