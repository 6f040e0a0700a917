//! The device's side: crossing tensors to what is sent.

use std::borrow::Cow;

use half::f16;
use tandem_core::{DType, InputError, NamedTensors, Tensor, TensorError};

use super::{Affine, WireForm, names};

/// Why a tensor cannot travel in its wire form. Another form may carry it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An element is NaN or infinite, and bytes stand for numbers only.
    #[error("element {index} of {tensor:?} is {value}, which the {form} form cannot carry")]
    NotFinite {
        /// The crossing tensor.
        tensor: String,
        /// The form.
        form: &'static str,
        /// Which element, row-major.
        index: usize,
        /// The element.
        value: f32,
    },
    /// An element is too large for half precision, or for f32 on the way to bytes.
    #[error("element {index} of {tensor:?} is {value}, beyond what the {form} form can carry")]
    OutOfRange {
        /// The crossing tensor.
        tensor: String,
        /// The form.
        form: &'static str,
        /// Which element, row-major.
        index: usize,
        /// The element.
        value: f64,
    },
    /// The form does not fit the tensor's element type or shape.
    #[error("{tensor:?} of {dtype} {shape:?} cannot travel as {form}")]
    DoesNotFit {
        /// The crossing tensor.
        tensor: String,
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
        /// The form.
        form: &'static str,
    },
    /// There is not one form for each tensor.
    #[error("{forms} wire forms for {tensors} tensors")]
    Count {
        /// The tensors.
        tensors: usize,
        /// The forms.
        forms: usize,
    },
    /// Two tensors would travel under one name.
    #[error(transparent)]
    Name(#[from] InputError),
    /// A tensor could not be made or read.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// Turns the crossing tensors of a run into what is sent: `forms` in the order of `tensors`, which is that of the
/// cut.
///
/// Pure, and without a copy for [`WireForm::Native`]. A tensor of u8 under [`WireForm::U8`] is taken for
/// bytes that are encoded already, such as the pixels of a picture.
///
/// ```
/// use tandem_core::{DType, NamedTensors, Tensor};
/// use tandem_split::{WireForm, encode};
///
/// let features = Tensor::from_vec([2], vec![0.0_f32, 1.0])?;
/// let sent = encode(&NamedTensors::new([("h", features)])?, &[WireForm::U8PerRequest])?;
/// assert_eq!(sent.get("h.u8").unwrap().to_vec::<u8>()?, [0, 255]);
/// assert_eq!(sent.get("h.u8.scale").unwrap().to_vec::<f32>()?, [1.0 / 255.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(tensors: &NamedTensors, forms: &[WireForm]) -> Result<NamedTensors, EncodeError> {
    if tensors.len() != forms.len() {
        return Err(EncodeError::Count { tensors: tensors.len(), forms: forms.len() });
    }
    let mut sent = NamedTensors::default();
    for ((name, tensor), form) in tensors.iter().zip(forms) {
        match form {
            WireForm::Native if tensor.shape().is_empty() => {
                sent.push(names::row(name), tensor.reshape([1])?)?;
            }
            WireForm::Native => sent.push(name, tensor.clone())?,
            WireForm::F16 => sent.push(names::f16(name), halves(name, tensor)?)?,
            WireForm::U8(affine) => sent.push(names::u8(name), bytes(name, tensor, affine)?)?,
            WireForm::U8PerRequest => {
                let values = finite_floats(name, tensor, form)?;
                let affine = measure(&values);
                sent.push(names::u8(name), quantized(&values, tensor, &affine)?)?;
                sent.push(names::scale(name), Tensor::from_vec([1], affine.scale)?)?;
                sent.push(names::zero_point(name), Tensor::from_vec([1], affine.zero_point)?)?;
            }
        }
    }
    Ok(sent)
}

/// The shape on the wire: a scalar is a row of one.
fn wire_shape(tensor: &Tensor) -> Vec<usize> {
    if tensor.shape().is_empty() { vec![1] } else { tensor.shape().to_vec() }
}

