//! A convolution and the pooling of what it gives, in one pass over bands of rows.
//!
//! Between the two lies the largest image of many networks. A few of its rows at a time stay in a second-level cache until they are
//! pooled; rows that the next band reads too are kept.

use super::bands::Rows;
use super::direct::Direct;
use super::{Algorithm, Conv2d, ConvShape};
use crate::error::{KernelError, check_length, volume};
use crate::memory::with_scratch;
use crate::pool::{Pool2d, PoolShape};
use crate::saved::{Restorer, Save, Saver};
use crate::simd::{Simd, with_simd};
use crate::threads::{self, Disjoint};

/// Floats of a band of the image between: what stays in a second-level cache beside the input.
const WORKING_SET: usize = 1 << 16;

/// A convolution and a pooling as one kernel: `pool(conv(x))`.
#[derive(Clone, Debug)]
pub struct PooledConv2d {
    conv: Conv2d,
    pool: Pool2d,
    /// Rows of the output in a band.
    rows: usize,
    /// Floats of a block of what a band pools.
    line: usize,
}

impl PooledConv2d {
    /// Takes a convolution whose outputs are sums over the taps of a kernel larger than a pixel, and a pooling of them.
    pub fn new(conv: Conv2d, pool: Pool2d) -> Result<Self, KernelError> {
        let (from, to) = (&conv.shape, pool.shape());
        let sums = matches!(&conv.algorithm, Algorithm::Direct(direct) if direct.has_rows());
        let follows = [from.batch, from.out_channels] == [to.batch, to.channels] && from.output == to.input;
        if !sums || !follows || conv.set != pool.set() {
            let got = format!("{} to {from:?}, and {to:?}", conv.algorithm());
            return Err(KernelError::parameter(
                "a pooled convolution",
                got,
                "it must be direct, then pooled",
            ));
        }
        let (sizes, row) = (rows(to), volume("a band", &[to.input[1], conv.set.lanes()])?);
        let blocks = to.channels.div_ceil(conv.set.lanes());
        let fits = |rows: usize| {
            volume("a band", &[sizes.needed(rows), row, blocks]).is_ok_and(|floats| floats <= WORKING_SET)
        };
        let rows = sizes.equal(fits);
        let line = sizes.needed(rows) * row;
        volume("a band", &[line, blocks])?;
        Ok(Self { conv, pool, rows, line })
    }

    /// The convolution's sizes and parameters.
    pub fn conv_shape(&self) -> &ConvShape {
        &self.conv.shape
    }

    /// The pooling's sizes and parameters.
    pub fn pool_shape(&self) -> &PoolShape {
        self.pool.shape()
    }

    /// Runs over a whole batch.
    pub fn run(&self, x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.conv.input_len)?;
        check_length("out", out, self.pool.output_len())?;
        let Algorithm::Direct(direct) = &self.conv.algorithm else { return Ok(()) };
        if out.is_empty() {
            return Ok(());
        }
        let batch = self.conv.shape.batch;
        let (input, output) = (x.len() / batch, out.len() / batch);
        for (x, out) in x.chunks_exact(input).zip(out.chunks_exact_mut(output)) {
            // SAFETY: holding the set proves the instructions. The slices are one image of the shapes.
            with_simd!(self.conv.set, S => unsafe { self.image::<S>(direct, x, out) });
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn image<S: Simd>(&self, direct: &Direct, x: &[f32], out: &mut [f32]) {
        let (shape, sizes, line) = (&self.conv.shape, rows(self.pool.shape()), self.line);
        let row = shape.output[1] * S::LANES;
        let products = direct.products(shape.pixels());
        // As in an inverted residual block: a thread's bands lie side by side.
        let (bands, rows) = sizes.shared(self.rows, threads::available(products));
        let out = Disjoint::new(out);
        let go = |x: &[f32]| {
            threads::divide(bands, products, |bands| {
                with_scratch(line * shape.out_channels.div_ceil(S::LANES), |image| {
                    for band in sizes.bands(bands, rows) {
                        band.keep(image, line, row);
                        let fresh = Disjoint::new(&mut image[band.kept * row..]);
                        // SAFETY: the caller's promise. The rows that are not kept have room behind those that are, in every
                        // block; the band's rows of the output belong to it alone.
                        unsafe {
                            direct.rows::<S>(shape, band.fresh(), x, None, (&fresh, line));
                            self.pool.band::<S>(
                                band.rows,
                                band.padding,
                                band.reads.len(),
                                (image, line),
                                &out,
                            );
                        }
                    }
                });
            });
        };
        // SAFETY: the caller's promise.
        unsafe { direct.with_input::<S>(shape, x, go) };
    }
}

/// What the pooling does with rows.
fn rows(shape: &PoolShape) -> Rows {
    Rows {
        input: shape.input[0],
        output: shape.output[0],
        window: (shape.kernel[0] - 1) * shape.dilation[0] + 1,
        stride: shape.stride[0],
        padding: shape.padding[0],
    }
}

impl Save for PooledConv2d {
    fn save(&self, to: &mut Saver) {
        self.conv.save(to);
        self.pool.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        Self::new(Conv2d::restore(from)?, Pool2d::restore(from)?)
    }
}
