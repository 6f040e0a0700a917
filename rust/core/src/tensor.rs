//! A tensor: element type, shape and bytes in native order.

mod ndarray;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{DType, Element, TensorError};

/// Memory that holds the elements of a [`Tensor`].
///
/// An engine implements it for its own tensors, so that results leave it, and come back as inputs,
/// without a copy: it finds its own kind again through [`TensorStorage::as_any`].
pub trait TensorStorage: Any + Send + Sync {
    /// The elements, row-major, in native byte order, without padding. Must not change.
    fn bytes(&self) -> &[u8];
    /// The storage itself, to be downcast by whoever made it.
    fn as_any(&self) -> &dyn Any;
}

struct Elements<T>(Vec<T>);

impl<T: Element> TensorStorage for Elements<T> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Clone)]
enum Storage {
    Bytes(Arc<dyn TensorStorage>),
    Strings(Arc<[String]>),
}

/// An immutable n-dimensional array: element type, shape, and bytes in native order.
///
/// Cloning shares the memory. A tensor may be sent to and read from any thread. A shape of `[]` is a
/// scalar (one element); a dimension of 0 makes the tensor empty.
///
/// ```
/// use tandem_core::{DType, Tensor};
///
/// let tensor = Tensor::from_vec([2, 3], vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(tensor.dtype(), DType::F32);
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.to_vec::<f32>()?[5], 6.0);
/// # Ok::<(), tandem_core::TensorError>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    storage: Storage,
}

impl Tensor {
    /// A tensor that takes over `values`, row-major.
    pub fn from_vec<T: Element>(shape: impl Into<Vec<usize>>, values: Vec<T>) -> Result<Self, TensorError> {
        let shape = shape.into();
        check_count(&shape, values.len())?;
        let storage = Storage::Bytes(Arc::new(Elements(values)));
        Ok(Self { dtype: T::DTYPE, shape, storage })
    }

    /// A tensor that copies `bytes`: row-major elements in native byte order, of any alignment.
    ///
    /// The one copy that a foreign buffer needs. Fails where the length is not the size of the shape,
    /// where a byte of a [`DType::Bool`] tensor is neither 0 nor 1, and for [`DType::String`].
    pub fn from_bytes(dtype: DType, shape: impl Into<Vec<usize>>, bytes: &[u8]) -> Result<Self, TensorError> {
        fn collect<T: Element>(bytes: &[u8]) -> Arc<dyn TensorStorage> {
            Arc::new(Elements::<T>(bytemuck::pod_collect_to_vec(bytes)))
        }
        let shape = shape.into();
        check_bytes(dtype, &shape, bytes)?;
        let storage = match dtype {
            DType::U16 | DType::I16 | DType::F16 => collect::<u16>(bytes),
            DType::U32 | DType::I32 | DType::F32 => collect::<u32>(bytes),
            DType::U64 | DType::I64 | DType::F64 => collect::<u64>(bytes),
            DType::Bool | DType::U8 | DType::I8 | DType::String => collect::<u8>(bytes),
        };
        Ok(Self { dtype, shape, storage: Storage::Bytes(storage) })
    }

    /// A tensor over memory that somebody else owns, without a copy.
    ///
    /// The same checks as [`Tensor::from_bytes`]. The memory may have any alignment.
    pub fn from_storage(
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        storage: Arc<dyn TensorStorage>,
    ) -> Result<Self, TensorError> {
        let shape = shape.into();
        check_bytes(dtype, &shape, storage.bytes())?;
        Ok(Self { dtype, shape, storage: Storage::Bytes(storage) })
    }

    /// A [`DType::Bool`] tensor.
    pub fn from_bools(shape: impl Into<Vec<usize>>, values: &[bool]) -> Result<Self, TensorError> {
        let bytes = values.iter().map(|&value| u8::from(value)).collect();
        Ok(Self { dtype: DType::Bool, ..Self::from_vec::<u8>(shape, bytes)? })
    }

    /// A [`DType::String`] tensor.
    pub fn from_strings(shape: impl Into<Vec<usize>>, values: Vec<String>) -> Result<Self, TensorError> {
        let shape = shape.into();
        check_count(&shape, values.len())?;
        Ok(Self { dtype: DType::String, shape, storage: Storage::Strings(values.into()) })
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The size of every dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many elements there are: the product of the shape.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes that the elements take; for strings, the bytes of their text.
    pub fn byte_len(&self) -> usize {
        match &self.storage {
            Storage::Bytes(storage) => storage.bytes().len(),
            Storage::Strings(strings) => strings.iter().map(String::len).sum(),
        }
    }

    /// The elements, row-major in native byte order, or `None` for [`DType::String`].
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.storage {
            Storage::Bytes(storage) => Some(storage.bytes()),
            Storage::Strings(_) => None,
        }
    }

