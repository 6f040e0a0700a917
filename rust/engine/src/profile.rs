//! Time and bytes of every node of one run.

use std::collections::HashMap;
use std::time::Instant;

use tandem_core::{NodeProfile, Profile};
use tract_core::internal::*;

use crate::run::value_bytes;

/// Sees the nodes of one run as they end.
pub(crate) struct Recorder {
    started: Instant,
    nodes: Vec<NodeProfile>,
    /// How many nodes have yet to read each result; a result of the model is read once more, at the end.
    readers: HashMap<usize, usize>,
    alive: HashMap<usize, u64>,
    peak: u64,
}

impl Recorder {
    /// For a run of `plan`.
    pub(crate) fn new(model: &TypedModel, plan: &TypedSimplePlan) -> Self {
        let mut readers: HashMap<usize, usize> = HashMap::new();
        for &id in plan.order_without_consts() {
            for input in &model.node(id).inputs {
                *readers.entry(input.node).or_default() += 1;
            }
        }
        for output in &model.outputs {
            *readers.entry(output.node).or_default() += 1;
        }
        Self { started: Instant::now(), nodes: Vec::new(), readers, alive: HashMap::new(), peak: 0 }
    }

    /// Records a node that has just ended.
    pub(crate) fn node_ended(&mut self, node: &TypedNode, outputs: &[TValue], start: Instant) {
        let time = start.elapsed();
        let output_bytes = outputs.iter().map(|output| value_bytes(output)).sum();
        self.nodes.push(NodeProfile {
            name: node.name.clone(),
            operator: node.op.name().into_owned(),
            time,
            output_bytes,
        });
        self.alive.insert(node.id, output_bytes);
        self.peak = self.peak.max(self.alive.values().sum());
        let inputs = node.inputs.iter().map(|input| input.node);
        for id in inputs.chain((!self.readers.contains_key(&node.id)).then_some(node.id)) {
            let left = self.readers.get_mut(&id).map_or(0, |left| {
                *left -= 1;
                *left
            });
            if left == 0 {
                self.alive.remove(&id);
            }
        }
    }

    /// What was recorded; the run is over.
    pub(crate) fn finish(self) -> Profile {
        Profile { nodes: self.nodes, total: self.started.elapsed(), peak_bytes: self.peak }
    }
}
