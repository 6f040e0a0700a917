//! Inputs to run a model on: made up, and stretched.

use tandem_core::{DType, Dimension, ModelInfo, NamedTensors, Tensor, TensorError};

use crate::SplitError;

/// The size of a symbolic or unknown dimension of made-up inputs.
const OPEN_SIZE: usize = 2;

/// Inputs for a model of which no sample is at hand: floats that swing between -1 and 1, integers of 0 and 1, `true`,
/// and the text `0`; every symbolic or unknown dimension has the size 2.
///
/// Enough to learn shapes from where no input is an index or a size of its own kind. Fails for an input whose
/// rank is not declared.
pub fn placeholder_inputs(info: &ModelInfo) -> Result<NamedTensors, SplitError> {
    let mut inputs = NamedTensors::default();
    for input in &info.inputs {
        let shape = input.shape.as_ref().ok_or_else(|| SplitError::UnknownType(input.name.clone()))?;
        let size = |dimension: &Dimension| match dimension {
            Dimension::Fixed(size) => *size,
            _ => OPEN_SIZE,
        };
        inputs.push(input.name.as_str(), placeholder(input.dtype, shape.iter().map(size).collect())?)?;
    }
    Ok(inputs)
}

fn placeholder(dtype: DType, shape: Vec<usize>) -> Result<Tensor, TensorError> {
    let count = shape.iter().product();
    // Weyl's sequence: even, without a pattern of the length of a row.
    let waves = || {
        let mut state = 0_u32;
        std::iter::repeat_with(move || {
            state = state.wrapping_add(0x9e37_79b9);
            f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
        })
        .take(count)
    };
    let bits = || (0..count).map(|index| u8::from(index % 2 == 0));
    match dtype {
        DType::F16 => Tensor::from_vec(shape, waves().map(half::f16::from_f32).collect()),
        DType::F32 => Tensor::from_vec(shape, waves().collect()),
        DType::F64 => Tensor::from_vec(shape, waves().map(f64::from).collect()),
        DType::U8 => Tensor::from_vec(shape, bits().collect()),
        DType::U16 => Tensor::from_vec(shape, bits().map(u16::from).collect()),
        DType::U32 => Tensor::from_vec(shape, bits().map(u32::from).collect()),
        DType::U64 => Tensor::from_vec(shape, bits().map(u64::from).collect()),
        DType::I8 => Tensor::from_vec(shape, bits().map(u8::cast_signed).collect()),
        DType::I16 => Tensor::from_vec(shape, bits().map(i16::from).collect()),
        DType::I32 => Tensor::from_vec(shape, bits().map(i32::from).collect()),
        DType::I64 => Tensor::from_vec(shape, bits().map(i64::from).collect()),
        DType::Bool => Tensor::from_bools(shape, &vec![true; count]),
        _ => Tensor::from_strings(shape, vec!["0".to_owned(); count]),
    }
}

/// `tensor` with another size of one axis: its slices over and over again, so that its values stay of their kind.
pub(super) fn stretch(tensor: &Tensor, axis: usize, size: usize) -> Result<Tensor, TensorError> {
    let mut shape = tensor.shape().to_vec();
    let Some(old) = shape.get(axis).copied().filter(|&old| old > 0) else {
        return Ok(tensor.clone());
    };
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    shape[axis] = size;
    let slices = (0..outer).flat_map(|row| (0..size).map(move |place| (row * old + place % old) * inner));
    if let Some(strings) = tensor.strings() {
        let strings = slices.flat_map(|start| strings[start..start + inner].to_vec()).collect();
        return Tensor::from_strings(shape, strings);
    }
    let (bytes, width) = (tensor.bytes().unwrap_or_default(), tensor.dtype().size().unwrap_or(1));
    let copied: Vec<u8> =
        slices.flat_map(|start| bytes[start * width..(start + inner) * width].iter().copied()).collect();
    Tensor::from_bytes(tensor.dtype(), shape, &copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretching_repeats_slices() {
        let tensor = Tensor::from_vec([2, 2, 2], (0_u8..8).collect()).unwrap();
        let longer = stretch(&tensor, 1, 3).unwrap();
        assert_eq!(longer.shape(), [2, 3, 2]);
        assert_eq!(longer.to_vec::<u8>().unwrap(), [0, 1, 2, 3, 0, 1, 4, 5, 6, 7, 4, 5]);
        assert_eq!(stretch(&tensor, 0, 1).unwrap().to_vec::<u8>().unwrap(), [0, 1, 2, 3]);
        let texts = Tensor::from_strings([1], vec!["a".to_owned()]).unwrap();
        assert_eq!(stretch(&texts, 0, 2).unwrap().strings().unwrap(), ["a", "a"]);
    }
}
