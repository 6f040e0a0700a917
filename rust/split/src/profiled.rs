//! What the heads of cuts took in a profiled run of the whole model.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tandem_core::Profile;
use tandem_onnx::ModelProto;

use crate::boundary::Boundary;
use crate::extract::{computed, needed};
use crate::graph::{Graph, Node, Origin};

/// Of the time of a profile, the part whose nodes must be found in the file.
const LEAST_KNOWN: f64 = 0.8;

/// How much of a profiled run the head of each of `boundaries` took, from 0 to 1, by the names of nodes; `None` where the
/// names of profile and `model` have too little in common, or where the boundary is not of this model.
///
/// A node of the engine belongs to the node of the file whose name it carries, alone or with a point and more behind it.
/// A node of the file that the engine does not name was computed with the one in front of it that it does name, as an
/// activation is with its convolution. Where a cut runs through what was computed together, the time is shared out by the
/// constants that its nodes store, which in such a group is about their compute.
pub fn head_shares(model: &ModelProto, profile: &Profile, boundaries: &[&Boundary]) -> Vec<Option<f64>> {
    let none = || vec![None; boundaries.len()];
    let Ok(graph) = Graph::new(model) else { return none() };
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        by_name.entry(node.label()).or_insert(index);
    }
    let mut times = vec![Duration::ZERO; graph.nodes.len()];
    let (mut known, mut all) = (Duration::ZERO, Duration::ZERO);
    for node in &profile.nodes {
        all += node.time;
        if let Some(owner) = owner(&node.name, &by_name) {
            times[owner] += node.time;
            known += node.time;
        }
    }
    if known.is_zero() || known.as_secs_f64() < LEAST_KNOWN * all.as_secs_f64() {
        return none();
    }
    let times = shared_out(&graph, &times);
    let total: f64 = times.iter().sum();
    boundaries.iter().map(|boundary| Some(head_time(&graph, boundary, &times)? / total)).collect()
}

/// The node of the file that a node of the engine came from.
fn owner(name: &str, by_name: &HashMap<&str, usize>) -> Option<usize> {
    let mut names = std::iter::successors(Some(name), |name| name.rsplit_once('.').map(|(start, _)| start));
    names.find_map(|name| by_name.get(name).copied())
}

/// Seconds of each node of the file: what the engine took for a group of them is shared out among these.
fn shared_out(graph: &Graph<'_>, times: &[Duration]) -> Vec<f64> {
    // The nodes stand in topological order: whatever is in front has its leader already.
    let mut leaders: Vec<Option<usize>> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let before = || {
            let producers = node.inputs.iter().filter_map(|&input| match graph.values[input].origin {
                Origin::Node(producer) => leaders[producer],
                _ => None,
            });
            producers.max()
        };
        let leader = if !times[index].is_zero() {
            Some(index)
        } else if node.constant {
            None
        } else {
            before()
        };
        leaders.push(leader);
    }
    let stored = graph.proto.initializer.iter().map(|tensor| (tensor.name.as_str(), elements(&tensor.dims)));
    let stored: HashMap<&str, f64> = stored.collect();
    // What a node counts among those that were computed with it.
    let weight = |node: &Node<'_>| {
        let constants = node.inputs.iter().filter_map(|&input| stored.get(graph.values[input].name));
        1.0 + constants.sum::<f64>()
    };
    let weights: Vec<f64> = graph.nodes.iter().map(weight).collect();
    let mut sums = vec![0.0; graph.nodes.len()];
    for (index, leader) in leaders.iter().enumerate() {
        if let Some(leader) = *leader {
            sums[leader] += weights[index];
        }
    }
    let part = |(index, leader): (usize, &Option<usize>)| {
        leader.map_or(0.0, |leader| times[leader].as_secs_f64() * weights[index] / sums[leader])
    };
    leaders.iter().enumerate().map(part).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
fn elements(sizes: &[i64]) -> f64 {
    sizes.iter().fold(1.0, |product, &size| product * size.max(0) as f64)
}

/// Seconds of the nodes that the head of `boundary` computes.
fn head_time(graph: &Graph<'_>, boundary: &Boundary, times: &[f64]) -> Option<f64> {
    let results = computed(graph, boundary)?;
    Some(needed(graph, &results, &HashSet::new()).into_iter().map(|node| times[node]).sum())
}
