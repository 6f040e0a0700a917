//! Direct convolution: the register tile over a table of taps.
//!
//! Taps outside the image above and below are left out of the table for the rows that have them: it is sorted by kernel
//! row, so what is left is one run of steps and of weights. Columns outside on the left and right need a copy of the
//! input with noughts around it. Where the stride is more than 1, that copy also deals the columns out by their phase,
//! so that the pixels of a tile always lie side by side.

mod copy;

use std::marker::PhantomData;
use std::ops::Range;

use super::{ConvInput, ConvShape};
use crate::activation::Ending;
use crate::ahead::Ahead;
use crate::error::KernelError;
use crate::memory::with_scratch;
use crate::saved::{Numbers, Saver};
use crate::simd::Simd;
use crate::threads::{self, Disjoint};
use crate::tile::{self, Blocked, Pixels, Planar, Step, Tile};
use crate::weights::{Matrix, Sizes, Weights};
use copy::{Copy, Fill};

#[derive(Clone, Debug)]
pub(super) struct Direct {
    input: ConvInput,
    weights: Weights,
    ending: Ending,
    steps: Vec<Step>,
    /// Inputs that the steps of one kernel row have.
    row_inputs: usize,
    /// Rows of output and pixels in each, as the tiles see them: a pointwise convolution is one long row.
    output: [usize; 2],
    /// Floats between rows of the input, as the tiles see it.
    row: usize,
    /// How the input is copied first.
    copy: Option<Copy>,
    /// Whether every pixel is computed from the same pixel of the input alone.
    flat: bool,
}

impl Direct {
    pub(super) fn new<S: Simd>(
        shape: &ConvShape,
        input: ConvInput,
        ending: Ending,
        numbers: Numbers<'_, '_, &[f32]>,
    ) -> Result<Self, KernelError> {
        // Channels that lie side by side, and floats from one pixel to the next.
        let lanes = if input == ConvInput::Blocked { S::LANES } else { 1 };
        let [height, width] = shape.input;
        let [kernel_height, kernel_width] = shape.kernel;
        let planes = shape.in_channels.div_ceil(lanes);
        let reach = (kernel_width - 1) * shape.dilation[1];
        let inside =
            shape.padding[1] == 0 && (shape.output[1].max(1) - 1) * shape.stride[1] + reach < width.max(1);
        let copy =
            if inside && shape.stride[1] == 1 { None } else { Some(Copy::new(shape, planes * lanes)?) };
        let row = copy.as_ref().map_or(width, Copy::row) * lanes;
        let mut steps = Vec::new();
        let mut order = Vec::new();
        for ky in 0..kernel_height {
            for taps in taps_side_by_side(shape, lanes, copy.as_ref()) {
                for plane in 0..planes {
                    let [_, column] = taps[0];
                    let offset = plane * height * row + ky * shape.dilation[0] * row + column * lanes;
                    let channels = plane * lanes..shape.in_channels.min((plane + 1) * lanes);
                    steps.push(Step { offset, lanes: channels.len() * taps.len() });
                    order.extend(channels.flat_map(|channel| {
                        taps.iter().map(move |[kx, _]| (channel * kernel_height + ky) * kernel_width + kx)
                    }));
                }
            }
        }
        let flat = copy.is_none()
            && shape.kernel == [1, 1]
            && shape.stride == [1, 1]
            && shape.padding == [0, 0]
            && shape.output == shape.input;
        let output = if flat { [1, shape.pixels()] } else { shape.output };
        let blocks = shape.out_channels.div_ceil(S::LANES);
        let group = tile::blocks_of_tile::<S>(output[1], blocks);
        let sizes = Sizes { lanes: S::LANES, group, inputs: order.len(), outputs: shape.out_channels };
        // A pointwise convolution takes its inputs in their order.
        let order = if shape.kernel == [1, 1] { &[][..] } else { &order };
        let weights = Weights::new(sizes, numbers.map(|weights| Matrix::Outputs(weights, order)))?;
        let row_inputs = shape.in_channels * kernel_width;
        Ok(Self { input, weights, ending, steps, row_inputs, output, row, copy, flat })
    }

    pub(super) fn input(&self) -> ConvInput {
        self.input
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.ending(self.ending);
        self.weights.save(to);
    }

    /// # Safety
    ///
    /// The instruction set must be present, `shape` and `S` those of [`Direct::new`], and the slices one image of them.
    pub(super) unsafe fn run<S: Simd>(
        &self,
        shape: &ConvShape,
        x: &[f32],
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let to = (&Disjoint::new(out), shape.pixels() * S::LANES);
        // SAFETY: the caller's promise covers both.
        unsafe {
            self.with_input::<S>(shape, x, |x| self.rows::<S>(shape, 0..self.output[0], x, residual, to));
        }
    }

