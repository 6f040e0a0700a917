//! Raw elements: little-endian, row-major, in the type that the model declares.

use tandem::{Tensor, TensorError, TensorInfo};

use super::shape::{Resolved, ShapeHints};
use crate::npy::{ByteOrder, to_native};

/// Raw bytes make no tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RawError {
    /// More than one size of the shape is not known.
    #[error("input {input:?} is declared as {declared}: give its shape with --shape {input}=SIZE,SIZE..")]
    OpenShape {
        /// The input.
        input: String,
        /// Its declared shape.
        declared: String,
    },
    /// The bytes are not a multiple of what one step along the open dimension takes.
    #[error("{got} bytes are not a multiple of the {step} that one step along the open dimension takes")]
    Uneven {
        /// How many came.
        got: usize,
        /// How many one step takes.
        step: usize,
    },
    /// The bytes do not fit the shape.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// The tensor of `input` from its elements.
pub(super) fn read(bytes: Vec<u8>, input: &TensorInfo, hints: &ShapeHints) -> Result<Tensor, RawError> {
    let size = input.dtype.size().ok_or(TensorError::NotBytes)?;
    let shape = match hints.resolve(input) {
        Resolved::Known(shape) => shape,
        Resolved::OneOpen { mut sizes, open } => {
            let step = sizes.iter().try_fold(size, |step, &size| step.checked_mul(size));
            let step = step.ok_or_else(|| TensorError::TooLarge { shape: sizes.clone() })?;
            if step == 0 || !bytes.len().is_multiple_of(step) {
                return Err(RawError::Uneven { got: bytes.len(), step });
            }
            sizes[open] = bytes.len() / step;
            sizes
        }
        Resolved::Open => {
            return Err(RawError::OpenShape { input: input.name.clone(), declared: input.shape_text() });
        }
    };
    let native = to_native(bytes, size, ByteOrder::Little);
    Ok(Tensor::from_bytes(input.dtype, shape, &native)?)
}

#[cfg(test)]
mod tests {
    use tandem::{DType, Dimension};

    use super::*;

    fn input(shape: &[Dimension]) -> TensorInfo {
        TensorInfo { name: "x".to_owned(), dtype: DType::U16, shape: Some(shape.to_vec()) }
    }

    #[test]
    fn the_one_open_size_follows_from_the_length() {
        let declared = [Dimension::Symbol("n".to_owned()), Dimension::Fixed(2)];
        let tensor = read(vec![1, 0, 2, 0, 3, 0, 4, 1], &input(&declared), &ShapeHints::default()).unwrap();
        assert_eq!(tensor.shape(), [2, 2]);
        assert_eq!(tensor.to_vec::<u16>().unwrap(), [1, 2, 3, 260]);
        let uneven = read(vec![0; 6], &input(&declared), &ShapeHints::default()).unwrap_err();
        assert_eq!(uneven, RawError::Uneven { got: 6, step: 4 });
    }

    #[test]
    fn several_open_sizes_must_be_given() {
        let error = read(vec![], &input(&[Dimension::Unknown, Dimension::Unknown]), &ShapeHints::default());
        let expected = "input \"x\" is declared as [?, ?]: give its shape with --shape x=SIZE,SIZE..";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }

    #[test]
    fn too_few_bytes_are_refused_with_both_numbers() {
        let error = read(vec![0; 3], &input(&[Dimension::Fixed(2)]), &ShapeHints::default()).unwrap_err();
        assert_eq!(error.to_string(), "a tensor of u16 [2] takes 4 bytes, got 3");
    }
}