    /// The elements of a [`DType::String`] tensor, or `None` for every other type.
    pub fn strings(&self) -> Option<&[String]> {
        match &self.storage {
            Storage::Bytes(_) => None,
            Storage::Strings(strings) => Some(strings),
        }
    }

    /// The memory behind the tensor, or `None` for [`DType::String`].
    pub fn storage(&self) -> Option<&Arc<dyn TensorStorage>> {
        match &self.storage {
            Storage::Bytes(storage) => Some(storage),
            Storage::Strings(_) => None,
        }
    }

    /// The elements as `T`: borrowed, or copied where the memory is not aligned for `T`.
    ///
    /// Fails where `T` does not stand for [`Tensor::dtype`].
    pub fn values<T: Element>(&self) -> Result<Cow<'_, [T]>, TensorError> {
        let bytes = match &self.storage {
            Storage::Bytes(storage) if self.dtype == T::DTYPE => storage.bytes(),
            _ => {
                return Err(TensorError::DTypeMismatch { expected: T::DTYPE, got: self.dtype });
            }
        };
        Ok(match bytemuck::try_cast_slice(bytes) {
            Ok(values) => Cow::Borrowed(values),
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
        })
    }

    /// A copy of the elements as `T`. Fails where `T` does not stand for [`Tensor::dtype`].
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, TensorError> {
        self.values().map(Cow::into_owned)
    }

    /// A copy of the elements of a [`DType::Bool`] tensor.
    pub fn to_bools(&self) -> Result<Vec<bool>, TensorError> {
        match self.bytes() {
            Some(bytes) if self.dtype == DType::Bool => Ok(bytes.iter().map(|&byte| byte != 0).collect()),
            _ => Err(TensorError::DTypeMismatch { expected: DType::Bool, got: self.dtype }),
        }
    }

    /// The same elements under another shape of the same size. Shares the memory.
    pub fn reshape(&self, shape: impl Into<Vec<usize>>) -> Result<Self, TensorError> {
        let shape = shape.into();
        check_count(&shape, self.element_count())?;
        Ok(Self { dtype: self.dtype, shape, storage: self.storage.clone() })
    }
}

impl PartialEq for Tensor {
    /// Same type, shape and bytes. A NaN equals the same bits of NaN, and 0.0 does not equal -0.0.
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype
            && self.shape == other.shape
            && self.bytes() == other.bytes()
            && self.strings() == other.strings()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {:?})", self.dtype, self.shape)
    }
}

/// The number of elements of `shape`, or an error where it does not fit the address space.
fn count(shape: &[usize]) -> Result<usize, TensorError> {
    // A zero anywhere makes the tensor empty, but the other sizes must still be believable.
    let nonzero = shape.iter().filter(|&&size| size != 0);
    let product = nonzero.copied().try_fold(1_usize, usize::checked_mul);
    match product.filter(|&count| isize::try_from(count).is_ok()) {
        None => Err(TensorError::TooLarge { shape: shape.to_vec() }),
        Some(_) if shape.contains(&0) => Ok(0),
        Some(count) => Ok(count),
    }
}

fn check_count(shape: &[usize], got: usize) -> Result<(), TensorError> {
    let expected = count(shape)?;
    if expected == got {
        Ok(())
    } else {
        Err(TensorError::CountMismatch { shape: shape.to_vec(), expected, got })
    }
}

fn check_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<(), TensorError> {
    let Some(size) = dtype.size() else {
        return Err(TensorError::NotBytes);
    };
    let expected =
        count(shape)?.checked_mul(size).ok_or_else(|| TensorError::TooLarge { shape: shape.to_vec() })?;
    if expected != bytes.len() {
        return Err(TensorError::LengthMismatch { dtype, shape: shape.to_vec(), expected, got: bytes.len() });
    }
    if dtype == DType::Bool
        && let Some(index) = bytes.iter().position(|&byte| byte > 1)
    {
        return Err(TensorError::NotBool { index, got: bytes[index] });
    }
    Ok(())
}
