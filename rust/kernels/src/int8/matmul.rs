//! Matrix product of bytes with a constant matrix.

use super::Requantization;
use super::conv::hold;
use super::products::{Place, Products};
use super::set::ByteSet;
use super::simd::with_dots;
use crate::error::{KernelError, check_length, volume};
use crate::memory::with_scratch_bytes;
use crate::saved::{ByteNumbers, Restorer, Save, Saver};

/// How a constant matrix of bytes lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum ByteMatrix<'a> {
    /// `[inputs][outputs]`.
    Plain(&'a [i8]),
    /// `[outputs][inputs]`.
    Transposed(&'a [i8]),
}

/// A matrix product of bytes with its weights, ready to run row by row.
#[derive(Clone, Debug)]
pub struct ByteMatMul {
    set: ByteSet,
    inputs: usize,
    outputs: usize,
    products: Products,
    limits: [u8; 2],
}

impl ByteMatMul {
    /// Checks the sizes and packs the weights. `sizes` are inputs and outputs; `bias`, empty or one for each output, has
    /// the scale of input × weight; bytes are held between `limits`.
    pub fn new(
        set: ByteSet,
        sizes: [usize; 2],
        weights: ByteMatrix<'_>,
        bias: &[i32],
        requantization: &Requantization<'_>,
        limits: [u8; 2],
    ) -> Result<Self, KernelError> {
        let [_, outputs] = sizes;
        check_sizes(sizes)?;
        let (ByteMatrix::Plain(values) | ByteMatrix::Transposed(values)) = weights;
        check_length("weights", values, volume("weights", &sizes)?)?;
        if !bias.is_empty() {
            check_length("bias", bias, outputs)?;
        }
        Self::build(set, sizes, limits, ByteNumbers::Given { weights, bias, requantization })
    }

    fn build<'w>(
        set: ByteSet,
        [inputs, outputs]: [usize; 2],
        limits: [u8; 2],
        numbers: ByteNumbers<'_, '_, ByteMatrix<'w>>,
    ) -> Result<Self, KernelError> {
        volume("weights", &[inputs.saturating_add(3), outputs.saturating_add(31)])?;
        let own = |weights: ByteMatrix<'w>| {
            move |output: usize, row: &mut [i8]| match weights {
                ByteMatrix::Plain(values) => {
                    let column = values[output..].iter().step_by(outputs);
                    row.iter_mut().zip(column).for_each(|(to, &weight)| *to = weight);
                }
                ByteMatrix::Transposed(values) => {
                    row[..inputs].copy_from_slice(&values[output * inputs..][..inputs]);
                }
            }
        };
        let (channels, bytes) = (outputs.next_multiple_of(16), inputs.next_multiple_of(4));
        let numbers = numbers.map(own);
        let products =
            with_dots!(set, S => Products::new::<S>((outputs, channels), (vec![0], bytes), numbers)?);
        Ok(Self { set, inputs, outputs, products, limits })
    }

    /// Multiplies every row of `x`, of which there may be any number.
    pub fn run(&self, x: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
        let rows = x.len() / self.inputs;
        check_length("x", x, volume("x", &[rows, self.inputs])?)?;
        check_length("out", out, volume("out", &[rows, self.outputs])?)?;
        if rows == 0 {
            return Ok(());
        }
        let (bytes, channels) = (self.inputs.next_multiple_of(4), self.outputs.next_multiple_of(16));
        let copied = if bytes == self.inputs { 0 } else { volume("rows", &[rows, bytes])? };
        let staged = if channels == self.outputs { 0 } else { volume("rows", &[rows, channels])? };
        with_scratch_bytes(copied + staged, |scratch| {
            let (copy, stage) = scratch.split_at_mut(copied);
            if copied > 0 {
                for (copy, row) in copy.chunks_exact_mut(bytes).zip(x.chunks_exact(self.inputs)) {
                    copy[..self.inputs].copy_from_slice(row);
                }
            }
            let place = Place {
                x: if copied > 0 { copy.as_ptr() } else { x.as_ptr() },
                rows: 1,
                width: rows,
                row: 0,
                pixel: bytes,
                out: if staged > 0 { stage.as_mut_ptr() } else { out.as_mut_ptr() },
                out_pixel: channels,
            };
            // SAFETY: holding the set proves the instructions. Each row has `bytes`, and room for `channels`.
            with_dots!(self.set, S => unsafe { self.products.run::<S>(&place) });
            if staged > 0 {
                for (row, stage) in out.chunks_exact_mut(self.outputs).zip(stage.chunks_exact(channels)) {
                    row.copy_from_slice(&stage[..self.outputs]);
                }
            }
        });
        hold(self.set, self.limits, out);
        Ok(())
    }
}

fn check_sizes([inputs, outputs]: [usize; 2]) -> Result<(), KernelError> {
    if inputs == 0 || outputs == 0 {
        let got = format!("{inputs} × {outputs}");
        return Err(KernelError::parameter("the matrix", got, "it must have elements"));
    }
    Ok(())
}

impl Save for ByteMatMul {
    fn save(&self, to: &mut Saver) {
        to.byte_set(self.set);
        to.sizes([self.inputs, self.outputs]);
        to.limits(self.limits);
        self.products.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, sizes, limits) = (from.byte_set()?, from.sizes()?, from.limits()?);
        check_sizes(sizes)?;
        Self::build(set, sizes, limits, ByteNumbers::Saved(from))
    }
}
