//! Constants of the graph as tract has them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tandem_core::{DType, LoadError};
use tandem_onnx::{GraphProto, NodeProto, TensorError, TensorProto};
use tract_core::prelude::{Tensor as TractTensor, TractResult, tensor1};

use crate::convert::{dtype, tract_from_bytes};
use crate::integers::IntegerConstant;
use crate::weight::{Elements, Readers, Weight};

/// A constant that is no longer in protobuf.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    Tensor(Arc<TractTensor>),
    Weight(Weight),
}

/// Constants by name.
pub(crate) type Constants = HashMap<String, Constant>;

/// Turns `Constant` nodes that hold a tensor into initializers, so that one place knows every constant.
pub(crate) fn hoist(graph: &mut GraphProto) {
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

/// Takes the constants out of `graph`: as weights those that have such `readers`, in `integers` or not, the others as tensors.
pub(crate) fn take(
    graph: &mut GraphProto,
    readers: &Readers,
    mut integers: HashMap<String, Arc<IntegerConstant>>,
) -> Result<Constants, LoadError> {
    if let Some(sparse) = graph.sparse_initializer.first() {
        let node = sparse.values.as_ref().map_or(String::new(), |values| values.name.clone());
        let detail = "it is stored sparsely".to_owned();
        return Err(LoadError::UnsupportedOperator { operator: "initializer".to_owned(), node, detail });
    }
    let mut constants = Constants::new();
    for tensor in std::mem::take(&mut graph.initializer) {
        let weight = match integers.remove(&tensor.name) {
            Some(integers) => {
                let shape = tensor.shape().map_err(invalid)?;
                Some(Weight::new(shape, Elements::Integers(integers)))
            }
            None => readers.weight(&tensor),
        };
        let constant = match weight {
            Some(weight) => Constant::Weight(weight),
            None => Constant::Tensor(Arc::new(to_tract(&tensor)?)),
        };
        constants.insert(tensor.name, constant);
    }
    Ok(constants)
}

/// One constant as a tract tensor.
pub(crate) fn to_tract(tensor: &TensorProto) -> Result<TractTensor, LoadError> {
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

/// A tensor of the file that is none.
#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(crate) fn invalid(error: TensorError) -> LoadError {
    LoadError::Invalid { detail: error.to_string() }
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
