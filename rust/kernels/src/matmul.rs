//! Matrix product with a constant matrix, bias, residual and activation in one pass.

mod row;

use std::marker::PhantomData;
use std::ops::Range;

use crate::activation::{Activation, Ending};
use crate::ahead::Ahead;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::memory::with_scratch;
use crate::saved::{Numbers, Restorer, Save, Saver};
use crate::simd::{Simd, Task, with_simd};
use crate::threads::{self, Disjoint};
use crate::tile::{self, Blocked, Step, Tile};
use crate::weights::{Matrix, Sizes, Weights};

/// Inputs that are summed at once: their weights for a group of outputs stay in the first-level cache over all rows.
const INNER: usize = 384;

/// How a constant matrix lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum MatMulWeights<'a> {
    /// `[inputs][outputs]`.
    Plain(&'a [f32]),
    /// `[outputs][inputs]`.
    Transposed(&'a [f32]),
}

/// A matrix product with its weights, ready to run: `out = activation(x × weights + bias + residual)`, all row by row.
///
/// # Example
///
/// ```
/// use tandem_kernels::{Activation, InstructionSet, MatMul, MatMulWeights};
///
/// let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let product = MatMul::new(
///     InstructionSet::best(),
///     [2, 3],
///     MatMulWeights::Plain(&weights),
///     Some(&[0.0, 0.0, 1.0]),
///     Activation::Relu,
/// )?;
/// let mut out = [0.0; 3];
/// product.run(&[1.0, -1.0], None, &mut out)?;
/// assert_eq!(out, [0.0, 0.0, 0.0]);
/// product.run(&[1.0, 1.0], None, &mut out)?;
/// assert_eq!(out, [5.0, 7.0, 10.0]);
/// # Ok::<(), tandem_kernels::KernelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MatMul {
    pub(crate) set: InstructionSet,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    weights: Weights,
    ending: Ending,
}

impl MatMul {
    /// Checks the sizes and packs the weights. `sizes` are inputs and outputs, `bias` is one number for each output.
    pub fn new(
        set: InstructionSet,
        sizes: [usize; 2],
        weights: MatMulWeights<'_>,
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        activation.check()?;
        check_sizes(sizes)?;
        let (MatMulWeights::Plain(values) | MatMulWeights::Transposed(values)) = weights;
        check_length("weights", values, volume("weights", &sizes)?)?;
        if let Some(bias) = bias {
            check_length("bias", bias, sizes[1])?;
        }
        let weights = match weights {
            MatMulWeights::Plain(rows) => Matrix::Inputs(rows),
            MatMulWeights::Transposed(columns) => Matrix::Outputs(columns, &[]),
        };
        Self::build(set, sizes, activation.ending(), Numbers::Given(weights, bias))
    }

    fn build(
        set: InstructionSet,
        [inputs, outputs]: [usize; 2],
        ending: Ending,
        numbers: Numbers<'_, '_, Matrix<'_>>,
    ) -> Result<Self, KernelError> {
        let lanes = set.lanes();
        let group = with_simd!(set, S => S::BLOCKS.min(outputs.div_ceil(S::LANES)));
        let weights = Weights::new(Sizes { lanes, group, inputs, outputs }, numbers)?;
        Ok(Self { set, inputs, outputs, weights, ending })
    }

    /// Inputs and outputs of a row.
    pub fn sizes(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// Multiplies every row of `x`, of which there may be any number. `residual` is added before the activation.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        let rows = check_rows(self.sizes(), x, residual, out)?;
        if rows == 0 {
            return Ok(());
        }
        let packed = blocked_rows(self.set, rows, self.inputs)?;
        // SAFETY: holding the set proves the instructions. `x`, `residual` and `out` are `rows` rows.
        with_simd!(self.set, S => unsafe {
            self.with_blocks::<S>(x, rows, packed, |x| {
                self.product::<S>(x, packed.line, rows, residual, Rows::Plain, out);
            });
        });
        Ok(())
    }

    /// Lends `work` the rows of `x` in blocks.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, `x` be `rows` rows, and `packed` their sizes in blocks.
    pub(crate) unsafe fn with_blocks<S: Simd>(
        &self,
        x: &[f32],
        rows: usize,
        packed: BlockedRows,
        work: impl FnOnce(&[f32]),
    ) {
        // One is in blocks as it is.
        if rows == 1 {
            return work(x);
        }
        with_scratch(packed.length, |packed_rows| {
            let (columns, line) = (self.inputs, packed.line);
            let room = Disjoint::new(packed_rows);
            threads::share(rows, threads::moves(x.len()), |rows| {
                let x = &x[rows.start * columns..rows.end * columns];
                let out = room.as_mut_ptr().wrapping_add(rows.start * S::LANES);
                // SAFETY: the caller promises the instruction set and room for all blocks of the rows.
                unsafe { S::vectorize(Pack::<S> { x, columns, line, out, set: PhantomData }) };
            });
            work(packed_rows);
        });
    }

