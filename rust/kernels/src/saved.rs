//! Kernels as bytes, to be kept outside of the process: parameters in one run of bytes, packed weights beside it.
//!
//! What is restored is checked as what is built: no bytes, however they came about, make a kernel that reads or writes where
//! it may not. Whether the numbers are those that were saved is for the keeper to check.

use std::slice;

use crate::activation::{Activation, Curve, Ending};
use crate::error::{KernelError, volume};
use crate::int8::{ByteSet, Quantization, Requantization};
use crate::isa::InstructionSet;
use crate::memory::Packed;

/// A kernel that can be saved, and restored without packing its weights again.
pub trait Save: Sized {
    /// Adds the kernel to `to`.
    fn save(&self, to: &mut Saver);

    /// The kernel that [`save`](Self::save) added. Fails where there is none, or the processor lacks its instructions.
    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError>;
}

/// What was saved.
#[derive(Debug, Default)]
pub struct Saver {
    parameters: Vec<u8>,
    packed: Vec<Packed>,
}

impl Saver {
    /// The parameters, and the packed weights in the order in which they are taken back.
    pub fn into_parts(self) -> (Vec<u8>, Vec<Packed>) {
        (self.parameters, self.packed)
    }

    /// A size or a number of things.
    pub fn size(&mut self, size: usize) {
        self.parameters.extend((size as u64).to_le_bytes());
    }

    /// Several sizes.
    pub fn sizes<const N: usize>(&mut self, sizes: [usize; N]) {
        for size in sizes {
            self.size(size);
        }
    }

    /// Sizes with their number before them.
    pub fn list(&mut self, sizes: &[usize]) {
        self.size(sizes.len());
        for &size in sizes {
            self.size(size);
        }
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.parameters.push(byte);
    }

    /// A number, bit for bit.
    pub fn float(&mut self, float: f32) {
        self.parameters.extend(float.to_le_bytes());
    }

    /// Bytes with their number before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.parameters.extend(bytes);
    }

    pub(crate) fn floats(&mut self, floats: &[f32]) {
        self.size(floats.len());
        for &float in floats {
            self.float(float);
        }
    }

    pub(crate) fn integers(&mut self, integers: &[i32]) {
        self.size(integers.len());
        for integer in integers {
            self.parameters.extend(integer.to_le_bytes());
        }
    }

    pub(crate) fn packed(&mut self, packed: &Packed) {
        self.packed.push(packed.clone());
    }

    /// A set, by its name.
    pub fn set(&mut self, set: InstructionSet) {
        self.bytes(set.name().as_bytes());
    }

    /// A set, by its name.
    pub fn byte_set(&mut self, set: ByteSet) {
        self.bytes(set.name().as_bytes());
    }

    pub(crate) fn limits(&mut self, limits: [u8; 2]) {
        self.parameters.extend(limits);
    }

    /// A scale and a zero point.
    pub fn quantization(&mut self, quantization: Quantization) {
        self.float(quantization.scale);
        self.byte(quantization.zero);
    }

    pub(crate) fn ending(&mut self, ending: Ending) {
        self.float(ending.low);
        self.float(ending.high);
        self.byte(match ending.curve {
            None => 0,
            Some(Curve::Sigmoid) => 1,
            Some(Curve::Silu) => 2,
            Some(Curve::HardSwish) => 3,
            Some(Curve::Gelu) => 4,
        });
    }
}

/// Takes back what was saved, in the same order.
#[derive(Debug)]
pub struct Restorer<'a> {
    parameters: &'a [u8],
    packed: slice::Iter<'a, Packed>,
}

impl<'a> Restorer<'a> {
    /// From parameters and packed weights.
    pub fn new(parameters: &'a [u8], packed: &'a [Packed]) -> Self {
        Self { parameters, packed: packed.iter() }
    }