    /// Gives an image to `go` as its steps reach into it: copied, where it must be.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, `shape` and `S` those of [`Direct::new`], and `x` one image of them.
    pub(super) unsafe fn with_input<S: Simd>(&self, shape: &ConvShape, x: &[f32], go: impl FnOnce(&[f32])) {
        let Some(copy) = &self.copy else {
            return go(x);
        };
        with_scratch(copy.length, |scratch| {
            let lanes = if self.input == ConvInput::Blocked { S::LANES } else { 1 };
            let row = copy.row() * lanes;
            threads::share_rows(scratch, row, threads::moves(copy.length), |first, out| {
                // SAFETY: `x` is one image of `shape`, `out` some rows of its copy.
                unsafe { S::vectorize(Fill::<S> { copy, shape, lanes, x, first, out, set: PhantomData }) };
            });
            go(scratch);
        });
    }

    /// Some rows of the output, of what [`Direct::with_input`] gives. They, and a residual laid out as they are, begin with the
    /// first of them; there are so many floats from one block to the next.
    ///
    /// # Safety
    ///
    /// As for [`Direct::with_input`]; the output and its residual hold the rows in every block.
    pub(super) unsafe fn rows<S: Simd>(
        &self,
        shape: &ConvShape,
        rows: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        to: (&Disjoint<'_, f32>, usize),
    ) {
        // SAFETY: the caller's promise covers both; a copy holds what its steps reach.
        unsafe {
            match self.input {
                ConvInput::Blocked => self.tiles::<S, Blocked>(shape, rows, x, residual, to),
                ConvInput::Planar => self.tiles::<S, Planar>(shape, rows, x, residual, to),
            }
        }
    }

    /// Whether its rows are those of the output: all but those of a pointwise convolution, which has one long row.
    pub(super) fn has_rows(&self) -> bool {
        !self.flat
    }

    /// Whether it is pointwise over blocked images without stride: every pixel by itself.
    pub(super) fn is_flat(&self) -> bool {
        self.flat && self.input == ConvInput::Blocked
    }

    /// Multiply-adds of so many pixels.
    pub(super) fn products(&self, pixels: usize) -> usize {
        self.weights.products(pixels)
    }

    /// Groups of output channels, whose weights a tile reads together.
    pub(super) fn groups(&self) -> Range<usize> {
        0..self.weights.groups()
    }

    /// The blocks of channels that some groups give.
    pub(super) fn blocks(&self, groups: &Range<usize>) -> Range<usize> {
        let start = |group: usize| (group * self.weights.group_size).min(self.weights.blocks);
        start(groups.start)..start(groups.end)
    }

    /// Some pixels, which lie side by side, and groups of a convolution that [is flat](Direct::is_flat). `steps` tells where their
    /// inputs are where that is not in an image. The output, which begins with the first of the groups, has a residual, room, and
    /// floats from one block to the next.
    ///
    /// # Safety
    ///
    /// The instruction set must be present and `S` that of [`Direct::new`]; `x`, and `out` and its residual for the blocks of the
    /// groups, hold the pixels.
    pub(super) unsafe fn pixels<S: Simd>(
        &self,
        groups: Range<usize>,
        steps: Option<&[Step]>,
        x: &[f32],
        pixels: usize,
        (residual, out, out_block): (Option<&[f32]>, &Disjoint<'_, f32>, usize),
    ) {
        let most = S::PIXELS[self.weights.group_size];
        let tiles = pixels.div_ceil(most).max(1);
        let origin = self.blocks(&groups).start;
        let products = self.weights.products(pixels) / self.weights.groups().max(1) * groups.len();
        threads::share(groups.len() * tiles, products, |units| {
            for (group, own) in tile::lines(units, tiles) {
                let (first, blocks) = self.weights.group(groups.start + group);
                let panel = self.weights.panel(first);
                let next = &panel[self.weights.inputs * blocks * S::LANES..];
                let next = &next[..next.len().min(panel.len() - next.len())];
                // The last group may have fewer blocks, and so registers for more pixels. Behind it nothing is fetched.
                let (start, count, most, own) = if blocks < self.weights.group_size {
                    let (own, most) = (threads::even(pixels, tiles, &own), S::PIXELS[blocks]);
                    (own.start, own.len(), most, 0..own.len().div_ceil(most))
                } else {
                    (0, pixels, most, own)
                };
                for strip in tile::strips(count, most, own) {
                    let pixel = start + strip.pixel;
                    let at = (first - origin) * out_block + pixel * S::LANES;
                    let tile = Tile {
                        x: x.as_ptr().wrapping_add(pixel * S::LANES),
                        steps: steps.unwrap_or(&self.steps),
                        weights: panel.as_ptr(),
                        bias: self.weights.bias.as_slice()[first * S::LANES..].as_ptr(),
                        residual: residual
                            .map_or(std::ptr::null(), |residual| residual.as_ptr().wrapping_add(at)),
                        out: out.as_mut_ptr().wrapping_add(at),
                        out_block,
                        out_pixel: S::LANES,
                        ending: self.ending,
                        repeat: strip.tiles.len(),
                        ahead: Ahead::new(next, &strip.tiles, tiles, self.weights.inputs),
                    };
                    // SAFETY: the caller promises the pixels; each belongs to one unit.
                    unsafe { tile::run::<S, Blocked>(blocks, strip.pixels, &tile) };
                }
            }
        });
    }

    /// # Safety
    ///
    /// As for [`Direct::rows`].
    unsafe fn tiles<S: Simd, P: Pixels>(
        &self,
        shape: &ConvShape,
        rows: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        (out, out_block): (&Disjoint<'_, f32>, usize),
    ) {
        let most = S::PIXELS[self.weights.group_size];
        let per_row = self.steps.len() / shape.kernel[0];
        let width = self.output[1];
        let row_tiles = width.div_ceil(most);
        let tiles = rows.len() * row_tiles;
        let products = self.weights.products(rows.len() * width);
        threads::share(self.weights.groups() * tiles, products, |units| {
            for (group, own) in tile::lines(units, tiles) {
                let (first, blocks) = self.weights.group(group);
                let panel = self.weights.panel(first);
                let bias = self.weights.bias.as_slice()[first * S::LANES..].as_ptr();
                let next = &panel[self.weights.inputs * blocks * S::LANES..];
                let next = &next[..next.len().min(panel.len() - next.len())];
                let mut done = own.start;
                for (row, columns) in tile::lines(own, row_tiles) {
                    let oy = rows.start + row;
                    let taps = shape.taps(0, oy);
                    let steps = &self.steps[taps.start * per_row..taps.end * per_row];
                    let inputs = taps.start * self.row_inputs;
                    let weights = panel[inputs * blocks * S::LANES..].as_ptr();
                    let top = oy * shape.stride[0];
                    for strip in tile::strips(width, most, columns) {
                        let ox = strip.pixel;
                        let after = done + strip.tiles.len();
                        let at = first * out_block + (row * width + ox) * S::LANES;
                        // SAFETY: the taps of a row that meet the image have rows inside it, and every column lies in
                        // the row: inside the image without a copy, inside the noughts around it with one. The first
                        // row may lie above the image, the offsets of the steps lead back into it. `at` is a pixel of
                        // a block of the output, which has `blocks` blocks from `first` and `count` pixels from there;
                        // each belongs to one unit.
                        unsafe {
                            let tile = Tile {
                                x: x.as_ptr()
                                    .wrapping_add(top * self.row + ox * P::stride::<S>())
                                    .wrapping_sub(shape.padding[0] * self.row),
                                steps,
                                weights,
                                bias,
                                residual: residual
                                    .map_or(std::ptr::null(), |residual| residual.as_ptr().add(at)),
                                out: out.as_mut_ptr().add(at),
                                out_block,
                                out_pixel: S::LANES,
                                ending: self.ending,
                                repeat: strip.tiles.len(),
                                ahead: Ahead::new(next, &(done..after), tiles, self.weights.inputs),
                            };
                            tile::run::<S, P>(blocks, strip.pixels, &tile);
                        }
                        done = after;
                    }
                }
            }
        });
    }
}

/// The taps of a kernel row, as their columns in the kernel and where those of the first pixel are in a row of what the tiles read:
/// together, those that lie side by side where a pixel is one float.
fn taps_side_by_side(shape: &ConvShape, lanes: usize, copy: Option<&Copy>) -> Vec<Vec<[usize; 2]>> {
    let place = |kx: usize| {
        let column = kx * shape.dilation[1];
        copy.map_or(column, |copy| copy.place(column, shape.stride[1]))
    };
    let mut taps: Vec<[usize; 2]> = (0..shape.kernel[1]).map(|kx| [kx, place(kx)]).collect();
    if lanes > 1 {
        return taps.into_iter().map(|tap| vec![tap]).collect();
    }
    taps.sort_unstable_by_key(|[_, place]| *place);
    taps.chunk_by(|[_, one], [_, next]| one + 1 == *next).map(<[_]>::to_vec).collect()
}
