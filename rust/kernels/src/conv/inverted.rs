//! An inverted residual block: a pointwise convolution that expands, a depthwise one, a pointwise one that projects, in one
//! pass over bands of rows.
//!
//! What the first gives is several times as large as what comes in and goes out. A few rows of it at a time stay in the
//! second-level cache until the depthwise convolution has read them; those that the next band reads too are kept.

use std::ops::Range;

use super::depthwise::Depthwise;
use super::direct::Direct;
use super::{Algorithm, Conv2d, ConvShape};
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::memory::with_scratch;
use crate::simd::{Simd, with_simd};
use crate::threads::{self, Disjoint};
use crate::tile::Step;

/// Floats of the two intermediate bands together: what stays in a second-level cache.
const WORKING_SET: usize = 1 << 17;

/// Three convolutions as one kernel: `project(depthwise(expand(x))) + residual`, each with its activation.
#[derive(Clone, Debug)]
pub struct InvertedResidual {
    set: InstructionSet,
    expand: Conv2d,
    depthwise: Conv2d,
    project: Conv2d,
    /// Rows of the output in a band.
    rows: usize,
    /// Rows of the expanded image that a band reads at most.
    expanded_rows: usize,
    /// Where the projection finds its inputs in a band.
    steps: Vec<Step>,
}

impl InvertedResidual {
    /// Takes three convolutions over blocked images, each of which fits the one before: pointwise without stride, depthwise
    /// without dilation, pointwise without stride.
    pub fn new(expand: Conv2d, depthwise: Conv2d, project: Conv2d) -> Result<Self, KernelError> {
        let set = expand.set;
        let shapes = [expand.shape, depthwise.shape, project.shape];
        let joined = (0..2).all(|index| {
            let (one, next) = (&shapes[index], &shapes[index + 1]);
            one.batch == next.batch && one.out_channels == next.in_channels && one.output == next.input
        });
        let pointwise =
            |conv: &Conv2d| matches!(&conv.algorithm, Algorithm::Direct(direct) if direct.is_flat());
        let fits = joined
            && [depthwise.set, project.set] == [set; 2]
            && pointwise(&expand)
            && pointwise(&project)
            && matches!(depthwise.algorithm, Algorithm::Depthwise(_))
            && depthwise.shape.dilation == [1, 1];
        if !fits {
            let got =
                format!("{}, {} and {}", expand.algorithm(), depthwise.algorithm(), project.algorithm());
            return Err(KernelError::parameter(
                "a block",
                got,
                "it must be pointwise, depthwise, pointwise, in line",
            ));
        }
        let (shape, lanes) = (&depthwise.shape, set.lanes());
        let blocks = shape.in_channels.div_ceil(lanes);
        let needed = |rows: usize| ((rows - 1) * shape.stride[0] + shape.kernel[0]).min(shape.input[0]);
        let floats = |rows: usize| {
            let pixels = [needed(rows).checked_mul(shape.input[1])?, rows.checked_mul(shape.output[1])?];
            pixels[0].checked_add(pixels[1])?.checked_mul(blocks)?.checked_mul(lanes)
        };
        let height = shape.output[0].max(1);
        let overflow = KernelError::Overflow { what: "a band" };
        let most = floats(height).filter(|&floats| floats <= isize::MAX as usize / 64).ok_or(overflow)?;
        // Bands of equal size, as few as fit.
        let rows = (1..=height).rev().find(|&rows| floats(rows).is_some_and(|floats| floats <= WORKING_SET));
        let rows =
            if most <= WORKING_SET { height } else { height.div_ceil(height.div_ceil(rows.unwrap_or(1))) };
        let line = volume("a band", &[rows, shape.output[1], lanes])?;
        let steps = (0..blocks)
            .map(|block| Step { offset: block * line, lanes: lanes.min(shape.in_channels - block * lanes) })
            .collect();
        let expanded_rows = needed(rows);
        Ok(Self { set, expand, depthwise, project, rows, expanded_rows, steps })
    }

    /// Of the first convolution, and of the last.
    pub fn shapes(&self) -> [&ConvShape; 2] {
        [&self.expand.shape, &self.project.shape]
    }

