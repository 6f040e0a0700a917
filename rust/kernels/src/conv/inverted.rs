//! An inverted residual block: a pointwise convolution that expands, a depthwise one, a pointwise one that projects, in one
//! pass over bands of rows. The first may be missing, and a squeeze and excitation may lie before the last.
//!
//! What the first gives is several times as large as what comes in and goes out. A few rows and channels of it at a time stay in the
//! first-level cache until the depthwise convolution has read them; rows that the next band reads too are kept.

use std::marker::PhantomData;
use std::ops::Range;

use super::depthwise::Depthwise;
use super::direct::Direct;
use super::{Algorithm, Conv2d, ConvShape};
use crate::elementwise::gate_blocks;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::memory::with_scratch;
use crate::pool::Mean;
use crate::saved::{Restorer, Save, Saver, UNKNOWN};
use crate::simd::{Simd, with_simd};
use crate::threads::{self, Disjoint};
use crate::tile::Step;

/// Floats of the two intermediate bands together: what stays in a second-level cache.
const WORKING_SET: usize = 1 << 17;

/// The convolutions of a block, each of which fits the one before.
#[derive(Clone, Debug)]
pub struct BlockConvs {
    /// Pointwise, without stride. Without one the block is a depthwise separable convolution.
    pub expand: Option<Conv2d>,
    /// Depthwise, without dilation.
    pub depthwise: Conv2d,
    /// Squeeze and excitation: two pointwise convolutions of the channels' means, which give a factor for each channel.
    pub squeeze: Option<[Conv2d; 2]>,
    /// Pointwise, without stride.
    pub project: Conv2d,
}

/// Convolutions as one kernel: `project(gated(depthwise(expand(x)))) + residual`, each with its activation.
#[derive(Clone, Debug)]
pub struct InvertedResidual {
    set: InstructionSet,
    convs: BlockConvs,
    /// Rows of the output in a band.
    rows: usize,
    /// Rows of the expanded image that a band reads at most.
    expanded_rows: usize,
    /// Where the projection finds its inputs in a band.
    steps: Vec<Step>,
}

impl InvertedResidual {
    /// Takes convolutions over blocked images.
    pub fn new(convs: BlockConvs) -> Result<Self, KernelError> {
        let BlockConvs { expand, depthwise, squeeze, project } = &convs;
        let set = depthwise.set;
        if !fit(&convs) {
            let names = expand.iter().chain([depthwise]).chain(squeeze.iter().flatten()).chain([project]);
            let got = names.map(Conv2d::algorithm).collect::<Vec<_>>().join(", ");
            return Err(KernelError::parameter(
                "a block",
                got,
                "it must be pointwise, depthwise, pointwise, in line",
            ));
        }
        let (shape, lanes) = (&depthwise.shape, set.lanes());
        let blocks = shape.in_channels.div_ceil(lanes);
        let needed = |rows: usize| ((rows - 1) * shape.stride[0] + shape.kernel[0]).min(shape.input[0]);
        let height = shape.output[0].max(1);
        // What is expanded, of which a band that is all of the image keeps nothing, and what is filtered unless all of that is kept.
        let floats = |rows: usize| {
            let kept = expand.is_some() && rows < height;
            let expanded = if kept { needed(rows).checked_mul(shape.input[1])? } else { 0 };
            let filtered = if squeeze.is_none() { rows.checked_mul(shape.output[1])? } else { 0 };
            expanded.checked_add(filtered)?.checked_mul(blocks)?.checked_mul(lanes)
        };
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
        Ok(Self { set, convs, rows, expanded_rows, steps })
    }

    fn first(&self) -> &Conv2d {
        self.convs.expand.as_ref().unwrap_or(&self.convs.depthwise)
    }

    /// Whether it begins with a pointwise convolution.
    pub fn expands(&self) -> bool {
        self.convs.expand.is_some()
    }

    /// Of the first convolution, and of the last.
    pub fn shapes(&self) -> [&ConvShape; 2] {
        [&self.first().shape, &self.convs.project.shape]
    }

