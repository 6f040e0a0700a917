//! Every element type goes through the device, the server and both wire formats unchanged.

use half::f16;
use tandem_core::{DType, Element, ErrorCode, Tensor, TensorError};

use super::build::{case, served};
use super::{Call, Case};

pub(super) fn cases() -> Result<Vec<Case>, TensorError> {
    let mut cases = Vec::new();
    for dtype in DType::ALL {
        cases.extend(through_every_path(dtype)?);
    }
    Ok(cases)
}

fn through_every_path(dtype: DType) -> Result<Vec<Case>, TensorError> {
    let model = format!("identity_{dtype}");
    let tensor = extremes(dtype)?;
    let base = |path: &str, call| case(&format!("{model} {path}"), served(&model), call);
    Ok(vec![
        base("predict", Call::Predict).input("x", &tensor).gives("y", &tensor),
        base("offload", Call::Offload).endpoint("server").input("x", &tensor).gives("y", &tensor),
        if dtype == DType::F16 {
            base("offload over json", Call::Offload)
                .endpoint("json")
                .input("x", &tensor)
                .fails(ErrorCode::InvalidInput, &["\"x\"", "f16"])
        } else {
            let finite = finite(&tensor)?;
            base("offload over json", Call::Offload).endpoint("json").input("x", &finite).gives("y", &finite)
        },
    ])
}

/// Six values of a type, its smallest and largest among them, and those that a careless path changes.
fn extremes(dtype: DType) -> Result<Tensor, TensorError> {
    let shape = [2, 3];
    match dtype {
        DType::Bool => Tensor::from_bools(shape, &[true, false, false, true, true, false]),
        DType::U8 => Tensor::from_vec(shape, vec![0, 1, 127, 128, 254, u8::MAX]),
        DType::U16 => Tensor::from_vec(shape, vec![0, 1, 255, 256, 32_768, u16::MAX]),
        DType::U32 => Tensor::from_vec(shape, vec![0, 1, 65_536, 16_777_217, 1 << 31, u32::MAX]),
        DType::U64 => Tensor::from_vec(shape, vec![0, 1, 1 << 32, (1 << 53) + 1, 1 << 63, u64::MAX]),
        DType::I8 => Tensor::from_vec(shape, vec![0, -1, 1, 64, i8::MIN, i8::MAX]),
        DType::I16 => Tensor::from_vec(shape, vec![0, -1, 255, -256, i16::MIN, i16::MAX]),
        DType::I32 => Tensor::from_vec(shape, vec![0, -1, 16_777_217, -65_536, i32::MIN, i32::MAX]),
        DType::I64 => Tensor::from_vec(shape, vec![0, -1, (1 << 53) + 1, -(1 << 53) - 1, i64::MIN, i64::MAX]),
        DType::F16 => {
            let values = [0.0, -0.0, 1.5, -65_504.0, f32::INFINITY, 5.960_464_5e-8].map(f16::from_f32);
            Tensor::from_vec(shape, values.to_vec())
        }
        DType::F32 => {
            Tensor::from_vec(shape, vec![0.0, -0.0, 0.1, f32::MAX, f32::NEG_INFINITY, f32::from_bits(1)])
        }
        DType::F64 => Tensor::from_vec(shape, vec![0.0, -0.0, 0.1, f64::MAX, f64::NAN, f64::from_bits(1)]),
        DType::String => {
            let texts = ["", "a", "ä€😀", "line\nbreak", "\"quoted\\\"", "nul\0inside"];
            Tensor::from_strings(shape, texts.map(str::to_owned).to_vec())
        }
        _ => Err(TensorError::NotBytes),
    }
}

/// The same without what JSON cannot say.
fn finite(tensor: &Tensor) -> Result<Tensor, TensorError> {
    fn replace<T: Element>(tensor: &Tensor, is_finite: fn(&T) -> bool, by: T) -> Result<Tensor, TensorError> {
        let values = tensor.to_vec::<T>()?.into_iter();
        Tensor::from_vec(
            tensor.shape(),
            values.map(|value| if is_finite(&value) { value } else { by }).collect(),
        )
    }
    match tensor.dtype() {
        DType::F32 => replace(tensor, |value: &f32| value.is_finite(), 1e-20),
        DType::F64 => replace(tensor, |value: &f64| value.is_finite(), 1e-300),
        _ => Ok(tensor.clone()),
    }
}
