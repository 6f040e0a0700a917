//! Rows of several requests as one, and back.

pub(crate) mod probe;

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tandem_core::{InputError, NamedTensors, Tensor, TensorError, TensorStorage};
use tandem_wire::BodyStorage;

/// The first size of all the tensors, where they share one above 0.
pub(crate) fn rows(tensors: &NamedTensors) -> Option<usize> {
    let mut sizes = tensors.iter().map(|(_, tensor)| tensor.shape().first().copied());
    let first = sizes.next()??;
    (first > 0 && sizes.all(|size| size == Some(first))).then_some(first)
}

/// Whether rows of both can stand under each other: the same names, types and sizes but the first.
pub(crate) fn fit_together(one: &NamedTensors, other: &NamedTensors) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, tensor)| {
            other.get(name).is_some_and(|other| {
                tensor.dtype() == other.dtype() && tensor.shape().get(1..) == other.shape().get(1..)
            })
        })
}

/// The rows of all under each other. All must [fit together](fit_together) and none may be missing.
pub(crate) fn concatenate(parts: &[&NamedTensors]) -> Result<NamedTensors, ConcatenateError> {
    let mut whole = NamedTensors::default();
    for (name, first) in parts.first().into_iter().flat_map(|first| first.iter()) {
        let tensors: Vec<&Tensor> = parts.iter().filter_map(|part| part.get(name)).collect();
        let rows: usize = tensors.iter().filter_map(|tensor| tensor.shape().first()).sum();
        let mut shape = first.shape().to_vec();
        if let Some(size) = shape.first_mut() {
            *size = rows;
        }
        let tensor = if first.strings().is_some() {
            let strings = tensors.iter().filter_map(|tensor| tensor.strings()).flatten().cloned();
            Tensor::from_strings(shape, strings.collect())?
        } else {
            let mut bytes = BytesMut::with_capacity(tensors.iter().map(|tensor| tensor.byte_len()).sum());
            for tensor in &tensors {
                bytes.extend_from_slice(tensor.bytes().unwrap_or_default());
            }
            Tensor::from_storage(first.dtype(), shape, Arc::new(BodyStorage::new(Bytes::from(bytes))))?
        };
        whole.push(name, tensor)?;
    }
    Ok(whole)
}

/// Rows could not be put together. The caller has compared them, so this does not happen with sound tensors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConcatenateError {
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error(transparent)]
    Name(#[from] InputError),
}

/// The part of each request, by its number of rows; `None` where a tensor has another number of rows in all.
pub(crate) fn split(whole: &NamedTensors, rows: &[usize]) -> Option<Vec<NamedTensors>> {
    let total: usize = rows.iter().sum();
    if whole.iter().any(|(_, tensor)| tensor.shape().first() != Some(&total)) {
        return None;
    }
    let mut start = 0;
    rows.iter()
        .map(|&count| {
            let range = start..start + count;
            start = range.end;
            let parts = whole.iter().map(|(name, tensor)| Some((name, cut(tensor, &range)?)));
            NamedTensors::new(parts.collect::<Option<Vec<_>>>()?).ok()
        })
        .collect()
}

/// Some rows of a tensor; shares its memory.
fn cut(tensor: &Tensor, rows: &Range<usize>) -> Option<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let per_row: usize = shape.get(1..)?.iter().product();
    *shape.first_mut()? = rows.len();
    let elements = rows.start * per_row..rows.end * per_row;
    if let Some(strings) = tensor.strings() {
        return Tensor::from_strings(shape, strings.get(elements)?.to_vec()).ok();
    }
    let size = tensor.dtype().size()?;
    let bytes = elements.start * size..elements.end * size;
    let storage = tensor.storage()?.clone();
    storage.bytes().get(bytes.clone())?;
    Tensor::from_storage(tensor.dtype(), shape, Arc::new(Rows { storage, bytes })).ok()
}

/// Some rows of somebody's memory.
struct Rows {
    storage: Arc<dyn TensorStorage>,
    bytes: Range<usize>,
}

impl TensorStorage for Rows {
    fn bytes(&self) -> &[u8] {
        &self.storage.bytes()[self.bytes.clone()]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests;
