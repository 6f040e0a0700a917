//! Bytes that stand for numbers: `number = (byte - zero point) · scale`.

use serde::{Deserialize, Serialize};
use tandem_core::Dimension;

/// Steps between the smallest and the largest number.
const STEPS: f64 = 255.0;
/// Up to this zero point, f32 places a number to a hundredth of a step.
const NEAR: f32 = 65536.0;

/// Scale and zero point, one pair for a whole tensor or one for each place along an axis (such as the channels of
/// a picture).
///
/// `number = (byte - zero point) · scale`. The zero point is a whole number wherever it was measured; it need not
/// lie between 0 and 255, so that a range far from nought has no wider steps than one around it. What is known
/// beforehand, such as the mean of a channel, may be any number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// The step between two bytes: finite and above nought.
    pub scale: Vec<f32>,
    /// The byte that stands for nought.
    pub zero_point: Vec<f32>,
    /// The axis along which there is a pair for each place; `None` where one pair serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<usize>,
}

impl Affine {
    /// One pair for a whole tensor.
    pub fn per_tensor(scale: f32, zero_point: f32) -> Self {
        Self { scale: vec![scale], zero_point: vec![zero_point], axis: None }
    }

    /// One pair for each channel of a picture whose pixels were turned into `(pixel - mean) · scale`.
    pub fn per_channel(axis: usize, scale: Vec<f32>, mean: Vec<f32>) -> Self {
        Self { scale, zero_point: mean, axis: Some(axis) }
    }

    /// The pair whose steps lead from `low` to `high`, both finite.
    pub fn from_range(low: f32, high: f32) -> Self {
        let (low, high) = (low.min(high), low.max(high));
        #[expect(clippy::float_cmp, reason = "one number, not two that are close")]
        if low == high {
            // One number: nought, or one step away from it.
            let scale = if low == 0.0 { 1.0 } else { low.abs() };
            return Self::per_tensor(scale, if low < 0.0 { 1.0 } else { 0.0 });
        }
        #[expect(clippy::cast_possible_truncation, reason = "a 255th of the widest range fits f32")]
        let scale = ((f64::from(high) - f64::from(low)) / STEPS) as f32;
        let scale = scale.max(f32::MIN_POSITIVE);
        #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what travels")]
        let zero_point = (0.0 - f64::from(low) / f64::from(scale)).round() as f32;
        Self::per_tensor(scale, zero_point)
    }

    /// Whether the numbers make sense by themselves: as many scales as zero points, finite, and scales above nought.
    pub(crate) fn is_sound(&self) -> bool {
        let pairs = self.scale.len();
        pairs == self.zero_point.len()
            && (self.axis.is_some() || pairs == 1)
            && self.scale.iter().all(|&scale| scale.is_finite() && scale > 0.0)
            && self.zero_point.iter().all(|zero_point| zero_point.is_finite())
    }

    /// Whether there is a pair for each place of a tensor of this shape.
    pub(crate) fn fits(&self, shape: &[Dimension]) -> bool {
        let places = match self.axis {
            None => Some(1),
            Some(axis) => match shape.get(axis) {
                Some(Dimension::Fixed(size)) => Some(*size),
                _ => None,
            },
        };
        self.is_sound() && places == Some(self.scale.len())
    }

    /// The bytes that stand for `values`, all finite, row-major in `shape`; what lies outside is cut to the range.
    pub(crate) fn quantize(&self, values: &[f32], shape: &[usize]) -> Vec<u8> {
        match (self.axis, self.scale.as_slice(), self.zero_point.as_slice()) {
            (None, &[scale, ..], &[zero_point, ..]) => quantize(values, scale, zero_point),
            (Some(axis), scales, zero_points) => {
                // The elements of one place that lie side by side.
                let run: usize = shape.iter().skip(axis + 1).product();
                let pairs = scales.iter().zip(zero_points).cycle();
                let runs = values.chunks(run.max(1)).zip(pairs);
                runs.flat_map(|(values, (&scale, &zero_point))| quantize(values, scale, zero_point)).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn quantize(values: &[f32], scale: f32, zero_point: f32) -> Vec<u8> {
    // `as` cuts to 0 and 255 and drops the fraction: with a half added, it rounds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "meant to cut")]
    if zero_point.abs() <= NEAR {
        let (steps, offset) = (1.0 / scale, zero_point + 0.5);
        if steps.is_finite() {
            return values.iter().map(|value| (value * steps + offset) as u8).collect();
        }
    }
    let (scale, offset) = (f64::from(scale), f64::from(zero_point) + 0.5);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "meant to cut")]
    values.iter().map(|&value| (f64::from(value) / scale + offset) as u8).collect()
}
