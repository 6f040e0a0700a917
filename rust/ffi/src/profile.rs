//! Time and bytes per node.

use crate::prediction::nanos;

/// What one node of the graph cost.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NodeProfile {
    /// The node's name.
    pub name: String,
    /// The engine's name of the operator.
    pub operator: String,
    /// How long it ran.
    pub time_ns: u64,
    /// Bytes of its outputs.
    pub output_bytes: u64,
}

/// What one run of a model cost, node by node in the order in which they ran.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Profile {
    /// The nodes.
    pub nodes: Vec<NodeProfile>,
    /// The whole run, what lies between the nodes included.
    pub total_ns: u64,
    /// The most bytes of intermediate tensors that were alive at once; weights are not among them.
    pub peak_bytes: u64,
}

impl From<tandem::Profile> for Profile {
    fn from(profile: tandem::Profile) -> Self {
        let node = |node: tandem::NodeProfile| NodeProfile {
            name: node.name,
            operator: node.operator,
            time_ns: nanos(node.time),
            output_bytes: node.output_bytes,
        };
        Self {
            nodes: profile.nodes.into_iter().map(node).collect(),
            total_ns: nanos(profile.total),
            peak_bytes: profile.peak_bytes,
        }
    }
}
