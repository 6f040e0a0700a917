//! The nodes that count, in topological order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use tandem_onnx::{GraphProto, NodeProto};

use super::uses::{label, uses};
use crate::SplitError;

/// The nodes that an output needs, each after those whose results it takes. Kahn's algorithm, so that nodes that are
/// in order already stay where they are.
pub(super) fn live_nodes(graph: &GraphProto) -> Result<Vec<&NodeProto>, SplitError> {
    let mut producers: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if producers.insert(name, index).is_some() {
                return Err(SplitError::DefinedTwice(name.clone()));
            }
        }
    }
    let takes: Vec<Vec<usize>> = graph
        .node
        .iter()
        .map(|node| uses(node).into_iter().filter_map(|name| producers.get(name).copied()).collect())
        .collect();
    let wanted = graph.output.iter().filter_map(|output| producers.get(output.name.as_str()).copied());
    let live = reached(wanted.collect(), &takes);

    let mut missing = vec![0_usize; graph.node.len()];
    let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, producers) in takes.iter().enumerate().filter(|(index, _)| live[*index]) {
        missing[index] = producers.len();
        for &producer in producers {
            consumers[producer].push(index);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..missing.len()).filter(|&index| live[index] && missing[index] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(&graph.node[index]);
        for &consumer in &consumers[index] {
            missing[consumer] -= 1;
            if missing[consumer] == 0 {
                ready.push(Reverse(consumer));
            }
        }
    }
    match (0..missing.len()).find(|&index| live[index] && missing[index] > 0) {
        Some(index) => Err(SplitError::Cyclic(label(&graph.node[index]).to_owned())),
        None => Ok(order),
    }
}

/// All nodes that `wanted` are computed from, they among them.
fn reached(wanted: Vec<usize>, takes: &[Vec<usize>]) -> Vec<bool> {
    let mut reached = vec![false; takes.len()];
    let mut open = wanted;
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut reached[node], true) {
            open.extend(&takes[node]);
        }
    }
    reached
}