fn halves(name: &str, tensor: &Tensor) -> Result<Tensor, EncodeError> {
    let refuse = |index: usize, value: f64| EncodeError::OutOfRange {
        tensor: name.to_owned(),
        form: WireForm::F16.name(),
        index,
        value,
    };
    let narrow = |(index, (value, narrow)): (usize, (f64, f16))| {
        if narrow.is_infinite() && value.is_finite() { Err(refuse(index, value)) } else { Ok(narrow) }
    };
    let values: Result<Vec<f16>, _> = match tensor.dtype() {
        DType::F32 => {
            let values = tensor.values::<f32>()?;
            let pairs = values.iter().map(|&value| (f64::from(value), f16::from_f32(value)));
            pairs.enumerate().map(narrow).collect()
        }
        DType::F64 => {
            let values = tensor.values::<f64>()?;
            values.iter().map(|&value| (value, f16::from_f64(value))).enumerate().map(narrow).collect()
        }
        _ => return Err(does_not_fit(name, tensor, &WireForm::F16)),
    };
    Ok(Tensor::from_vec(wire_shape(tensor), values?)?)
}

fn bytes(name: &str, tensor: &Tensor, affine: &Affine) -> Result<Tensor, EncodeError> {
    let form = WireForm::U8(affine.clone());
    let places = affine.axis.map_or(Some(1), |axis| tensor.shape().get(axis).copied());
    if !affine.is_sound() || places != Some(affine.scale.len()) {
        return Err(does_not_fit(name, tensor, &form));
    }
    if tensor.dtype() == DType::U8 {
        return Ok(tensor.reshape(wire_shape(tensor))?);
    }
    quantized(&finite_floats(name, tensor, &form)?, tensor, affine)
}

fn quantized(values: &[f32], tensor: &Tensor, affine: &Affine) -> Result<Tensor, EncodeError> {
    Ok(Tensor::from_vec(wire_shape(tensor), affine.quantize(values, tensor.shape()))?)
}

/// The pair for the range of `values`, all finite.
pub(super) fn measure(values: &[f32]) -> Affine {
    let widest = |(low, high): (f32, f32), &value: &f32| (low.min(value), high.max(value));
    match values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), widest) {
        (low, high) if low <= high => Affine::from_range(low, high),
        _ => Affine::from_range(0.0, 0.0),
    }
}

/// The pair for the range of all `tensors` of one name, which come from several samples.
pub(crate) fn calibrate<'a>(
    name: &str,
    tensors: impl Iterator<Item = &'a Tensor>,
) -> Result<Affine, EncodeError> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for tensor in tensors {
        for &value in finite_floats(name, tensor, &WireForm::U8PerRequest)?.iter() {
            (low, high) = (low.min(value), high.max(value));
        }
    }
    Ok(if low <= high { Affine::from_range(low, high) } else { Affine::from_range(0.0, 0.0) })
}

/// The elements as f32, once all are known to be numbers that f32 holds.
pub(super) fn finite_floats<'a>(
    name: &str,
    tensor: &'a Tensor,
    form: &WireForm,
) -> Result<Cow<'a, [f32]>, EncodeError> {
    let values: Cow<'a, [f32]> = match tensor.dtype() {
        DType::F32 => tensor.values()?,
        DType::F16 => tensor.values::<f16>()?.iter().map(|value| value.to_f32()).collect(),
        #[expect(clippy::cast_possible_truncation, reason = "what becomes infinite is refused below")]
        DType::F64 => tensor.values::<f64>()?.iter().map(|&value| value as f32).collect(),
        _ => return Err(does_not_fit(name, tensor, form)),
    };
    // A sum is not finite where an element is not, and is quicker to take than a search.
    if values.iter().fold(0.0_f32, |sum, value| sum + value * 0.0) == 0.0 {
        return Ok(values);
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(index) => {
            let (tensor, form, value) = (name.to_owned(), form.name(), values[index]);
            Err(EncodeError::NotFinite { tensor, form, index, value })
        }
    }
}

fn does_not_fit(name: &str, tensor: &Tensor, form: &WireForm) -> EncodeError {
    EncodeError::DoesNotFit {
        tensor: name.to_owned(),
        dtype: tensor.dtype(),
        shape: tensor.shape().to_vec(),
        form: form.name(),
    }
}
