//! Constants whose elements lie in files beside the model.

use tandem_onnx::{GraphProto, TensorProto};

use crate::SplitError;
use crate::graph::bodies;

/// Refuses, by name, a graph with elements in other files, which a half would not find.
pub(crate) fn refuse(graph: &GraphProto) -> Result<(), SplitError> {
    let refuse = |tensor: &TensorProto| {
        if tensor.is_external() { Err(SplitError::ExternalData(tensor.name.clone())) } else { Ok(()) }
    };
    graph.initializer.iter().try_for_each(refuse)?;
    for sparse in &graph.sparse_initializer {
        sparse.values.iter().chain(&sparse.indices).try_for_each(refuse)?;
    }
    for node in &graph.node {
        for attribute in &node.attribute {
            attribute.t.as_deref().into_iter().chain(&attribute.tensors).try_for_each(refuse)?;
        }
        bodies(node).try_for_each(self::refuse)?;
    }
    Ok(())
}