    /// Runs over a whole batch. `residual`, blocked like `out`, is added before the last activation.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.expand.input_len)?;
        check_length("out", out, self.project.output_len)?;
        if let Some(residual) = residual {
            check_length("residual", residual, self.project.output_len)?;
        }
        let Algorithm::Direct(expand) = &self.expand.algorithm else { return Ok(()) };
        let Algorithm::Depthwise(depthwise) = &self.depthwise.algorithm else { return Ok(()) };
        let Algorithm::Direct(project) = &self.project.algorithm else { return Ok(()) };
        if out.is_empty() {
            return Ok(());
        }
        let batch = self.expand.shape.batch;
        let (input, output) = (x.len() / batch, out.len() / batch);
        for (image, out) in out.chunks_exact_mut(output).enumerate() {
            let x = &x[image * input..][..input];
            let residual = residual.map(|residual| &residual[image * output..][..output]);
            // SAFETY: holding the set proves the instructions. The slices are one image of the shapes.
            with_simd!(self.set, S => unsafe {
                self.image::<S>(x, residual, out, (expand, depthwise, project));
            });
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn image<S: Simd>(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32], parts: Parts<'_>) {
        let bands = self.depthwise.shape.output[0].div_ceil(self.rows);
        let [input, output] = [&self.expand.shape, &self.project.shape].map(ConvShape::pixels);
        let (expand, depthwise, project) = parts;
        let products =
            expand.products(input) + depthwise.products(&self.depthwise.shape) + project.products(output);
        let out = Disjoint::new(out);
        // SAFETY: the caller's promise; each band belongs to one unit.
        let run = |bands| unsafe { self.bands::<S>(bands, x, residual, &out, parts) };
        if bands >= 2 * threads::available(products) {
            threads::share(bands, products, run);
        } else {
            // Each convolution of a band is shared instead: no row is computed twice.
            run(0..bands);
        }
    }

    /// Some bands of an image.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each, and nobody else writes the rows of the bands.
    unsafe fn bands<S: Simd>(
        &self,
        bands: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &Disjoint<'_, f32>,
        (expand, depthwise, project): Parts<'_>,
    ) {
        let shape = &self.depthwise.shape;
        let blocks = shape.in_channels.div_ceil(S::LANES);
        let (row, out_row) = (shape.input[1] * S::LANES, shape.output[1] * S::LANES);
        let (expanded_line, line) = (self.expanded_rows * row, self.rows * out_row);
        let inside = |row: usize| row.saturating_sub(shape.padding[0]).min(shape.input[0]);
        with_scratch(blocks * (expanded_line + line), |scratch| {
            let (expanded, band) = scratch.split_at_mut(blocks * expanded_line);
            // The rows of the expanded image that are there.
            let mut have = 0..0;
            for first in bands.map(|band| band * self.rows) {
                let rows = self.rows.min(shape.output[0] - first);
                let top = first * shape.stride[0];
                let end = top + (rows - 1) * shape.stride[0] + shape.kernel[0];
                let want = inside(top)..inside(end);
                let kept = want.start.max(have.start).min(have.end)..have.end.min(want.end).max(have.start);
                let count = if kept.start == want.start { kept.len() } else { 0 };
                if count > 0 {
                    let from = (kept.start - have.start) * row;
                    for block in expanded.chunks_exact_mut(expanded_line) {
                        block.copy_within(from..from + count * row, 0);
                    }
                }
                have = want.clone();
                let fresh = want.start + count..want.end;
                let mut own = *shape;
                own.input[0] = want.len();
                own.output[0] = rows;
                // Rows of padding above the band, which has no others.
                own.padding[0] = (want.start + shape.padding[0]).saturating_sub(top).min(shape.padding[0]);
                // SAFETY: the rows of the input, of the room for the expanded image and of the output lie inside.
                unsafe {
                    if !fresh.is_empty() {
                        expand.pixels::<S>(
                            None,
                            &x[fresh.start * row..],
                            fresh.len() * shape.input[1],
                            (None, &Disjoint::new(&mut expanded[count * row..]), expanded_line),
                        );
                    }
                    depthwise.run::<S>(&own, expanded, None, band, [expanded_line, line]);
                    let at = first * out_row;
                    project.pixels::<S>(
                        Some(&self.steps),
                        band,
                        rows * shape.output[1],
                        (residual.map(|residual| &residual[at..]), &out.from(at), shape.pixels() * S::LANES),
                    );
                }
            }
        });
    }
}

/// The algorithms of the three convolutions.
type Parts<'a> = (&'a Direct, &'a Depthwise, &'a Direct);