    /// Runs over a whole batch. `residual`, blocked like `out`, is added before the last activation.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.first().input_len)?;
        check_length("out", out, self.convs.project.output_len)?;
        if let Some(residual) = residual {
            check_length("residual", residual, self.convs.project.output_len)?;
        }
        let Algorithm::Depthwise(depthwise) = &self.convs.depthwise.algorithm else { return Ok(()) };
        let Algorithm::Direct(project) = &self.convs.project.algorithm else { return Ok(()) };
        let expand = match self.convs.expand.as_ref().map(|conv| &conv.algorithm) {
            Some(Algorithm::Direct(expand)) => Some(expand),
            _ => None,
        };
        if out.is_empty() {
            return Ok(());
        }
        let batch = self.convs.depthwise.shape.batch;
        let (input, output) = (x.len() / batch, out.len() / batch);
        for (image, out) in out.chunks_exact_mut(output).enumerate() {
            let x = &x[image * input..][..input];
            let residual = residual.map(|residual| &residual[image * output..][..output]);
            let parts = Parts { expand, depthwise, project };
            // SAFETY: holding the set proves the instructions. The slices are one image of the shapes.
            with_simd!(self.set, S => unsafe {
                match &self.convs.squeeze {
                    None => self.image::<S>(x, residual, out, parts),
                    Some(squeeze) => self.squeezed::<S>(x, residual, out, parts, squeeze),
                }
            });
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn image<S: Simd>(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32], parts: Parts<'_>) {
        let shape = &self.convs.depthwise.shape;
        let (height, row) = (shape.output[0], shape.output[1] * S::LANES);
        let (line, out_line) = (self.rows * row, shape.pixels() * S::LANES);
        let project = parts.project;
        let out = Disjoint::new(out);
        if self.rows >= height {
            with_scratch(self.steps.len() * line, |filtered| {
                // SAFETY: the caller's promise; there is room for all of the filtered image.
                unsafe {
                    self.filter::<S>(x, parts, filtered, |_, _| {});
                    let to = (residual, &out, out_line);
                    project.pixels::<S>(project.groups(), None, filtered, shape.pixels(), to);
                }
            });
            return;
        }
        let products = self.filter_products(parts) + project.products(shape.pixels());
        // A thread's bands lie side by side: what one has expanded for the next is not expanded again.
        let bands = height.div_ceil(self.rows).next_multiple_of(threads::available(products));
        let rows = height.div_ceil(bands);
        let bands = height.div_ceil(rows);
        threads::divide(bands, products, |bands| {
            with_scratch(self.steps.len() * line, |filtered| {
                let piece = Piece { bands, rows, units: parts.units::<S>() };
                // SAFETY: the caller's promise; each band belongs to one thread, and its filtered rows have room.
                unsafe {
                    self.bands::<S>(piece, x, parts, |rows, filter| {
                        filter(&mut *filtered, line);
                        let at = rows.start * row;
                        let residual = residual.map(|residual| &residual[at..]);
                        let pixels = rows.len() * shape.output[1];
                        let to = (residual, &out.from(at), out_line);
                        project.pixels::<S>(project.groups(), Some(&self.steps), filtered, pixels, to);
                    });
                }
            });
        });
    }

