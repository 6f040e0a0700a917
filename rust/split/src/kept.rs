//! What a split run keeps to the device.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::boundary::Boundary;
use crate::extract::{computed, needed};
use crate::graph::Graph;

/// The tensors, by name, that stay on the device in a split run at `boundary`: nothing that crosses is computed from them,
/// and the tail does not compute them. `None` where the boundary is not of this graph.
///
/// Constants are not among them: they are in the file, which servers have.
pub fn kept<'m>(graph: &Graph<'m>, boundary: &Boundary) -> Option<Vec<&'m str>> {
    let results = computed(graph, boundary)?;
    let crossing = &results[..boundary.crossing.len()];
    let by_tail: Vec<usize> =
        graph.outputs.iter().copied().filter(|output| !results.contains(output)).collect();
    let before = needed(graph, crossing, &HashSet::new());
    let behind = needed(graph, &by_tail, &crossing.iter().copied().collect());
    let mut leaves = vec![false; graph.values.len()];
    crossing.iter().chain(&by_tail).for_each(|&value| leaves[value] = true);
    for node in before.into_iter().chain(behind).map(|node| &graph.nodes[node]) {
        node.inputs.iter().chain(&node.outputs).for_each(|&value| leaves[value] = true);
    }
    let values = graph.values.iter().zip(leaves).filter(|(value, leaves)| !leaves && !value.constant);
    Some(values.map(|(value, _)| value.name).collect())
}
