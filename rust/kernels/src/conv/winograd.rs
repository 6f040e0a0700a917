//! Winograd's minimal filtering for 3×3 kernels of stride 1.
//!
//! Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks* (CVPR 2016): an output tile of M × M pixels is
//!
//! ```text
//! Y = Aᵀ [ Σ over channels (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//! ```
//!
//! for the kernel `g` and the input tile `d` of (M + 2)². F(4,3) takes 36 products for 16 outputs, a quarter of the
//! direct sum's 144; F(2,3) takes 16 for 4, 4/9 of its 36. Between the two transforms there are (M + 2)² matrix
//! products, which the register tile computes with image tiles as its pixels.
//!
//! Error: measured against sums in `f64` over random inputs and weights, 4e-6 to 1.6e-5 of a layer's largest output for
//! F(4,3), below 1e-6 for F(2,3). An infinity or NaN in the input reaches every output of the tiles that read it, also
//! those that the direct sum would keep finite.

mod pack;
mod tiles;
mod transform;

use std::marker::PhantomData;
use std::ops::Range;

use self::tiles::{Gather, Scatter};
use super::{ConvInput, ConvShape};
use crate::activation::{Activation, Ending};
use crate::ahead::Ahead;
use crate::error::{KernelError, volume};
use crate::isa::InstructionSet;
use crate::memory::{Packed, with_scratch};
use crate::saved::{Numbers, Saver};
use crate::simd::Simd;
use crate::threads::{self, Disjoint};
use crate::tile::{self, Blocked, Step, Tile};
use crate::weights::{self, Sizes, Weights};

/// Floats of transformed tiles that are worked on at once: what stays in a second-level cache.
const WORKING_SET: usize = 1 << 17;

/// Numbers of a kernel.
const TAPS: usize = 9;

/// Which of the two algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// F(2,3).
    Small,
    /// F(4,3).
    Large,
}

impl Form {
    /// Pixels along an output tile's side.
    fn side(self) -> usize {
        match self {
            Self::Small => 2,
            Self::Large => 4,
        }
    }

    fn points(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }

    fn tiles(self, shape: &ConvShape) -> [usize; 2] {
        shape.output.map(|size| size.div_ceil(self.side()))
    }

    /// Whether the algorithm computes such a convolution.
    pub(super) fn fits(shape: &ConvShape) -> bool {
        let plain = shape.stride == [1, 1] && shape.dilation == [1, 1];
        shape.kernel == [3, 3] && plain && shape.groups == 1
    }

