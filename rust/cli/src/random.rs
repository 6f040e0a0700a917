//! Random inputs for measuring: the same in every run.

use half::f16;
use tandem::{DType, Element, InputError, ModelInfo, NamedTensors, Tensor, TensorError, TensorInfo};

use crate::error::CliError;
use crate::input::ShapeHints;

/// Random values for every input of a model: floats from -1 to 1, integers and bools 0 or 1, which is in range of
/// whatever they may index, and empty strings. Sizes that are not known are 1.
pub(crate) fn inputs(info: &ModelInfo, hints: &ShapeHints, limit: u64) -> Result<NamedTensors, CliError> {
    let mut random = SplitMix(0x7a6d_6574);
    let mut inputs = NamedTensors::default();
    for input in &info.inputs {
        let shape = hints.smallest(input).ok_or_else(|| InputError::Value {
            name: input.name.clone(),
            detail: format!("it may have any shape, give one with --shape {}=SIZE,SIZE..", input.name),
        })?;
        inputs.push(&input.name, tensor(input, shape, limit, &mut random)?)?;
    }
    Ok(inputs)
}

fn tensor(
    info: &TensorInfo,
    shape: Vec<usize>,
    limit: u64,
    random: &mut SplitMix,
) -> Result<Tensor, CliError> {
    fn make<T: Element>(
        shape: Vec<usize>,
        count: usize,
        mut value: impl FnMut() -> T,
    ) -> Result<Tensor, TensorError> {
        Tensor::from_vec(shape, (0..count).map(|_| value()).collect())
    }
    // A string takes more than its text.
    let size = info.dtype.size().unwrap_or(size_of::<String>());
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    let count = count
        .filter(|count| count.checked_mul(size).is_some_and(|bytes| bytes as u64 <= limit))
        .ok_or_else(|| TensorError::TooLarge { shape: shape.clone() })?;
    let tensor = match info.dtype {
        DType::Bool => Tensor::from_bools(shape, &(0..count).map(|_| random.bit()).collect::<Vec<_>>()),
        DType::U8 => make(shape, count, || u8::from(random.bit())),
        DType::U16 => make(shape, count, || u16::from(random.bit())),
        DType::U32 => make(shape, count, || u32::from(random.bit())),
        DType::U64 => make(shape, count, || u64::from(random.bit())),
        DType::I8 => make(shape, count, || i8::from(random.bit())),
        DType::I16 => make(shape, count, || i16::from(random.bit())),
        DType::I32 => make(shape, count, || i32::from(random.bit())),
        DType::I64 => make(shape, count, || i64::from(random.bit())),
        DType::F16 => make(shape, count, || f16::from_f32(random.float())),
        DType::F32 => make(shape, count, || random.float()),
        DType::F64 => make(shape, count, || f64::from(random.float())),
        _ => Tensor::from_strings(shape, vec![String::new(); count]),
    };
    Ok(tensor?)
}

/// Steele, Lea and Flood's generator: small, and good enough to fill tensors.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    /// From -1 to 1, in steps that an f32 holds exactly.
    fn float(&mut self) -> f32 {
        const STEPS: u16 = 1 << 15;
        let step = u16::try_from(self.next() >> 48).unwrap_or(0);
        f32::from(step) / f32::from(STEPS) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use tandem::Dimension;

    use super::*;

    fn model(dtype: DType) -> ModelInfo {
        let shape = Some(vec![Dimension::Symbol("batch".to_owned()), Dimension::Fixed(100)]);
        let input = TensorInfo { name: "x".to_owned(), dtype, shape };
        ModelInfo::new("m".to_owned(), String::new(), 17, [].into(), vec![input], vec![])
    }

    #[test]
    fn every_type_is_filled_with_the_same_values_each_time() {
        for dtype in DType::ALL {
            let (info, hints) = (model(dtype), ShapeHints::default());
            let first = inputs(&info, &hints, 1 << 20).unwrap();
            assert_eq!(info.check_inputs(&first), Ok(()));
            assert_eq!(first, inputs(&info, &hints, 1 << 20).unwrap());
        }
    }

    #[test]
    fn floats_are_spread_between_minus_one_and_one() {
        let made = inputs(&model(DType::F32), &ShapeHints::default(), 1 << 20).unwrap();
        let values = made.get("x").unwrap().to_vec::<f32>().unwrap();
        assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!(values.iter().any(|value| *value < -0.5) && values.iter().any(|value| *value > 0.5));
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let error = inputs(&model(DType::F32), &ShapeHints::default(), 399).unwrap_err();
        assert_eq!(error.class(), "resource_limit");
    }
}
