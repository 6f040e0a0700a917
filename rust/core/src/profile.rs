//! Time and bytes per node.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one node of the graph cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// The node's name. Nodes that the engine made or fused carry the name of one that they came from.
    pub name: String,
    /// The engine's name of the operator.
    pub operator: String,
    /// How long it ran.
    pub time: Duration,
    /// Bytes of its outputs.
    pub output_bytes: u64,
}

/// What one run of a model cost, node by node in the order in which they ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The nodes.
    pub nodes: Vec<NodeProfile>,
    /// The whole run, what lies between the nodes included.
    pub total: Duration,
    /// The most bytes of intermediate tensors that were alive at once; weights are not among them.
    pub peak_bytes: u64,
}
