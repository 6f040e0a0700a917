//! Tensors as bytes: little-endian, row-major, unpadded, each string after its length.

use std::any::Any;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tandem_core::{DType, Tensor, TensorStorage};

use crate::{EncodeError, TensorProblem};

/// Memory of a tensor that is a slice of a received body. Keeps the whole body alive.
#[derive(Clone, Debug)]
pub struct BodyStorage(Bytes);

impl BodyStorage {
    /// Takes the slice.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl TensorStorage for BodyStorage {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The memory of a tensor of this process, as a body's chunk.
struct Owner(Arc<dyn TensorStorage>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// The bytes of a tensor that is sent.
pub(crate) enum TensorBytes<'a> {
    /// Its own memory.
    Storage(&'a Arc<dyn TensorStorage>),
    /// Strings, framed.
    Owned(Bytes),
}

impl TensorBytes<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Storage(storage) => storage.bytes().len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }
}

/// The bytes of `tensor`: its own memory, or for strings their framed copy.
pub(crate) fn encode<'a>(name: &str, tensor: &'a Tensor) -> Result<TensorBytes<'a>, EncodeError> {
    if let Some(storage) = tensor.storage() {
        return Ok(TensorBytes::Storage(storage));
    }
    let strings = tensor.strings().unwrap_or_default();
    let mut bytes = BytesMut::with_capacity(tensor.byte_len() + 4 * strings.len());
    for (index, string) in strings.iter().enumerate() {
        let length = u32::try_from(string.len()).map_err(|_| EncodeError::StringTooLong {
            name: name.to_owned(),
            index,
            got: string.len(),
        })?;
        bytes.put_u32_le(length);
        bytes.put_slice(string.as_bytes());
    }
    Ok(TensorBytes::Owned(bytes.freeze()))
}

/// The memory as a body's chunk, without a copy.
pub(crate) fn piece(storage: &Arc<dyn TensorStorage>) -> Bytes {
    match storage.as_any().downcast_ref::<BodyStorage>() {
        Some(BodyStorage(bytes)) => bytes.clone(),
        None => Bytes::from_owner(Owner(storage.clone())),
    }
}

/// The tensor whose bytes are exactly `bytes`.
pub(crate) fn decode(dtype: DType, shape: Vec<usize>, bytes: Bytes) -> Result<Tensor, TensorProblem> {
    if dtype == DType::String {
        return Ok(Tensor::from_strings(shape, split_strings(&bytes)?)?);
    }
    Ok(Tensor::from_storage(dtype, shape, Arc::new(BodyStorage(bytes)))?)
}

fn split_strings(mut rest: &[u8]) -> Result<Vec<String>, TensorProblem> {
    let mut strings = Vec::new();
    while !rest.is_empty() {
        let index = strings.len();
        let (string, after) = rest
            .split_first_chunk::<4>()
            .and_then(|(length, after)| {
                after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
            })
            .ok_or(TensorProblem::StringPastEnd { index })?;
        strings.push(str::from_utf8(string).map_err(|_| TensorProblem::NotUtf8 { index })?.to_owned());
        rest = after;
    }
    Ok(strings)
}
