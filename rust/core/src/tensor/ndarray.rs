//! From and to `ndarray`.

use ndarray::{ArrayBase, ArrayD, CowArray, Data, Dimension, IxDyn};

use super::Tensor;
use crate::{Element, TensorError};

impl Tensor {
    /// A tensor that copies an `ndarray` array or view of any layout.
    ///
    /// ```
    /// use ndarray::array;
    /// use tandem_core::Tensor;
    ///
    /// let tensor = Tensor::from_array(&array![[1_i64, 2], [3, 4]].t())?;
    /// assert_eq!(tensor.to_vec::<i64>()?, [1, 3, 2, 4]);
    /// # Ok::<(), tandem_core::TensorError>(())
    /// ```
    pub fn from_array<T, S, D>(array: &ArrayBase<S, D>) -> Result<Self, TensorError>
    where
        T: Element,
        S: Data<Elem = T>,
        D: Dimension,
    {
        let values = match array.as_slice() {
            Some(values) => values.to_vec(),
            None => array.iter().copied().collect(),
        };
        Self::from_vec(array.shape(), values)
    }

    /// The elements as an `ndarray` array: a view where the memory is aligned for `T`, a copy otherwise.
    pub fn to_array<T: Element>(&self) -> Result<CowArray<'_, T, IxDyn>, TensorError> {
        let mismatch = |_| TensorError::TooLarge { shape: self.shape.clone() };
        Ok(match self.values::<T>()? {
            std::borrow::Cow::Borrowed(values) => {
                ndarray::ArrayViewD::from_shape(self.shape(), values).map_err(mismatch)?.into()
            }
            std::borrow::Cow::Owned(values) => {
                ArrayD::from_shape_vec(self.shape(), values).map_err(mismatch)?.into()
            }
        })
    }
}