    /// Whether all has been taken.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.packed.len() == 0
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], KernelError> {
        let (bytes, rest) = self.parameters.split_first_chunk::<N>().ok_or(SHORT)?;
        self.parameters = rest;
        Ok(*bytes)
    }

    /// A size or a number of things.
    pub fn size(&mut self) -> Result<usize, KernelError> {
        usize::try_from(u64::from_le_bytes(self.take()?)).map_err(|_| SHORT)
    }

    /// Several sizes.
    pub fn sizes<const N: usize>(&mut self) -> Result<[usize; N], KernelError> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.size()?;
        }
        Ok(sizes)
    }

    /// Sizes with their number before them.
    pub fn list(&mut self) -> Result<Vec<usize>, KernelError> {
        let count = self.size()?;
        (0..count).map(|_| self.size()).collect()
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, KernelError> {
        Ok(self.take::<1>()?[0])
    }

    /// A number, bit for bit.
    pub fn float(&mut self) -> Result<f32, KernelError> {
        Ok(f32::from_le_bytes(self.take()?))
    }

    /// Bytes with their number before them.
    pub fn bytes(&mut self) -> Result<&'a [u8], KernelError> {
        let length = self.size()?;
        let (bytes, rest) = self.parameters.split_at_checked(length).ok_or(SHORT)?;
        self.parameters = rest;
        Ok(bytes)
    }

    fn fours(&mut self, expected: usize) -> Result<impl Iterator<Item = [u8; 4]> + use<'a>, KernelError> {
        let length = self.size()?;
        let (bytes, rest) =
            length.checked_mul(4).and_then(|bytes| self.parameters.split_at_checked(bytes)).ok_or(SHORT)?;
        if length != expected {
            return Err(KernelError::Length { what: "a saved list", got: length, expected });
        }
        self.parameters = rest;
        Ok(bytes.as_chunks().0.iter().copied())
    }

    pub(crate) fn floats(&mut self, expected: usize) -> Result<Vec<f32>, KernelError> {
        Ok(self.fours(expected)?.map(f32::from_le_bytes).collect())
    }

    pub(crate) fn integers(&mut self, expected: usize) -> Result<Vec<i32>, KernelError> {
        Ok(self.fours(expected)?.map(i32::from_le_bytes).collect())
    }

    /// Packed weights of as many floats as these sizes multiply to.
    pub(crate) fn packed(&mut self, sizes: &[usize]) -> Result<Packed, KernelError> {
        let expected = volume("packed weights", sizes)?;
        let packed = self.packed.next().ok_or(SHORT)?;
        let got = packed.as_slice().len();
        if got != expected {
            return Err(KernelError::Length { what: "packed weights", got, expected });
        }
        Ok(packed.clone())
    }

    fn name(&mut self) -> Result<&'a str, KernelError> {
        str::from_utf8(self.bytes()?).map_err(|_| SHORT)
    }

    /// A set, where this processor has it.
    pub fn set(&mut self) -> Result<InstructionSet, KernelError> {
        InstructionSet::named(self.name()?)
    }

    /// A set, where this processor has it.
    pub fn byte_set(&mut self) -> Result<ByteSet, KernelError> {
        ByteSet::named(self.name()?)
    }

    pub(crate) fn limits(&mut self) -> Result<[u8; 2], KernelError> {
        self.take()
    }

    /// A scale and a zero point.
    pub fn quantization(&mut self) -> Result<Quantization, KernelError> {
        Ok(Quantization { scale: self.float()?, zero: self.byte()? })
    }

    pub(crate) fn ending(&mut self) -> Result<Ending, KernelError> {
        let (low, high) = (self.float()?, self.float()?);
        let curve = match self.byte()? {
            0 => None,
            1 => Some(Curve::Sigmoid),
            2 => Some(Curve::Silu),
            3 => Some(Curve::HardSwish),
            4 => Some(Curve::Gelu),
            _ => return Err(UNKNOWN),
        };
        Ok(Ending { low, high, curve })
    }
}

impl Save for Activation {
    fn save(&self, to: &mut Saver) {
        to.byte(match self {
            Self::None => 0,
            Self::Relu => 1,
            Self::Clip { .. } => 2,
            Self::Sigmoid => 3,
            Self::Silu => 4,
            Self::HardSwish => 5,
            Self::Gelu => 6,
        });
        if let Self::Clip { low, high } = *self {
            to.float(low);
            to.float(high);
        }
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let activation = match from.byte()? {
            0 => Self::None,
            1 => Self::Relu,
            2 => Self::Clip { low: from.float()?, high: from.float()? },
            3 => Self::Sigmoid,
            4 => Self::Silu,
            5 => Self::HardSwish,
            6 => Self::Gelu,
            _ => return Err(UNKNOWN),
        };
        activation.check()?;
        Ok(activation)
    }
}

const SHORT: KernelError = KernelError::Saved { detail: "it is cut short" };

pub(crate) const UNKNOWN: KernelError = KernelError::Saved { detail: "it has a kind that is not known" };

/// [`Numbers`] of a kernel over bytes.
pub(crate) enum ByteNumbers<'a, 'r, W> {
    /// Weights, a bias that may be empty, and what the sums become.
    Given { weights: W, bias: &'a [i32], requantization: &'a Requantization<'a> },
    /// Packed before.
    Saved(&'a mut Restorer<'r>),
}

impl<'a, 'r, W> ByteNumbers<'a, 'r, W> {
    /// The weights in another form.
    pub(crate) fn map<T>(self, change: impl FnOnce(W) -> T) -> ByteNumbers<'a, 'r, T> {
        match self {
            Self::Given { weights, bias, requantization } => {
                ByteNumbers::Given { weights: change(weights), bias, requantization }
            }
            Self::Saved(from) => ByteNumbers::Saved(from),
        }
    }
}

/// Where a kernel's numbers come from.
pub(crate) enum Numbers<'a, 'r, W> {
    /// A model's weights, to be packed, and one number for each output channel.
    Given(W, Option<&'a [f32]>),
    /// Packed before.
    Saved(&'a mut Restorer<'r>),
}

impl<'a, 'r, W> Numbers<'a, 'r, W> {
    /// The weights in another form.
    pub(crate) fn map<T>(self, change: impl FnOnce(W) -> T) -> Numbers<'a, 'r, T> {
        match self {
            Self::Given(weights, bias) => Numbers::Given(change(weights), bias),
            Self::Saved(from) => Numbers::Saved(from),
        }
    }
}
