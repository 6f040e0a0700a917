//! Which operators, and which forms of them, give right answers.

use tandem_core::LoadError;
use tandem_onnx::{GraphProto, NodeProto};

use crate::graph::{all_nodes, label, operator};

/// Refuses, by name, every node that tract does not know or gets wrong.
pub(crate) fn check(graph: &GraphProto) -> Result<(), LoadError> {
    let mut register = tract_onnx::onnx().op_register;
    crate::operators::register(&mut register);
    for node in all_nodes(graph) {
        if !register.0.contains_key(&node.op_type) {
            return Err(refuse(node, "the engine does not have it"));
        }
    }
    Ok(())
}

fn refuse(node: &NodeProto, detail: &str) -> LoadError {
    LoadError::UnsupportedOperator {
        operator: operator(node),
        node: label(node).to_owned(),
        detail: detail.to_owned(),
    }
}
