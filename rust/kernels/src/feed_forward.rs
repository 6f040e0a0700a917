//! Two matrix products in a row, of which only the second's result is wanted.

use crate::error::KernelError;
use crate::matmul::{MatMul, Rows, blocked_rows, check_rows};
use crate::memory::with_scratch;
use crate::saved::{Restorer, Save, Saver};
use crate::simd::with_simd;

/// The feed-forward layer of a transformer: a product, and a product of what it gives.
///
/// The first writes its rows as the second reads them, in memory that each thread keeps. The result is that of both, one after the
/// other, bit for bit.
///
/// See Vaswani et al., “Attention Is All You Need” (2017), section 3.3.
///
/// # Example
///
/// ```
/// use tandem_kernels::{Activation, FeedForward, InstructionSet, MatMul, MatMulWeights};
///
/// let set = InstructionSet::best();
/// let wide = MatMul::new(set, [1, 3], MatMulWeights::Plain(&[1.0, 2.0, 3.0]), None, Activation::Relu)?;
/// let narrow = MatMul::new(set, [3, 1], MatMulWeights::Plain(&[1.0; 3]), None, Activation::None)?;
/// let layer = FeedForward::new(wide, narrow)?;
/// let mut out = [0.0; 2];
/// layer.run(&[2.0, -2.0], None, &mut out)?;
/// assert_eq!(out, [12.0, 0.0]);
/// # Ok::<(), tandem_kernels::KernelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeedForward {
    first: MatMul,
    second: MatMul,
}

impl FeedForward {
    /// Of two products for the same instructions, the second of which has as many inputs as the first has outputs.
    pub fn new(first: MatMul, second: MatMul) -> Result<Self, KernelError> {
        if first.set != second.set {
            let got = format!("{} and {}", first.set, second.set);
            return Err(KernelError::parameter("instruction sets", got, "both products must have one"));
        }
        if first.outputs != second.inputs {
            let got = format!("{} inputs behind {} outputs", second.inputs, first.outputs);
            return Err(KernelError::parameter(
                "the second product",
                got,
                "it must read what the first gives",
            ));
        }
        Ok(Self { first, second })
    }

    /// Inputs and outputs of a row.
    pub fn sizes(&self) -> [usize; 2] {
        [self.first.inputs, self.second.outputs]
    }

    /// Computes every row of `x`, of which there may be any number. `residual` is added before the second's activation.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        let Self { first, second } = self;
        let rows = check_rows(self.sizes(), x, residual, out)?;
        if rows == 0 {
            return Ok(());
        }
        let packed = blocked_rows(first.set, rows, first.inputs)?;
        let between = blocked_rows(first.set, rows, first.outputs)?;
        // SAFETY: holding the set proves the instructions. `x`, `residual` and `out` are `rows` rows; there is room for as many
        // between the products, whose blocks are whole and whose sizes agree.
        with_simd!(first.set, S => unsafe {
            with_scratch(between.length, |hidden| {
                first.with_blocks::<S>(x, rows, packed, |x| {
                    first.product::<S>(x, packed.line, rows, None, Rows::Blocked(between.line), hidden);
                });
                second.product::<S>(hidden, between.line, rows, residual, Rows::Plain, out);
            });
        });
        Ok(())
    }
}

impl Save for FeedForward {
    fn save(&self, to: &mut Saver) {
        self.first.save(to);
        self.second.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        Self::new(MatMul::restore(from)?, MatMul::restore(from)?)
    }
}