    /// The one that is likely faster than the direct sum, if any.
    pub(super) fn choose(set: InstructionSet, shape: &ConvShape, input: ConvInput) -> Option<Self> {
        let fits = Self::fits(shape)
            && input == ConvInput::Blocked
            && shape.in_channels >= 2 * set.lanes()
            && shape.out_channels >= 2 * set.lanes();
        if !fits {
            return None;
        }
        // In multiply-adds for each pair of channels. Few tiles leave the products waiting for their weights, and more
        // so where those do not fit a cache.
        let pairs = shape.in_channels.saturating_mul(shape.out_channels);
        let cost = |form: Self| {
            let [rows, columns] = form.tiles(shape);
            let tiles = rows * columns;
            let least = if pairs.saturating_mul(4 * form.points()) > 16 << 20 { 24 } else { 8 };
            let transforms = 12 * tiles * (shape.in_channels + shape.out_channels) / pairs.max(1);
            form.points() * (tiles.max(least) + transforms)
        };
        let direct = 9 * shape.pixels();
        let best = if cost(Self::Large) < cost(Self::Small) { Self::Large } else { Self::Small };
        (cost(best) < direct).then_some(best)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Winograd {
    form: Form,
    /// One matrix for each point of the transformed tile.
    weights: Vec<Weights>,
    bias: Packed,
    ending: Ending,
    /// Rows and columns of tiles.
    tiles: [usize; 2],
    /// Tiles that are worked on at once.
    chunk: usize,
    /// Where the channel blocks of a tile lie in a chunk.
    steps: Vec<Step>,
}

impl Winograd {
    pub(super) fn new<S: Simd>(
        form: Form,
        shape: &ConvShape,
        ending: Ending,
        numbers: Numbers<'_, '_, &[f32]>,
    ) -> Result<Self, KernelError> {
        let (inputs, outputs) = (shape.in_channels, shape.out_channels);
        let (in_blocks, out_blocks) = (inputs.div_ceil(S::LANES), outputs.div_ceil(S::LANES));
        // One input more than there are: what lies a power of two apart would fight for one place in a cache.
        let transformed = [form.points(), inputs + 1, out_blocks, S::LANES];
        volume("transformed weights", &transformed)?;
        let per_point: usize = transformed[1..].iter().product();
        let tiles = form.tiles(shape);
        let per_tile = volume("a transformed tile", &[form.points(), in_blocks + out_blocks, S::LANES])?;
        let most = (WORKING_SET / per_tile).max(2 * S::PIXELS[2]);
        let count = tiles[0] * tiles[1];
        let chunk = count.div_ceil(count.div_ceil(most).max(1)).max(1);
        volume("a chunk", &[per_tile, chunk])?;
        let group = tile::blocks_of_tile::<S>(chunk, out_blocks);
        let sizes = Sizes { lanes: S::LANES, group, inputs, outputs };
        let (values, bias) = match numbers {
            Numbers::Given(kernels, bias) => {
                (pack::transformed::<S>(form, sizes, kernels, per_point), weights::padded(sizes, bias))
            }
            Numbers::Saved(from) => (from.packed(&transformed)?, from.packed(&transformed[2..])?),
        };
        let nought = weights::padded(sizes, None);
        let point = |point: usize| Weights::of(sizes, values.clone(), point * per_point, nought.clone());
        let steps = (0..in_blocks).map(|block| Step {
            offset: block * chunk * S::LANES,
            lanes: S::LANES.min(inputs - block * S::LANES),
        });
        Ok(Self {
            form,
            weights: (0..form.points()).map(point).collect(),
            bias,
            ending,
            tiles,
            chunk,
            steps: steps.collect(),
        })
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.ending(self.ending);
        // All points share their memory.
        if let Some(weights) = self.weights.first() {
            weights.save_values(to);
        }
        to.packed(&self.bias);
    }

    pub(super) fn name(&self) -> &'static str {
        match self.form {
            Form::Small => "winograd F(2,3)",
            Form::Large => "winograd F(4,3)",
        }
    }

    /// # Safety
    ///
    /// The instruction set must be present, `shape` and `S` those of [`Winograd::new`], and the slices one image of
    /// them.
    pub(super) unsafe fn run<S: Simd>(
        &self,
        shape: &ConvShape,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let count = self.tiles[0] * self.tiles[1];
        let products = self.weights.iter().map(|weights| weights.products(count)).sum();
        let threads = threads::available(products);
        let out = Disjoint::new(out);
        let chunks = count.div_ceil(self.chunk);
        // SAFETY: the caller's promise; each tile of the image belongs to one chunk.
        let run = |tiles: Range<usize>, costs: Costs| unsafe {
            let work = Part::<S> { winograd: self, shape, tiles, costs, set: PhantomData };
            work.run(x, residual, &out);
        };
        if threads > 1 && chunks >= threads {
            // As many chunks for each thread, so that they end together.
            let chunks = chunks.next_multiple_of(threads);
            threads::share(chunks, products, |own| {
                own.for_each(|chunk| run(threads::even(count, chunks, &(chunk..chunk + 1)), Costs::NONE));
            });
            return;
        }
        for first in (0..count).step_by(self.chunk) {
            let tiles = first..count.min(first + self.chunk);
            let transforms = threads::moves((tiles.len() * self.form.points()).saturating_mul(S::LANES));
            let costs = Costs {
                gather: transforms.saturating_mul(self.steps.len()),
                multiply: products / chunks,
                scatter: transforms.saturating_mul(self.bias.as_slice().len() / S::LANES),
            };
            run(tiles, costs);
        }
    }
}

/// A run of tiles of one image.
struct Part<'a, S> {
    winograd: &'a Winograd,
    shape: &'a ConvShape,
    tiles: Range<usize>,
    costs: Costs,
    set: PhantomData<S>,
}

/// Multiply-adds of the three passes over a chunk, as far as threads are to share them.
#[derive(Clone, Copy)]
struct Costs {
    gather: usize,
    multiply: usize,
    scatter: usize,
}

impl Costs {
    const NONE: Self = Self { gather: 0, multiply: 0, scatter: 0 };
}

