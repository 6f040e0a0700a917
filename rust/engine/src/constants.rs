//! Constants of the graph as tract tensors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tandem_core::{DType, LoadError};
use tandem_onnx::{GraphProto, NodeProto, TensorProto};
use tract_core::prelude::{Tensor as TractTensor, TractResult, tensor1};

use crate::convert::{dtype, tract_from_bytes};

/// Constants by name.
pub(crate) type Weights = HashMap<String, Arc<TractTensor>>;

/// Turns `Constant` nodes that hold a tensor into initializers, so that one place knows every constant.
pub(crate) fn hoist_constants(graph: &mut GraphProto) {
    let (constants, nodes) = std::mem::take(&mut graph.node).into_iter().partition(holds_tensor);
    graph.node = nodes;
    for mut node in constants {
        let tensor = node.attribute.pop().and_then(|attribute| attribute.t);
        if let (Some(tensor), Some(name)) = (tensor, node.output.pop()) {
            graph.initializer.push(TensorProto { name, ..*tensor });
        }
    }
}

fn holds_tensor(node: &NodeProto) -> bool {
    node.op_type == "Constant"
        && matches!(node.domain.as_str(), "" | "ai.onnx")
        && matches!(node.attribute.as_slice(), [value] if value.name == "value" && value.t.is_some())
        && matches!(node.output.as_slice(), [name] if !name.is_empty())
}

/// Takes the constants out of `graph`.
pub(crate) fn take(graph: &mut GraphProto) -> Result<Weights, LoadError> {
    if let Some(sparse) = graph.sparse_initializer.first() {
        let node = sparse.values.as_ref().map_or(String::new(), |values| values.name.clone());
        let detail = "it is stored sparsely".to_owned();
        return Err(LoadError::UnsupportedOperator { operator: "initializer".to_owned(), node, detail });
    }
    std::mem::take(&mut graph.initializer)
        .into_iter()
        .map(|tensor| Ok((tensor.name.clone(), Arc::new(weight(&tensor)?))))
        .collect()
}

/// One constant as a tract tensor.
pub(crate) fn weight(tensor: &TensorProto) -> Result<TractTensor, LoadError> {
    let invalid = |error: tandem_onnx::TensorError| LoadError::Invalid { detail: error.to_string() };
    let element = tensor.element_type().map_err(invalid)?;
    let shape = tensor.shape().map_err(invalid)?;
    let Some(dtype) = dtype(element) else {
        let detail = format!("a tensor of {element}");
        let (operator, node) = ("initializer".to_owned(), tensor.name.clone());
        return Err(LoadError::UnsupportedOperator { operator, node, detail });
    };
    let built = if dtype == DType::String {
        strings(&tensor.to_strings().map_err(invalid)?, &shape)
    } else {
        let raw = tensor.to_raw().map_err(invalid)?;
        tract_from_bytes(dtype, &shape, &native(&raw, dtype))
    };
    built.map_err(|error| LoadError::Invalid { detail: format!("tensor {:?}: {error}", tensor.name) })
}

fn strings(values: &[&str], shape: &[usize]) -> TractResult<TractTensor> {
    let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    tensor1(&values).into_shape(shape)
}

/// Little-endian bytes in native order.
fn native(raw: &[u8], dtype: DType) -> Cow<'_, [u8]> {
    let size = dtype.size().unwrap_or(1);
    if cfg!(target_endian = "little") || size == 1 {
        return Cow::Borrowed(raw);
    }
    let mut swapped = raw.to_vec();
    swapped.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    Cow::Owned(swapped)
}
