//! Which wire form each crossing tensor gets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tandem_core::NamedTensors;

use crate::boundary::{Boundary, CrossingTensor};
use crate::wire_form::{Affine, WireForm, calibrate};

/// A wire form that a cut is offered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormKind {
    /// Every tensor as it is in the graph.
    F32,
    /// Floating-point numbers in half precision.
    F16,
    /// Floating-point numbers as bytes: calibrated where there are samples, else measured per request.
    U8,
    /// Floating-point numbers as bytes, measured per request though there are samples.
    U8PerRequest,
}

impl FormKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::U8, Self::U8PerRequest];
    /// The kinds that a cut is offered in where nothing else is asked for.
    pub const USUAL: [Self; 3] = [Self::F32, Self::F16, Self::U8];

    /// Its name in the manifest: `f32`, `f16`, `u8`, `u8_per_request`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
            Self::U8PerRequest => "u8_per_request",
        }
    }

    /// The form of each crossing tensor, and why one travels as it is after all. `crossing` are the tensors of
    /// every sample.
    pub(super) fn forms(
        self,
        boundary: &Boundary,
        crossing: &[NamedTensors],
        calibrated: bool,
    ) -> (Vec<WireForm>, Vec<String>) {
        let mut refused = Vec::new();
        let form = |tensor: &CrossingTensor| {
            let likely = if self == Self::F16 { WireForm::F16 } else { WireForm::U8PerRequest };
            if self == Self::F32 || !likely.fits(tensor.dtype) {
                return WireForm::Native;
            }
            let values = || crossing.iter().filter_map(|sample| sample.get(&tensor.name));
            let wanted = match self {
                Self::U8 if calibrated => calibrate(&tensor.name, values()).map(WireForm::U8),
                _ => Ok(likely),
            };
            let tried = wanted.and_then(|form| {
                for value in values() {
                    let named = NamedTensors::new([(tensor.name.as_str(), value.clone())])?;
                    crate::encode(&named, std::slice::from_ref(&form))?;
                }
                Ok(form)
            });
            tried.unwrap_or_else(|error| {
                refused.push(format!("{:?} travels as it is: {error}", tensor.name));
                WireForm::Native
            })
        };
        let forms = boundary.crossing.iter().map(form).collect();
        (forms, refused)
    }
}

impl fmt::Display for FormKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text that was not the name of a [`FormKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a wire form, expected one of f32, f16, u8, u8_per_request")]
pub struct UnknownForm(String);

impl FromStr for FormKind {
    type Err = UnknownForm;

    fn from_str(name: &str) -> Result<Self, UnknownForm> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownForm(name.to_owned()))
    }
}

/// By how much the smallest of `kinds` is smaller than f32.
pub(super) fn shrink(kinds: &[FormKind]) -> f64 {
    let factor = |kind: &FormKind| match kind {
        FormKind::F32 => 1.0,
        FormKind::F16 => 2.0,
        FormKind::U8 | FormKind::U8PerRequest => 4.0,
    };
    kinds.iter().map(factor).fold(1.0, f64::max)
}

/// The inputs that are pictures as bytes, the others as they are; none where no crossing tensor is a picture.
pub(super) fn of_pictures(boundary: &Boundary, pictures: &BTreeMap<String, Affine>) -> Option<Vec<WireForm>> {
    let form = |tensor: &CrossingTensor| {
        pictures.get(&tensor.name).map_or(WireForm::Native, |affine| WireForm::U8(affine.clone()))
    };
    let any = boundary.crossing.iter().any(|tensor| pictures.contains_key(&tensor.name));
    any.then(|| boundary.crossing.iter().map(form).collect())
}
