//! What constants were before they were expanded to f32.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tandem_onnx::{DataType, TensorProto};

use crate::scale_index::ScaleIndex;

/// Integer constants with their scales, found again by the f32 that they became.
///
/// A constant's name does not survive tract's folding, its value does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Integers {
    /// By the number of elements.
    constants: HashMap<usize, Vec<Arc<IntegerConstant>>>,
}

/// Integers that stand for numbers, with a zero point of nought.
#[derive(Clone, Debug)]
pub(crate) struct IntegerConstant {
    elements: Elements,
    pub(crate) scales: Vec<f32>,
    index: ScaleIndex,
}

#[derive(Clone, Debug)]
enum Elements {
    /// Signed.
    Bytes(Bytes),
    Words(Vec<i32>),
}

impl IntegerConstant {
    pub(crate) fn new(tensor: &TensorProto, scales: Vec<f32>, index: ScaleIndex) -> Option<Self> {
        let elements = match tensor.element_type().ok()? {
            DataType::Int8 => Elements::Bytes(tensor.to_raw().ok()?),
            DataType::Int32 => Elements::Words(tensor.to_vec::<i32>().ok()?),
            _ => return None,
        };
        Some(Self { elements, scales, index })
    }

    /// The numbers that the integers stand for.
    #[allow(clippy::cast_precision_loss, reason = "as the operator is defined")]
    pub(crate) fn expand(&self) -> Vec<f32> {
        let count = match &self.elements {
            Elements::Bytes(bytes) => bytes.len(),
            Elements::Words(words) => words.len(),
        };
        let mut values = Vec::with_capacity(count);
        for (range, index) in self.index.runs(count) {
            let scale = self.scales[index];
            match &self.elements {
                Elements::Bytes(bytes) => {
                    values.extend(bytes[range].iter().map(|byte| f32::from(byte.cast_signed()) * scale));
                }
                Elements::Words(words) => {
                    values.extend(words[range].iter().map(|&word| word as f32 * scale));
                }
            }
        }
        values
    }

    /// The integers, where they are signed bytes.
    pub(crate) fn signed_bytes(&self) -> Option<&[i8]> {
        match &self.elements {
            Elements::Bytes(bytes) => Some(bytemuck::cast_slice(bytes)),
            Elements::Words(_) => None,
        }
    }

    /// The integers, where they are words.
    pub(crate) fn words(&self) -> Option<&[i32]> {
        match &self.elements {
            Elements::Bytes(_) => None,
            Elements::Words(words) => Some(words),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "as the operator is defined")]
    fn is(&self, values: &[f32]) -> bool {
        let same = |(range, index): (Range<usize>, usize)| {
            let (scale, values) = (self.scales[index], &values[range.clone()]);
            match &self.elements {
                Elements::Bytes(bytes) => {
                    same(&bytes[range], values, |byte| f32::from(byte.cast_signed()) * scale)
                }
                Elements::Words(words) => same(&words[range], values, |word| word as f32 * scale),
            }
        };
        self.index.runs(values.len()).all(same)
    }

    /// One scale for each of `outputs`, whose elements have `inner` others behind them.
    pub(crate) fn output_scales(&self, outputs: usize, inner: usize) -> Option<Vec<f32>> {
        match self.index {
            ScaleIndex::Tensor => Some(vec![*self.scales.first()?; outputs]),
            ScaleIndex::Axis { inner: behind, size } if behind == inner && size == outputs => {
                Some(self.scales.clone())
            }
            _ => None,
        }
    }
}

/// Whether each number is what `expand` makes of its integer. Some at a time, because a loop that may end at each is several
/// times as slow.
fn same<T: Copy>(integers: &[T], values: &[f32], expand: impl Fn(T) -> f32) -> bool {
    let some = |(integers, values): (&[T], &[f32])| {
        let pairs = integers.iter().zip(values);
        pairs.fold(true, |same, (&integer, value)| same & (expand(integer).to_bits() == value.to_bits()))
    };
    integers.chunks(1024).zip(values.chunks(1024)).all(some)
}

impl Integers {
    /// One that has become `count` numbers.
    pub(crate) fn add(&mut self, count: usize, constant: IntegerConstant) {
        self.constants.entry(count).or_default().push(Arc::new(constant));
    }

    /// Those that became `values`.
    pub(crate) fn find<'a>(&'a self, values: &'a [f32]) -> impl Iterator<Item = &'a IntegerConstant> {
        let constants = self.constants.get(&values.len()).map_or(&[][..], Vec::as_slice);
        constants.iter().map(Arc::as_ref).filter(|constant| constant.is(values))
    }
}
