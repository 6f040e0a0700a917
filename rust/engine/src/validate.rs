//! Whether a graph makes sense: every name defined once and before it is used.

use std::collections::{HashMap, HashSet};

use tandem_core::LoadError;
use tandem_onnx::{GraphProto, NodeProto};

use crate::graph::{bodies_mut, definitions, label, operator, uses};

/// Checks the names of `graph` and its bodies, and brings the nodes into an order in which each stands after
/// those whose results it takes.
pub(crate) fn check_and_sort(graph: &mut GraphProto) -> Result<(), LoadError> {
    check_and_sort_within(graph, &HashSet::new())
}

fn check_and_sort_within(graph: &mut GraphProto, outer: &HashSet<String>) -> Result<(), LoadError> {
    check_definitions(graph)?;
    let mut known = outer.clone();
    known.extend(definitions(graph).map(str::to_owned));
    for node in &graph.node {
        if node.op_type.is_empty() {
            return Err(invalid(format!("node {:?} has no operator", label(node))));
        }
        if let Some(open) = node.attribute.iter().find(|attribute| !attribute.ref_attr_name.is_empty()) {
            let (node, name, wanted) = (label(node), &open.name, &open.ref_attr_name);
            return Err(invalid(format!(
                "attribute {name:?} of node {node:?} refers to {wanted:?}, and stands in no function"
            )));
        }
        if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !known.contains(*name)) {
            let (operator, node) = (operator(node), label(node));
            return Err(invalid(format!(
                "operator {operator} of node {node:?} takes {missing:?}, which nothing gives"
            )));
        }
    }
    for (index, output) in graph.output.iter().enumerate() {
        let name = &output.name;
        if !known.contains(name) {
            return Err(invalid(format!("nothing gives the output {name:?}")));
        }
        if graph.output[..index].iter().any(|other| other.name == *name) && outer.is_empty() {
            return Err(invalid(format!("the output {name:?} is listed twice")));
        }
    }
    for node in &mut graph.node {
        bodies_mut(node).try_for_each(|body| check_and_sort_within(body, &known))?;
    }
    sort(graph)
}

/// Every name is given once. An initializer that shares its name with an input is the input's default.
fn check_definitions(graph: &GraphProto) -> Result<(), LoadError> {
    let twice = |name: &str| Err(invalid(format!("{name:?} is defined twice")));
    let mut inputs = HashSet::new();
    for input in &graph.input {
        if input.name.is_empty() {
            return Err(invalid("an input has no name".to_owned()));
        }
        if !inputs.insert(input.name.as_str()) {
            return twice(&input.name);
        }
    }
    let mut given = HashSet::new();
    let sparse = graph.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref());
    for constant in graph.initializer.iter().chain(sparse) {
        if !given.insert(constant.name.as_str()) {
            return twice(&constant.name);
        }
    }
    for name in graph.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty()) {
        if inputs.contains(name.as_str()) || !given.insert(name) {
            return twice(name);
        }
    }
    Ok(())
}

/// Kahn's algorithm; nodes that are in order already stay where they are.
fn sort(graph: &mut GraphProto) -> Result<(), LoadError> {
    let mut producers: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        producers.extend(node.output.iter().map(|name| (name.as_str(), index)));
    }
    let mut missing = vec![0_usize; graph.node.len()];
    let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    let mut sorted = true;
    for (index, node) in graph.node.iter().enumerate() {
        for producer in uses(node).into_iter().filter_map(|name| producers.get(name).copied()) {
            missing[index] += 1;
            consumers[producer].push(index);
            sorted &= producer < index;
        }
    }
    if sorted {
        return Ok(());
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..missing.len()).filter(|&index| missing[index] == 0).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &consumer in &consumers[index] {
            missing[consumer] -= 1;
            if missing[consumer] == 0 {
                ready.insert(consumer);
            }
        }
    }
    if let Some(index) = missing.iter().position(|&missing| missing > 0) {
        let node = label(&graph.node[index]);
        return Err(invalid(format!("node {node:?} depends on its own result")));
    }
    let mut nodes: Vec<Option<NodeProto>> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    graph.node = order.into_iter().filter_map(|index| nodes[index].take()).collect();
    Ok(())
}

fn invalid(detail: String) -> LoadError {
    LoadError::Invalid { detail }
}
