//! The memory of the results of our operators.

use std::sync::{Mutex, PoisonError};

use tract_core::internal::*;

/// More tensors than the largest network has alive at once in a few runs.
const KEPT: usize = 64;

/// Tensors that are used again once nothing else holds them, so that a run takes no memory that the last did not.
///
/// One for all operators of a plan: a result that is read out serves the next operator of the same size.
#[derive(Debug, Default)]
pub(super) struct Storage {
    tensors: Mutex<Vec<Arc<Tensor>>>,
}

impl Storage {
    /// A tensor of any values.
    pub(super) fn take(&self, datum_type: DatumType, shape: &[usize]) -> TractResult<Tensor> {
        let volume: usize = shape.iter().product();
        let mut tensors = self.tensors.lock().unwrap_or_else(PoisonError::into_inner);
        // From the end: what was used last is likely still in a cache.
        let free = |tensor: &Arc<Tensor>| {
            tensor.len() == volume && tensor.datum_type() == datum_type && Arc::strong_count(tensor) == 1
        };
        let found = tensors.iter().rposition(free).map(|index| tensors.remove(index));
        drop(tensors);
        match found.map(Arc::try_unwrap) {
            Some(Ok(tensor)) => tensor.into_shape(shape),
            _ => Tensor::zero_aligned_dt(datum_type, shape, 64),
        }
    }

    /// Remembers a result for when it is free, and gives it as a value.
    pub(super) fn lend(&self, tensor: Tensor) -> TValue {
        let tensor = Arc::new(tensor);
        let mut tensors = self.tensors.lock().unwrap_or_else(PoisonError::into_inner);
        if tensors.len() >= KEPT {
            tensors.remove(0);
        }
        tensors.push(tensor.clone());
        TValue::from_const(tensor)
    }
}
