//! An inverted residual block: a pointwise convolution that expands, a depthwise one, a pointwise one that projects, in one
//! pass over bands of rows. The first may be missing, or be a network's first convolution, of a kernel larger than a pixel; a squeeze
//! and excitation may lie before the last.
//!
//! What the first gives is several times as large as what comes in and goes out. A few rows and channels of it at a time stay in the
//! first-level cache until the depthwise convolution has read them; rows that the next band reads too are kept.

mod bands;

use std::marker::PhantomData;

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
use bands::{Expand, Filter, Piece};

/// Floats of the two intermediate bands together: what stays in a second-level cache.
const WORKING_SET: usize = 1 << 17;

/// Rows of an image that are worth a thread of their own: those that the next thread expands too are few beside them.
const ROWS: usize = 7;

/// The convolutions of a block, each of which fits the one before.
#[derive(Clone, Debug)]
pub struct BlockConvs {
    /// Pointwise, without stride, or of a larger kernel whose outputs are sums over its taps. Without one the block is a depthwise
    /// separable convolution.
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
                "it must be direct, depthwise, pointwise, in line",
            ));
        }
        let (shape, lanes) = (&depthwise.shape, set.lanes());
        let blocks = shape.in_channels.div_ceil(lanes);
        let needed = |rows: usize| bands::rows(shape).needed(rows);
        let height = shape.output[0].max(1);
        // What is expanded, of which a band that is all of the image keeps nothing, and what is filtered unless all of that is kept.
        let floats = |rows: usize| {
            let kept = expand.is_some() && rows < height;
            let expanded = if kept { needed(rows).checked_mul(shape.input[1])? } else { 0 };
            let filtered = if squeeze.is_none() { rows.checked_mul(shape.output[1])? } else { 0 };
            expanded.checked_add(filtered)?.checked_mul(blocks)?.checked_mul(lanes)
        };
        let most = floats(height).filter(|&floats| floats <= isize::MAX as usize / 64);
        most.ok_or(KernelError::Overflow { what: "a band" })?;
        let fits = |rows| floats(rows).is_some_and(|floats| floats <= WORKING_SET);
        let rows = bands::rows(shape).equal(fits);
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
        self.convs.expand.as_ref().is_some_and(pointwise)
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
        let expand = self.convs.expand.as_ref().and_then(|conv| match &conv.algorithm {
            Algorithm::Direct(direct) => Some(Expand { shape: &conv.shape, direct }),
            _ => None,
        });
        if out.is_empty() {
            return Ok(());
        }
        let shape = &self.convs.depthwise.shape;
        let filter = Filter { shape, expanded_rows: self.expanded_rows, expand, depthwise };
        let batch = shape.batch;
        let (input, output) = (x.len() / batch, out.len() / batch);
        for (image, out) in out.chunks_exact_mut(output).enumerate() {
            let x = &x[image * input..][..input];
            let residual = residual.map(|residual| &residual[image * output..][..output]);
            // SAFETY: holding the set proves the instructions. The slices are one image of the shapes.
            with_simd!(self.set, S => unsafe {
                let mut go = |x: &[f32]| match &self.convs.squeeze {
                    None => self.image::<S>(x, residual, out, (filter, project)),
                    Some(squeeze) => self.squeezed::<S>(x, residual, out, (filter, project), squeeze),
                };
                match expand {
                    Some(Expand { shape, direct }) => direct.with_input::<S>(shape, x, go),
                    None => go(x),
                }
            });
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn image<S: Simd>(
        &self,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
        (filter, project): (Filter<'_>, &Direct),
    ) {
        let shape = filter.shape;
        let (height, row) = (shape.output[0], shape.output[1] * S::LANES);
        let (line, out_line) = (self.rows * row, shape.pixels() * S::LANES);
        let out = Disjoint::new(out);
        let products = filter.products() + project.products(shape.pixels());
        let threads = threads::available(products);
        if self.rows >= height && (threads == 1 || height / threads < ROWS) {
            with_scratch(self.steps.len() * line, |filtered| {
                // SAFETY: the caller's promise; there is room for all of the filtered image.
                unsafe {
                    self.filtered::<S>(x, filter, filtered, |_, _| {});
                    let to = (residual, &out, out_line);
                    project.pixels::<S>(project.groups(), None, filtered, shape.pixels(), to);
                }
            });
            return;
        }
        // A thread's bands lie side by side: what one has expanded for the next is not expanded again.
        let (bands, rows) = bands::rows(shape).shared(self.rows, threads);
        threads::divide(bands, products, |bands| {
            with_scratch(self.steps.len() * line, |filtered| {
                let piece = Piece { bands, rows, units: filter.units::<S>() };
                // SAFETY: the caller's promise; each band belongs to one thread, and its filtered rows have room.
                unsafe {
                    filter.bands::<S>(piece, x, |rows, fill| {
                        fill(&mut *filtered, line);
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
        (filter, project): (Filter<'_>, &Direct),
        squeeze: &[Conv2d; 2],
    ) {
        let shape = filter.shape;
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
                self.filtered::<S>(x, filter, filtered, |first, filtered| {
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
                project.pixels::<S>(project.groups(), None, filtered, shape.pixels(), to);
            }
        });
    }

    /// Filters all of an image. Threads share its channels, so that each reads only what it has expanded itself; each gives what it
    /// has filtered to `done`, with the index of its first block.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; `x` and `filtered` are one image each.
    unsafe fn filtered<S: Simd>(
        &self,
        x: &[f32],
        filter: Filter<'_>,
        filtered: &mut [f32],
        done: impl Fn(usize, &[f32]) + Sync,
    ) {
        let shape = filter.shape;
        let (row, line) = (shape.output[1] * S::LANES, shape.pixels() * S::LANES);
        let filtered = Disjoint::new(filtered);
        threads::share(filter.units::<S>().len(), filter.products(), |units| {
            let blocks = filter.blocks(&units);
            let bands = 0..shape.output[0].div_ceil(self.rows);
            // SAFETY: the caller's promise; each block belongs to one range of units.
            unsafe {
                let filtered = filtered.range(blocks.start * line..blocks.end * line);
                filter.bands::<S>(Piece { bands, rows: self.rows, units }, x, |rows, fill| {
                    fill(&mut filtered[rows.start * row..], line);
                });
                done(blocks.start, filtered);
            }
        });
    }
}

fn pointwise(conv: &Conv2d) -> bool {
    matches!(&conv.algorithm, Algorithm::Direct(direct) if direct.is_flat())
}

/// Whether the convolutions of a block follow each other and are of the kinds that it is made of.
fn fit(convs: &BlockConvs) -> bool {
    let BlockConvs { expand, depthwise, squeeze, project } = convs;
    let sums = |conv: &Conv2d| {
        let direct = matches!(&conv.algorithm, Algorithm::Direct(direct) if direct.has_rows());
        direct && conv.shape.kernel != [1, 1]
    };
    let first = |conv: &Conv2d| pointwise(conv) || sums(conv);
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
        && expand.as_ref().is_none_or(|expand| first(expand) && follows(&expand.shape, own))
        && squeezes
        && all.into_iter().all(|conv| conv.set == depthwise.set)
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
