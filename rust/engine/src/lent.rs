//! Inputs whose memory stays the caller's.

use std::fmt;
use std::hash::Hasher;
use std::sync::OnceLock;

use bytemuck::Pod;
use tandem_core::{DType, Tensor};
use tract_core::internal::*;
use tract_core::prelude::Tensor as TractTensor;
use tract_core::tract_data::prelude::{Blob, PlainStorage, TensorStorage};

use crate::convert::datum_type;

/// A tensor of ours as the memory of one of tract's. Our operators read it where it is; for others it is copied when the first of
/// them reads it.
#[derive(Debug)]
pub(crate) struct Lent {
    tensor: Tensor,
    copy: OnceLock<PlainStorage>,
}

impl Lent {
    /// A value over the memory of `tensor`; `None` for other types than our operators read, and where the bytes are not aligned.
    pub(crate) fn value(tensor: &Tensor) -> Option<TValue> {
        let bytes = tensor.bytes().filter(|bytes| !bytes.is_empty())?;
        let fits = match tensor.dtype() {
            DType::F32 => bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok(),
            DType::U8 => true,
            _ => false,
        };
        let datum_type = datum_type(tensor.dtype()).ok().filter(|_| fits)?;
        let lent = Self { tensor: tensor.clone(), copy: OnceLock::new() };
        Some(TractTensor::from_storage(datum_type, tensor.shape(), lent).into_tvalue())
    }

    /// Of the copy where there is one: an operator that works in place has written there.
    fn bytes(&self) -> &[u8] {
        self.copy.get().map_or_else(|| self.tensor.bytes().unwrap_or_default(), PlainStorage::as_bytes)
    }
}

/// The elements of a value, where they are.
pub(crate) fn elements<T: Datum + Pod>(value: &TractTensor) -> TractResult<&[T]> {
    let (expected, got) = (T::datum_type(), value.datum_type());
    ensure!(expected == got, "elements of {got:?} where {expected:?} are expected");
    let bytes = match value.storage_as::<Lent>() {
        Some(lent) => lent.bytes(),
        None => value.as_plain_ram_storage().context("a tensor that is no plain memory")?.as_bytes(),
    };
    bytemuck::try_cast_slice(bytes).map_err(|error| anyhow!("elements of {got:?}: {error}"))
}

impl PartialEq for Lent {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Lent {}

impl fmt::Display for Lent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes of the caller's", self.bytes().len())
    }
}

impl TensorStorage for Lent {
    fn byte_len(&self) -> usize {
        self.bytes().len()
    }

    fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    fn deep_clone(&self) -> Box<dyn TensorStorage> {
        Box::new(Self { tensor: self.tensor.clone(), copy: self.copy.clone() })
    }

    // Asked whenever a tensor is dropped: it makes no copy.
    fn as_plain_ram(&self) -> Option<&PlainStorage> {
        self.copy.get()
    }

    fn as_plain_ram_mut(&mut self) -> Option<&mut PlainStorage> {
        self.materialize_plain_ram().ok()?;
        self.copy.get_mut()
    }

    fn into_plain_ram(self: Box<Self>) -> Option<PlainStorage> {
        self.materialize_plain_ram().ok()?;
        self.copy.into_inner()
    }

    fn dyn_hash(&self, state: &mut dyn Hasher) {
        state.write(self.bytes());
    }

    fn exotic_fact(&self, _shape: &[usize]) -> TractResult<Option<Box<dyn ExoticFact>>> {
        Ok(None)
    }

    fn is_exotic(&self) -> bool {
        false
    }

    fn materialize_plain_ram(&self) -> TractResult<&PlainStorage> {
        if let Some(copy) = self.copy.get() {
            return Ok(copy);
        }
        let blob = Blob::from_bytes(self.bytes())?;
        Ok(self.copy.get_or_init(|| PlainStorage::from(blob)))
    }
}