    /// As [`image`](Self::image), with a squeeze and excitation, which wants all pixels before the first is projected.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn squeezed<S: Simd>(
        &self,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
        parts: Parts<'_>,
        squeeze: &[Conv2d; 2],
    ) {
        let shape = &self.convs.depthwise.shape;
        let (line, blocks) = (shape.pixels() * S::LANES, self.steps.len());
        let [narrow, wide] = [squeeze[0].output_len, squeeze[1].output_len].map(|all| all / shape.batch);
        with_scratch(blocks * line + blocks * S::LANES + narrow + wide, |scratch| {
            let (filtered, rest) = scratch.split_at_mut(blocks * line);
            let (means, rest) = rest.split_at_mut(blocks * S::LANES);
            let (narrow, wide) = rest.split_at_mut(narrow);
            // SAFETY: the caller's promise; there is room for all of the filtered image, its means and what they become, and each
            // block's mean belongs to the thread that filters it.
            unsafe {
                let places = Disjoint::new(&mut *means);
                self.filter::<S>(x, parts, filtered, |first, filtered| {
                    for (block, filtered) in filtered.chunks_exact(line).enumerate() {
                        let at = (first + block) * S::LANES;
                        S::vectorize(Mean::<S>(filtered, places.range(at..at + S::LANES), PhantomData));
                    }
                });
                let mut from = &*means;
                for (conv, to) in squeeze.iter().zip([&mut *narrow, &mut *wide]) {
                    if let Algorithm::Direct(direct) = &conv.algorithm {
                        direct.run::<S>(&conv.shape, from, None, to);
                    }
                    from = to;
                }
                gate_blocks(self.set, line, wide, filtered);
                let to = (residual, &Disjoint::new(out), line);
                parts.project.pixels::<S>(parts.project.groups(), None, filtered, shape.pixels(), to);
            }
        });
    }

    /// Multiply-adds of all but the projection.
    fn filter_products(&self, parts: Parts<'_>) -> usize {
        let shape = &self.convs.depthwise.shape;
        let expand = parts.expand.map_or(0, |expand| expand.products(shape.input[0] * shape.input[1]));
        expand + parts.depthwise.products(shape)
    }

    /// Filters all of an image. Threads share its channels, so that each reads only what it has expanded itself; each gives what it
    /// has filtered to `done`, with the index of its first block.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; `x` and `filtered` are one image each.
    unsafe fn filter<S: Simd>(
        &self,
        x: &[f32],
        parts: Parts<'_>,
        filtered: &mut [f32],
        done: impl Fn(usize, &[f32]) + Sync,
    ) {
        let shape = &self.convs.depthwise.shape;
        let (row, line) = (shape.output[1] * S::LANES, shape.pixels() * S::LANES);
        let filtered = Disjoint::new(filtered);
        threads::share(parts.units::<S>().len(), self.filter_products(parts), |units| {
            let blocks = parts.blocks(&units);
            let bands = 0..shape.output[0].div_ceil(self.rows);
            // SAFETY: the caller's promise; each block belongs to one range of units.
            unsafe {
                let filtered = filtered.range(blocks.start * line..blocks.end * line);
                self.bands::<S>(Piece { bands, rows: self.rows, units }, x, parts, |rows, filter| {
                    filter(&mut filtered[rows.start * row..], line);
                });
                done(blocks.start, filtered);
            }
        });
    }

    /// Gives the bands of a piece of an image to `each`, one after another: the rows of the output, and a function that filters them
    /// into a slice of so many floats for each of the piece's blocks of channels.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; `x` is one image, and what `each` gives to the function holds the rows.
    unsafe fn bands<S: Simd>(
        &self,
        piece: Piece,
        x: &[f32],
        parts: Parts<'_>,
        mut each: impl FnMut(Range<usize>, &mut dyn FnMut(&mut [f32], usize)),
    ) {
        let shape = &self.convs.depthwise.shape;
        let row = shape.input[1] * S::LANES;
        // Floats of a block of what is filtered: all of the input, or what of it is expanded.
        let line = if parts.expand.is_some() { self.expanded_rows * row } else { shape.input[0] * row };
        let inside = |row: usize| row.saturating_sub(shape.padding[0]).min(shape.input[0]);
        let origin = parts.blocks(&piece.units).start;
        let chunks = parts.chunks(&piece.units);
        let whole = piece.rows >= shape.output[0];
        let most = chunks.iter().map(|(_, blocks)| blocks.len()).max().unwrap_or(0);
        let kept = if whole { most } else { parts.blocks(&piece.units).len() };
        let room = if parts.expand.is_some() { kept * line } else { 0 };
        with_scratch(room, |expanded| {
            // The rows of the expanded image that are there.
            let mut have = 0..0;
            for first in piece.bands.map(|band| band * piece.rows) {
                let rows = piece.rows.min(shape.output[0] - first);
                let top = first * shape.stride[0];
                let end = top + (rows - 1) * shape.stride[0] + shape.kernel[0];
                let want = inside(top)..inside(end);
                let kept = want.start.max(have.start).min(have.end)..have.end.min(want.end).max(have.start);
                let count = if kept.start == want.start { kept.len() } else { 0 };
                let from = kept.start.saturating_sub(have.start) * row;
                let fresh = want.start + count..want.end;
                let mut own = *shape;
                own.input[0] = want.len();
                own.output[0] = rows;
                // Rows of padding above the band, which has no others.
                own.padding[0] = (want.start + shape.padding[0]).saturating_sub(top).min(shape.padding[0]);
                each(first..first + rows, &mut |out, out_line| {
                    for (groups, blocks) in &chunks {
                        let x = match parts.expand {
                            None => &x[blocks.start * line + want.start * row..],
                            Some(expand) => {
                                let at = if whole { 0 } else { (blocks.start - origin) * line };
                                let part = &mut expanded[at..][..blocks.len() * line];
                                if count > 0 && from > 0 {
                                    for block in part.chunks_exact_mut(line) {
                                        block.copy_within(from..from + count * row, 0);
                                    }
                                }
                                if !fresh.is_empty() {
                                    let to = (None, &Disjoint::new(&mut part[count * row..]), line);
                                    let pixels = fresh.len() * shape.input[1];
                                    let x = &x[fresh.start * row..];
                                    // SAFETY: the rows of the input and of the room for the expanded image lie inside.
                                    unsafe { expand.pixels::<S>(groups.clone(), None, x, pixels, to) };
                                }
                                &*part
                            }
                        };
                        let out = &mut out[(blocks.start - origin) * out_line..];
                        let lines = [line, out_line];
                        // SAFETY: the rows lie inside what is filtered; the caller promises those of the output.
                        unsafe { parts.depthwise.run::<S>(&own, blocks.clone(), x, None, out, lines) };
                    }
                });
                have = want;
            }
        });
    }
}

