//! Cuts that take the least time, by minimum cut as in DADS (Hu et al., "Dynamic adaptive DNN surgery for inference
//! acceleration on the edge", IEEE INFOCOM 2019).
//!
//! A node on the source's side runs on the device. Its edge to the sink costs its time there, the edge from the
//! source its time on the server. A value has a vertex of its own: the edge to it from its producer costs its
//! transfer, once, however many nodes take it on the server; from it to each of those no capacity ends. Edges
//! back from each consumer to the producer without end keep data from going back, and edges from the source
//! without end keep pinned nodes on the device.

use crate::cuts::flow::{ENDLESS, Network};
use crate::graph::Origin;
use crate::survey::Survey;

/// Nodes of a graph in which minimum cuts are looked for.
const MOST_NODES: usize = 2048;
/// Edges that may be looked at for one cut.
const BUDGET: u64 = 20_000_000;
/// Times that the server is faster than the device.
const SPEED_RATIOS: [u64; 3] = [2, 8, 64];
/// Multiply-adds that the device does in the time of one byte: from a slow device on a fast link (1 GMAC/s at
/// 200 Mbit/s) to a fast one on a slow link (50 GMAC/s at 0.5 Mbit/s), in steps of four.
const COMPUTE_PER_BYTE: [u64; 9] = [40, 160, 640, 2560, 10_240, 40_960, 163_840, 655_360, 2_621_440];

/// The heads of the cuts of least time over a grid of bandwidths and server speeds.
pub(super) fn heads(survey: &Survey<'_>, pinned: &[bool]) -> Vec<Vec<bool>> {
    if survey.graph.nodes.len() > MOST_NODES {
        return Vec::new();
    }
    let grid = SPEED_RATIOS.into_iter().flat_map(|ratio| COMPUTE_PER_BYTE.map(|compute| (ratio, compute)));
    let mut heads: Vec<Vec<bool>> = Vec::new();
    for (ratio, compute) in grid {
        if let Some(head) = head(survey, pinned, ratio, compute)
            && !heads.contains(&head)
        {
            heads.push(head);
        }
    }
    heads
}

fn head(survey: &Survey<'_>, pinned: &[bool], ratio: u64, compute_per_byte: u64) -> Option<Vec<bool>> {
    let graph = &survey.graph;
    let (nodes, values) = (graph.nodes.len(), graph.values.len());
    let (source, sink) = (nodes + values, nodes + values + 1);
    let mut network = Network::new(nodes + values + 2);
    // A device's multiply-add weighs `ratio`, a server's 1, so that all stay whole numbers.
    let transfer = |bytes: u64| bytes.saturating_mul(compute_per_byte).saturating_mul(ratio).min(ENDLESS / 4);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| !node.constant) {
        let cost = survey.multiply_adds[index];
        network.edge(index, sink, cost.saturating_mul(ratio).min(ENDLESS / 4));
        let replies = node.outputs.iter().filter(|&&output| graph.values[output].output);
        let reply: u64 = replies.map(|&output| survey.bytes(output)).sum();
        let stays = node.inputs.iter().chain(&node.outputs).any(|&value| pinned[value]);
        let away = if stays { ENDLESS } else { cost.saturating_add(transfer(reply)).min(ENDLESS / 4) };
        network.edge(source, index, away);
    }
    for (index, value) in graph.values.iter().enumerate().filter(|(_, value)| !value.constant) {
        let consumers: Vec<usize> =
            value.consumers.iter().copied().filter(|&node| !graph.nodes[node].constant).collect();
        if consumers.is_empty() {
            continue;
        }
        let producer = match value.origin {
            Origin::Node(node) => node,
            _ => source,
        };
        let may_cross = survey.facts[index].is_some() && !pinned[index];
        let cost = if may_cross { transfer(survey.bytes(index)) } else { ENDLESS };
        network.edge(producer, nodes + index, cost);
        for consumer in consumers {
            network.edge(nodes + index, consumer, ENDLESS);
            if producer != source {
                network.edge(consumer, producer, ENDLESS);
            }
        }
    }
    let mut side = network.source_side(source, sink, BUDGET)?;
    side.truncate(nodes);
    // Constant nodes have no edges; they count to the head, and are copied where the tail needs them.
    for (node, it) in side.iter_mut().zip(&graph.nodes) {
        *node |= it.constant;
    }
    Some(side)
}
