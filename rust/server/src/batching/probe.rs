//! Finds out whether the rows of a model's inputs depend on each other.
//!
//! A first size that is one symbol everywhere is mostly a batch, but it may as well be a sequence over which the model
//! attends, or an axis that it normalises over. Rows of different callers under each other would then give wrong answers
//! without a word; so two rows are tried, each alone and both together, before callers are put together.

use std::time::Duration;

use tandem::Model;
use tandem_core::{DType, Dimension, ModelInfo, NamedTensors, RunOptions, Tensor, TensorInfo};

use super::{concatenate, split};

/// The size taken for what is open beside the rows.
const OPEN_SIZE: usize = 4;

/// Elements of one row that are still tried.
const MOST_ELEMENTS: usize = 1 << 26;

/// How long each run of the trial may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Whether rows do not depend on each other, as far as a trial can show. An error says what speaks against it.
pub(crate) fn try_rows(model: &Model) -> Result<(), String> {
    let (one, other) = (
        inputs(model.info(), 1, 1, OPEN_SIZE).ok_or("its rows cannot be tried")?,
        inputs(model.info(), 1, 2, OPEN_SIZE).ok_or("its rows cannot be tried")?,
    );
    let together = concatenate(&[&one, &other]).map_err(|error| error.to_string())?;
    let run = |inputs: &NamedTensors| {
        let options = RunOptions { timeout: Some(LONGEST), ..RunOptions::default() };
        model
            .predict(inputs, &options)
            .map(|prediction| prediction.outputs)
            .map_err(|error| error.to_string())
    };
    let alone = [run(&one)?, run(&other)?];
    let parts =
        split(&run(&together)?, &[1, 1]).ok_or("an output has another number of rows than the inputs")?;
    for (alone, part) in alone.iter().zip(&parts) {
        if let Some((name, _)) =
            alone.iter().find(|(name, tensor)| !part.get(name).is_some_and(|it| close(tensor, it)))
        {
            return Err(format!("a row of output {name:?} depends on the other rows"));
        }
    }
    Ok(())
}

/// Inputs of `rows` rows, where everything but the first size is fixed.
pub(crate) fn fixed_inputs(info: &ModelInfo, rows: usize) -> Option<NamedTensors> {
    let is_fixed = |info: &TensorInfo| {
        let rest = info.shape.as_ref().and_then(|shape| shape.get(1..));
        info.shape.as_ref().is_some_and(Vec::is_empty)
            || rest.is_some_and(|rest| rest.iter().all(|size| matches!(size, Dimension::Fixed(_))))
    };
    if info.inputs.iter().all(is_fixed) { inputs(info, rows, 0, 1) } else { None }
}

/// Made-up inputs; `None` where a shape is not declared or too large.
fn inputs(info: &ModelInfo, rows: usize, seed: u32, open: usize) -> Option<NamedTensors> {
    let tensors = info.inputs.iter().enumerate().map(|(index, input)| {
        let mut shape = Vec::new();
        for (axis, size) in input.shape.as_ref()?.iter().enumerate() {
            shape.push(match size {
                Dimension::Fixed(size) => *size,
                Dimension::Symbol(_) | Dimension::Unknown if axis == 0 => rows,
                Dimension::Symbol(_) | Dimension::Unknown => open,
            });
        }
        let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))?;
        if count > MOST_ELEMENTS {
            return None;
        }
        let seed = seed.wrapping_mul(7919).wrapping_add(u32::try_from(index).ok()?);
        Some((input.name.clone(), made_up(input.dtype, shape, count, seed)?))
    });
    NamedTensors::new(tensors.collect::<Option<Vec<_>>>()?).ok()
}

/// Floats between -1 and 1; whole numbers 0 or 1, which serve as indices too.
fn made_up(dtype: DType, shape: Vec<usize>, count: usize, seed: u32) -> Option<Tensor> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = move || {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    if dtype == DType::String {
        let strings = (0..count).map(|_| if next() & 1 == 0 { "a" } else { "b" }.to_owned());
        return Tensor::from_strings(shape, strings.collect()).ok();
    }
    let mut bytes = Vec::with_capacity(count * dtype.size()?);
    for _ in 0..count {
        let bit = u8::from(next() & 1 == 1);
        let float =
            f32::from(i16::from_le_bytes([next().to_le_bytes()[0], next().to_le_bytes()[1]])) / 32768.0;
        match dtype {
            DType::F16 => bytes.extend(half::f16::from_f32(float).to_le_bytes()),
            DType::F32 => bytes.extend(float.to_le_bytes()),
            DType::F64 => bytes.extend(f64::from(float).to_le_bytes()),
            _ => {
                bytes.push(bit);
                bytes.resize(bytes.len() + dtype.size()? - 1, 0);
            }
        }
    }
    Tensor::from_bytes(dtype, shape, &bytes).ok()
}

/// Equal, or for floats as close as another order of summation makes them.
fn close(one: &Tensor, other: &Tensor) -> bool {
    let within = |tolerance: f64, one: f64, other: f64| {
        (one.is_nan() && other.is_nan())
            || one.total_cmp(&other).is_eq()
            || (one - other).abs() <= tolerance * (1.0 + one.abs().min(other.abs()))
    };
    if one.shape() != other.shape() || one.dtype() != other.dtype() {
        return false;
    }
    match one.dtype() {
        DType::F16 => both::<half::f16>(one, other, |one, other| within(0.02, one.into(), other.into())),
        DType::F32 => both::<f32>(one, other, |one, other| within(1e-3, one.into(), other.into())),
        DType::F64 => both::<f64>(one, other, |one, other| within(1e-6, one, other)),
        _ => one == other,
    }
}

fn both<T: tandem_core::Element>(one: &Tensor, other: &Tensor, same: impl Fn(T, T) -> bool) -> bool {
    match (one.values::<T>(), other.values::<T>()) {
        (Ok(one), Ok(other)) => one.iter().zip(other.iter()).all(|(&one, &other)| same(one, other)),
        _ => false,
    }
}
