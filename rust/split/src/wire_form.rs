//! How a crossing tensor travels: as it is, in half precision, or as bytes with scale and zero point.

mod affine;
mod decoder;
mod encode;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use tandem_core::{DType, Dimension, TensorInfo};

use crate::SplitError;
use crate::boundary::{Boundary, CrossingTensor};

pub use affine::Affine;
pub use decoder::deploy;
pub(crate) use encode::calibrate;
pub use encode::{EncodeError, encode};

/// How a crossing tensor travels.
///
/// The head gives the tensor as it is in the graph; [`encode()`] turns it into what is sent, and the first nodes of the
/// deployed tail, which [`deploy`] writes, turn that back. Only tensors of f16, f32 and f64 have other forms than
/// [`WireForm::Native`].
///
/// Servers carry no tensors without dimensions: a scalar travels as one row of one element in every form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WireForm {
    /// As it is in the graph.
    Native,
    /// In half precision, one input `NAME.f16`. Elements beyond ±65,504 are refused; NaN and infinities travel.
    F16,
    /// As bytes `NAME.u8` whose scale and zero point are constants of the tail, found on samples or known
    /// beforehand. Elements outside the range are cut to it; those that are not finite are refused.
    U8(Affine),
    /// As bytes `NAME.u8` whose scale and zero point are measured for every request and travel beside them, as
    /// `NAME.u8.scale` and `NAME.u8.zero_point`, f32 of shape `[1]`. Elements that are not finite are refused.
    U8PerRequest,
}

impl WireForm {
    /// The short name: `native`, `f16`, `u8`, `u8_per_request`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::F16 => "f16",
            Self::U8(_) => "u8",
            Self::U8PerRequest => "u8_per_request",
        }
    }

    /// Whether a tensor of `dtype` can travel so.
    pub const fn fits(&self, dtype: DType) -> bool {
        match self {
            Self::Native => true,
            Self::F16 => matches!(dtype, DType::F32 | DType::F64),
            Self::U8(_) | Self::U8PerRequest => matches!(dtype, DType::F16 | DType::F32 | DType::F64),
        }
    }

    /// What is sent for `tensor`: the inputs of the deployed tail that stand for it.
    ///
    /// Their order is that of [`encode()`].
    pub fn wire_tensors(&self, tensor: &CrossingTensor) -> Vec<TensorInfo> {
        let shape = match tensor.shape.as_slice() {
            [] => vec![Dimension::Fixed(1)],
            shape => shape.to_vec(),
        };
        let info = |name: String, dtype| TensorInfo { name, dtype, shape: Some(shape.clone()) };
        let name = &tensor.name;
        match self {
            Self::Native if tensor.shape.is_empty() => vec![info(names::row(name), tensor.dtype)],
            Self::Native => vec![info(name.clone(), tensor.dtype)],
            Self::F16 => vec![info(names::f16(name), DType::F16)],
            Self::U8(_) => vec![info(names::u8(name), DType::U8)],
            Self::U8PerRequest => {
                let one =
                    |name| TensorInfo { name, dtype: DType::F32, shape: Some(vec![Dimension::Fixed(1)]) };
                vec![info(names::u8(name), DType::U8), one(names::scale(name)), one(names::zero_point(name))]
            }
        }
    }

    /// Fails where a tensor of this type and shape cannot travel so.
    fn check(&self, tensor: &CrossingTensor) -> Result<(), SplitError> {
        let fits = self.fits(tensor.dtype)
            && match self {
                Self::U8(affine) => affine.fits(&tensor.shape),
                _ => true,
            };
        if fits {
            return Ok(());
        }
        let (tensor, dtype) = (tensor.name.clone(), tensor.dtype);
        Err(SplitError::FormDoesNotFit { tensor, dtype, form: self.name() })
    }
}

/// What is sent for the crossing tensors of a boundary: the inputs of the deployed tail, in order.
pub fn wire_tensors(boundary: &Boundary, forms: &[WireForm]) -> Result<Vec<TensorInfo>, SplitError> {
    check(boundary, forms)?;
    Ok(boundary.crossing.iter().zip(forms).flat_map(|(tensor, form)| form.wire_tensors(tensor)).collect())
}

/// Checks that there is one form for each crossing tensor, and that it fits.
pub(crate) fn check(boundary: &Boundary, forms: &[WireForm]) -> Result<(), SplitError> {
    let (expected, got) = (boundary.crossing.len(), forms.len());
    if expected != got {
        return Err(SplitError::FormCount { expected, got });
    }
    boundary.crossing.iter().zip(forms).try_for_each(|(tensor, form)| form.check(tensor))
}

/// The names of what travels in place of a crossing tensor.
mod names {
    pub(super) fn row(name: &str) -> String {
        format!("{name}.row")
    }

    pub(super) fn f16(name: &str) -> String {
        format!("{name}.f16")
    }

    pub(super) fn u8(name: &str) -> String {
        format!("{name}.u8")
    }

    pub(super) fn scale(name: &str) -> String {
        format!("{name}.u8.scale")
    }

    pub(super) fn zero_point(name: &str) -> String {
        format!("{name}.u8.zero_point")
    }
}
