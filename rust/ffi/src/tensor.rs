//! Tensors in, and tensors kept on this side.

use std::sync::Arc;

use tandem::NamedTensors;

use crate::dtype::{sizes, wide};
use crate::{DType, TandemFailure};

/// Element type and shape.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TensorSpec {
    /// The element type.
    pub dtype: DType,
    /// The size of every dimension; empty for a scalar.
    pub shape: Vec<u64>,
}

/// One input among those whose elements lie one behind the other in one buffer.
#[derive(Clone, Debug, uniffi::Record)]
pub struct DenseInput {
    /// The input's name.
    pub name: String,
    /// The element type; not strings, which have no fixed size.
    pub dtype: DType,
    /// The size of every dimension; empty for a scalar.
    pub shape: Vec<u64>,
}

/// A tensor under the name of an input.
#[derive(Clone, uniffi::Record)]
pub struct NamedTensor {
    /// The input's name.
    pub name: String,
    /// The tensor.
    pub tensor: Arc<Tensor>,
}

/// What a tensor is and where its elements lie.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TensorView {
    /// The element type.
    pub dtype: DType,
    /// The size of every dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// Where the elements lie, row-major in native byte order, of any alignment. Good for as long as the object that
    /// gave it is held. Not to be read where `byte_len` is 0, as it is for strings.
    pub address: u64,
    /// Bytes that the elements take.
    pub byte_len: u64,
}

impl TensorView {
    pub(crate) fn of(tensor: &tandem::Tensor) -> Result<Self, TandemFailure> {
        let bytes = tensor.bytes().unwrap_or_default();
        Ok(Self {
            dtype: tensor.dtype().try_into()?,
            shape: tensor.shape().iter().map(|&size| wide(size)).collect(),
            address: wide(bytes.as_ptr().expose_provenance()),
            byte_len: wide(bytes.len()),
        })
    }
}

/// A tensor that stays on this side. Never changes, so its address may be read until the handle is let go.
#[derive(Debug, uniffi::Object)]
pub struct Tensor {
    pub(crate) inner: tandem::Tensor,
}

#[uniffi::export]
impl Tensor {
    /// A tensor that copies `data`: row-major elements in native byte order.
    #[uniffi::constructor]
    pub fn from_bytes(spec: TensorSpec, data: &[u8]) -> Result<Self, TandemFailure> {
        let inner = tandem::Tensor::from_bytes(spec.dtype.into(), sizes(spec.shape)?, data)?;
        Ok(Self { inner })
    }

    /// A tensor of strings.
    #[uniffi::constructor]
    pub fn from_strings(shape: Vec<u64>, values: Vec<String>) -> Result<Self, TandemFailure> {
        Ok(Self { inner: tandem::Tensor::from_strings(sizes(shape)?, values)? })
    }

    /// What the tensor is and where its elements lie.
    pub fn view(&self) -> Result<TensorView, TandemFailure> {
        TensorView::of(&self.inner)
    }

    /// The elements of a tensor of strings.
    pub fn strings(&self) -> Result<Vec<String>, TandemFailure> {
        strings(&self.inner)
    }
}

pub(crate) fn strings(tensor: &tandem::Tensor) -> Result<Vec<String>, TandemFailure> {
    let expected = tandem::DType::String;
    let error = || tandem::TensorError::DTypeMismatch { expected, got: tensor.dtype() };
    Ok(tensor.strings().ok_or_else(error)?.to_vec())
}

pub(crate) fn named(inputs: Vec<NamedTensor>) -> Result<NamedTensors, TandemFailure> {
    let tensors = inputs.into_iter().map(|input| (input.name, input.tensor.inner.clone()));
    Ok(NamedTensors::new(tensors)?)
}

/// The tensors whose elements lie one behind the other in `data`, made by the engine: the one copy of a prediction.
pub(crate) fn dense(
    runtime: &tandem::Runtime,
    inputs: Vec<DenseInput>,
    mut data: &[u8],
) -> Result<NamedTensors, TandemFailure> {
    let mut named = NamedTensors::default();
    for input in inputs {
        let (dtype, shape) = (tandem::DType::from(input.dtype), sizes(input.shape)?);
        let expected = dtype
            .size()
            .and_then(|size| shape.iter().try_fold(size, |bytes, &size| bytes.checked_mul(size)))
            .unwrap_or(usize::MAX);
        // Too short a rest goes on to the engine, which says what is wrong with it.
        let (elements, rest) = data.split_at(expected.min(data.len()));
        named.push(input.name, runtime.tensor(dtype, &shape, elements)?)?;
        data = rest;
    }
    if data.is_empty() {
        Ok(named)
    } else {
        Err(TandemFailure::invalid_argument(format!("{} bytes are left behind the last input", data.len())))
    }
}