impl<S: Simd> Part<'_, S> {
    /// # Safety
    ///
    /// The instruction set must be present; `x`, `residual` and `out` are one image each, and nobody else writes the pixels
    /// of the part's tiles.
    unsafe fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &Disjoint<'_, f32>) {
        let winograd = self.winograd;
        let (inputs, outputs) = (winograd.steps.len(), winograd.bias.as_slice().len() / S::LANES);
        let points = winograd.form.points() * winograd.chunk * S::LANES;
        with_scratch(points * (inputs + outputs), |scratch| {
            let (taken, given) = scratch.split_at_mut(points * inputs);
            let (taken, given) = (Disjoint::new(taken), Disjoint::new(given));
            threads::share(inputs, self.costs.gather, |blocks| {
                let out = taken.as_mut_ptr();
                // SAFETY: the caller's promise, and scratch for a whole chunk of points, blocks and tiles, of which each
                // block belongs to one unit.
                unsafe {
                    match winograd.form {
                        Form::Small => S::vectorize(Gather::<S, 2, 4> { part: self, blocks, x, out }),
                        Form::Large => S::vectorize(Gather::<S, 4, 6> { part: self, blocks, x, out }),
                    }
                }
            });
            // SAFETY: as above; all is gathered.
            unsafe { self.multiply(&taken, &given) };
            threads::share(outputs, self.costs.scatter, |blocks| {
                let (x, out) = (given.as_mut_ptr().cast_const(), out.as_mut_ptr());
                // SAFETY: as above; all is multiplied.
                unsafe {
                    match winograd.form {
                        Form::Small => {
                            S::vectorize(Scatter::<S, 2, 4> { part: self, blocks, x, residual, out });
                        }
                        Form::Large => {
                            S::vectorize(Scatter::<S, 4, 6> { part: self, blocks, x, residual, out });
                        }
                    }
                }
            });
        });
    }

    /// The matrix product of every point: `x` is `[point][input block][tile][LANES]`, `out` the same of output blocks.
    ///
    /// # Safety
    ///
    /// The instruction set must be present and there is room for a chunk.
    unsafe fn multiply(&self, x: &Disjoint<'_, f32>, out: &Disjoint<'_, f32>) {
        let winograd = self.winograd;
        let groups = winograd.weights.first().map_or(0, Weights::groups);
        threads::share(winograd.weights.len() * groups, self.costs.multiply, |units| {
            for (point, own) in tile::lines(units, groups) {
                for group in own {
                    // SAFETY: the caller's promise; a group of a point belongs to one unit.
                    unsafe { self.product(point, group, x.as_mut_ptr(), out.as_mut_ptr()) };
                }
            }
        });
    }

    /// One group of outputs of one point.
    ///
    /// # Safety
    ///
    /// As for [`Part::multiply`]; nobody else writes the group's outputs of the point.
    unsafe fn product(&self, point: usize, group: usize, x: *const f32, out: *mut f32) {
        let winograd = self.winograd;
        let line = winograd.chunk * S::LANES;
        let weights = &winograd.weights[point];
        let (first, blocks) = weights.group(group);
        let panel = weights.panel(first);
        let width = weights.inputs * blocks * S::LANES;
        let next = match panel[width..].first() {
            Some(_) => &panel[width..],
            None => winograd.weights.get(point + 1).map_or(&[][..], |next| next.panel(0)),
        };
        let most = S::PIXELS[weights.group_size];
        let next = &next[..next.len().min(width)];
        let tiles = self.tiles.len().div_ceil(most);
        for strip in tile::strips(self.tiles.len(), most, 0..tiles) {
            let tile = strip.pixel;
            // SAFETY: `tile + count` is at most the number of tiles of a chunk, for which every input and output block of
            // every point has its line.
            unsafe {
                let work = Tile {
                    x: x.add(point * winograd.steps.len() * line + tile * S::LANES),
                    steps: &winograd.steps,
                    weights: panel.as_ptr(),
                    bias: weights.bias.as_slice()[first * S::LANES..].as_ptr(),
                    residual: std::ptr::null(),
                    out: out.add((point * weights.blocks + first) * line + tile * S::LANES),
                    out_block: line,
                    out_pixel: S::LANES,
                    ending: Activation::None.ending(),
                    repeat: strip.tiles.len(),
                    ahead: Ahead::new(next, &strip.tiles, tiles, weights.inputs),
                };
                tile::run::<S, Blocked>(blocks, strip.pixels, &work);
            }
        }
    }
}