    /// # Safety
    ///
    /// The instruction set must be present. `x` is `rows` rows in blocks with `line` floats to a block, of which the last may end with
    /// the inputs; `residual` and `out` are as many rows of outputs, as `to` says.
    pub(crate) unsafe fn product<S: Simd>(
        &self,
        x: &[f32],
        line: usize,
        rows: usize,
        residual: Option<&[f32]>,
        to: Rows,
        out: &mut [f32],
    ) {
        let blocks = self.inputs.div_ceil(S::LANES);
        let lanes = |block: usize| S::LANES.min(self.inputs - block * S::LANES);
        let steps: Vec<Step> =
            (0..blocks).map(|block| Step { offset: block * line, lanes: lanes(block) }).collect();
        let most = S::PIXELS[self.weights.group_size];
        // One tile reads the weights once anyway.
        let inner = if rows <= most { blocks } else { INNER / S::LANES };
        let tiles = rows.div_ceil(most);
        let out = Disjoint::new(out);
        threads::share(self.weights.groups() * tiles, self.weights.products(rows), |mut units| {
            if rows == 1 {
                // SAFETY: the caller's promise; each group belongs to one unit.
                units.start = unsafe { self.row::<S>(units.clone(), x, residual, out.as_mut_ptr()) };
            }
            for (group, own) in tile::lines(units, tiles) {
                let place = Place { x, rows, most, residual, to, out: out.as_mut_ptr() };
                // SAFETY: the caller's promise; each tile belongs to one unit.
                unsafe { self.group::<S>(group, own, &steps, inner.max(1), &place) };
            }
        });
    }

    /// Some tiles of rows of one group of outputs. Of the inputs, `inner` steps at a time are summed.
    ///
    /// # Safety
    ///
    /// As for [`MatMul::product`]; nobody else writes those rows' outputs of the group.
    unsafe fn group<S: Simd>(
        &self,
        group: usize,
        tiles: Range<usize>,
        steps: &[Step],
        inner: usize,
        place: &Place<'_>,
    ) {
        let (first, count) = self.weights.group(group);
        let Place { rows, most, out, .. } = *place;
        let (out_pixel, out_block, whole) = match place.to {
            Rows::Plain => (self.outputs, S::LANES, self.outputs),
            Rows::Blocked(line) => (S::LANES, line, self.weights.blocks * S::LANES),
        };
        let none = Activation::None.ending();
        let nought = [0.0; 64];
        let all = rows.div_ceil(most);
        let panel = self.weights.panel(first);
        let width = count * S::LANES;
        let next = &panel[self.weights.inputs * width..];
        let column = first * S::LANES;
        let partial = column + width > whole;
        for (part, steps) in steps.chunks(inner).enumerate() {
            let input = part * inner * S::LANES;
            let last = input + steps.len() * S::LANES >= self.inputs;
            let weights = panel[input * width..].as_ptr();
            let bias = if part == 0 { &self.weights.bias.as_slice()[column..] } else { &nought[..] };
            let ahead = if last { next } else { &panel[(input + steps.len() * S::LANES) * width..] };
            let inputs = steps.len() * S::LANES;
            let ahead = &ahead[..ahead.len().min(inputs * width)];
            let own = tile::strips(rows, most, tiles.clone()).flat_map(|strip| {
                // A tile that goes through `staged` does so by itself.
                let repeat = if partial { 1 } else { strip.tiles.len() };
                let row = move |index: usize| strip.pixel + (index - strip.tiles.start) * strip.pixels;
                strip
                    .tiles
                    .clone()
                    .step_by(repeat)
                    .map(move |index| (index, row(index), strip.pixels, repeat))
            });
            for (index, row, pixels, repeat) in own {
                let at = row * out_pixel + first * out_block;
                let mut tile = Tile {
                    x: place.x.as_ptr().wrapping_add(row * S::LANES),
                    steps,
                    weights,
                    bias: bias.as_ptr(),
                    residual: std::ptr::null(),
                    out: out.wrapping_add(at),
                    out_block,
                    out_pixel,
                    ending: if last { self.ending } else { none },
                    repeat,
                    ahead: Ahead::new(ahead, &(index..index + repeat), all, inputs),
                };
                // What the sums begin with: the residual, then the sums so far.
                let begin =
                    if part == 0 { place.residual.map(<[f32]>::as_ptr) } else { Some(out.cast_const()) };
                let begin = begin.map(|begin| begin.wrapping_add(at));
                // SAFETY: rows, inputs and whole vectors of outputs lie inside the slices. A vector that reaches
                // past the last output goes through `staged`, of which only the outputs are copied.
                unsafe {
                    if !partial {
                        tile.residual = begin.unwrap_or(std::ptr::null());
                        tile::run::<S, Blocked>(count, pixels, &tile);
                        continue;
                    }
                    let mut staged = [0.0_f32; 14 * 4 * 16];
                    let kept = self.outputs - column;
                    if let Some(begin) = begin {
                        for pixel in 0..pixels {
                            let from = begin.add(pixel * out_pixel);
                            std::ptr::copy_nonoverlapping(from, staged.as_mut_ptr().add(pixel * width), kept);
                        }
                    }
                    tile.out = staged.as_mut_ptr();
                    tile.residual = if begin.is_some() { tile.out } else { std::ptr::null() };
                    tile.out_pixel = width;
                    tile::run::<S, Blocked>(count, pixels, &tile);
                    for pixel in 0..pixels {
                        let to = out.add(at + pixel * out_pixel);
                        std::ptr::copy_nonoverlapping(staged.as_ptr().add(pixel * width), to, kept);
                    }
                }
            }
        }
    }
}