/// Whether the convolutions of a block follow each other and are of the kinds that it is made of.
fn fit(convs: &BlockConvs) -> bool {
    let BlockConvs { expand, depthwise, squeeze, project } = convs;
    let pointwise = |conv: &Conv2d| matches!(&conv.algorithm, Algorithm::Direct(direct) if direct.is_flat());
    let follows = |one: &ConvShape, next: &ConvShape| {
        one.batch == next.batch && one.out_channels == next.in_channels && one.output == next.input
    };
    let own = &depthwise.shape;
    let squeezes = squeeze.as_ref().is_none_or(|[first, second]| {
        let [narrow, wide] = [&first.shape, &second.shape];
        let ends = [narrow.in_channels, wide.out_channels] == [own.out_channels; 2];
        let one = narrow.input == [1, 1] && narrow.batch == own.batch;
        ends && one && follows(narrow, wide) && pointwise(first) && pointwise(second)
    });
    let all = expand.iter().chain(squeeze.iter().flatten()).chain([project]);
    matches!(depthwise.algorithm, Algorithm::Depthwise(_))
        && own.dilation == [1, 1]
        && own.output[0] > 0
        && pointwise(project)
        && follows(own, &project.shape)
        && expand.as_ref().is_none_or(|expand| pointwise(expand) && follows(&expand.shape, own))
        && squeezes
        && all.into_iter().all(|conv| conv.set == depthwise.set)
}

/// The algorithms of the convolutions.
#[derive(Clone, Copy)]
struct Parts<'a> {
    expand: Option<&'a Direct>,
    depthwise: &'a Depthwise,
    project: &'a Direct,
}

impl Parts<'_> {
    /// What the channels of the filtered image are computed in: groups of the first convolution, or blocks where there is none.
    fn units<S: Simd>(&self) -> Range<usize> {
        self.expand.map_or_else(|| self.depthwise.blocks::<S>(), Direct::groups)
    }

    /// The blocks of channels of some units.
    fn blocks(&self, units: &Range<usize>) -> Range<usize> {
        self.expand.map_or_else(|| units.clone(), |expand| expand.blocks(units))
    }

    /// Units, with their blocks, that are computed one after another: what is expanded together is filtered at once, while it is in
    /// the first-level cache.
    fn chunks(&self, units: &Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
        match self.expand {
            Some(_) => units.clone().map(|unit| (unit..unit + 1, self.blocks(&(unit..unit + 1)))).collect(),
            None => vec![(units.clone(), units.clone())],
        }
    }
}

/// What of an image is computed by itself: some bands of so many rows of the output, and some units of their channels.
struct Piece {
    bands: Range<usize>,
    rows: usize,
    units: Range<usize>,
}

impl Save for InvertedResidual {
    fn save(&self, to: &mut Saver) {
        let BlockConvs { expand, depthwise, squeeze, project } = &self.convs;
        to.byte(u8::from(expand.is_some()));
        to.byte(u8::from(squeeze.is_some()));
        for conv in expand.iter().chain([depthwise]).chain(squeeze.iter().flatten()).chain([project]) {
            conv.save(to);
        }
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let flag = |byte: u8| match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(UNKNOWN),
        };
        let (expands, squeezes) = (flag(from.byte()?)?, flag(from.byte()?)?);
        let expand = expands.then(|| Conv2d::restore(from)).transpose()?;
        let depthwise = Conv2d::restore(from)?;
        let squeeze = if squeezes { Some([Conv2d::restore(from)?, Conv2d::restore(from)?]) } else { None };
        Self::new(BlockConvs { expand, depthwise, squeeze, project: Conv2d::restore(from)? })
    }
}