fn check_sizes([inputs, outputs]: [usize; 2]) -> Result<(), KernelError> {
    if inputs == 0 || outputs == 0 {
        let got = format!("{inputs} × {outputs}");
        return Err(KernelError::parameter("the matrix", got, "it must have elements"));
    }
    Ok(())
}

/// How many rows `x` has, where it, `residual` and `out` have whole ones and as many.
pub(crate) fn check_rows(
    [inputs, outputs]: [usize; 2],
    x: &[f32],
    residual: Option<&[f32]>,
    out: &[f32],
) -> Result<usize, KernelError> {
    let rows = x.len() / inputs;
    check_length("x", x, volume("x", &[rows, inputs])?)?;
    let length = volume("out", &[rows, outputs])?;
    check_length("out", out, length)?;
    if let Some(residual) = residual {
        check_length("residual", residual, length)?;
    }
    Ok(rows)
}

impl Save for MatMul {
    fn save(&self, to: &mut Saver) {
        to.set(self.set);
        to.sizes([self.inputs, self.outputs]);
        to.ending(self.ending);
        self.weights.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, sizes, ending) = (from.set()?, from.sizes()?, from.ending()?);
        check_sizes(sizes)?;
        Self::build(set, sizes, ending, Numbers::Saved(from))
    }
}

/// How rows lie.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    /// One after another.
    Plain,
    /// In blocks of columns, `[block][row][LANES]`, with so many floats from one block to the next.
    Blocked(usize),
}

/// What rows in blocks take, in floats.
#[derive(Clone, Copy)]
pub(crate) struct BlockedRows {
    /// From one block to the next.
    pub(crate) line: usize,
    /// All blocks.
    pub(crate) length: usize,
}

/// The sizes of rows in blocks, with a row more than there are, so that the blocks of one row do not fall into one set of the cache.
pub(crate) fn blocked_rows(
    set: InstructionSet,
    rows: usize,
    columns: usize,
) -> Result<BlockedRows, KernelError> {
    let line = if rows == 1 { set.lanes() } else { volume("packed rows", &[rows + 1, set.lanes()])? };
    Ok(BlockedRows { line, length: volume("packed rows", &[columns.div_ceil(set.lanes()), line])? })
}

/// Where rows lie.
struct Place<'a> {
    /// In blocks.
    x: &'a [f32],
    rows: usize,
    /// Rows of a tile at most.
    most: usize,
    residual: Option<&'a [f32]>,
    to: Rows,
    out: *mut f32,
}

/// Rows to `[block][row][LANES]`.
struct Pack<'a, S> {
    x: &'a [f32],
    columns: usize,
    line: usize,
    out: *mut f32,
    set: PhantomData<S>,
}

impl<S: Simd> Task for Pack<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let (whole, rest) = (self.columns / S::LANES, self.columns % S::LANES);
        for (row, x) in self.x.chunks_exact(self.columns).enumerate() {
            let (x, out) = (x.as_ptr(), self.out);
            // SAFETY: a row is `whole` vectors and `rest` elements, and `out` has a line for each block.
            unsafe {
                for block in 0..whole {
                    let at = block * self.line + row * S::LANES;
                    S::store(out.add(at), S::load(x.add(block * S::LANES)));
                }
                if rest > 0 {
                    let at = whole * self.line + row * S::LANES;
                    S::store(out.add(at), S::load_part(x.add(whole * S::LANES), rest, 0.0));
                }
            }
        }
    }
}
