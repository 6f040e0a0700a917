//! Transposed convolution whose taps do not overlap: its stride is its kernel.
//!
//! Every pixel of the input becomes a rectangle of the output, as large as the kernel: a pointwise convolution with as many
//! times the outputs. The register tile holds the columns of a rectangle's row as its vectors, so that it writes pixels that
//! lie side by side, and a few rows of the image stay in the second-level cache over all outputs.

use crate::activation::{Activation, Ending};
use crate::ahead::Ahead;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::saved::{Numbers, Restorer, Save, Saver};
use crate::simd::{Simd, with_simd};
use crate::threads::{self, Disjoint};
use crate::tile::{self, Blocked, Step, Tile};
use crate::weights::{Matrix, Sizes, Weights};

/// Floats of the rows of the input that are worked on at once.
const WORKING_SET: usize = 1 << 17;

/// Sizes of a transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpShape {
    /// Images at once.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the kernel, which are the strides too. The output is as many times as high and wide.
    pub kernel: [usize; 2],
}

impl UpShape {
    /// Height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        [self.input[0] * self.kernel[0], self.input[1] * self.kernel[1]]
    }
}

/// Checks the sizes, and tells how many outputs the packed weights have: whole vectors for each tap.
fn packed_outputs(set: InstructionSet, shape: &UpShape) -> Result<usize, KernelError> {
    let UpShape { in_channels, out_channels, input, kernel, .. } = *shape;
    let sizes = [in_channels, out_channels, input[0], input[1], kernel[0], kernel[1]];
    if sizes.contains(&0) {
        return Err(KernelError::parameter("a size", 0, "it must be at least 1"));
    }
    if kernel[1] > UpConv2d::WIDEST || with_simd!(set, S => S::PIXELS[kernel[1]] == 0) {
        return Err(KernelError::parameter("the kernel's width", kernel[1], "it is too wide"));
    }
    let outputs = [out_channels.div_ceil(set.lanes()), kernel[0], kernel[1], set.lanes()];
    volume("packed weights", &[&outputs[..], &[in_channels]].concat())?;
    volume("packed weights", &outputs)
}

/// A transposed convolution with its weights, ready to run over blocked images.
#[derive(Clone, Debug)]
pub struct UpConv2d {
    set: InstructionSet,
    shape: UpShape,
    weights: Weights,
    steps: Vec<Step>,
    ending: Ending,
    input_len: usize,
    output_len: usize,
}

impl UpConv2d {
    /// The widest kernel: as many vectors as a register tile has.
    pub const WIDEST: usize = 4;

    /// Checks the parameters and packs the weights.
    ///
    /// `weights` is `[in_channels][out_channels][height][width]`, `bias` one number for each output channel.
    pub fn new(
        set: InstructionSet,
        shape: UpShape,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        activation.check()?;
        let outputs = packed_outputs(set, &shape)?;
        let UpShape { in_channels, out_channels, kernel, .. } = shape;
        let taps = volume("the kernel", &kernel)?;
        check_length("weights", weights, volume("weights", &[in_channels, out_channels, taps])?)?;
        if let Some(bias) = bias {
            check_length("bias", bias, out_channels)?;
        }
        let lanes = set.lanes();
        // Vectors of outputs: block by block, in each the taps in order. A group is a row of the kernel.
        let place = |output: usize| {
            let (vector, lane) = (output / lanes, output % lanes);
            (vector / taps * lanes + lane, vector % taps)
        };
        let weight = |input: usize, output: usize| {
            let (channel, tap) = place(output);
            if channel < out_channels { weights[(input * out_channels + channel) * taps + tap] } else { 0.0 }
        };
        let rows: Vec<f32> = (0..in_channels)
            .flat_map(|input| (0..outputs).map(move |output| (input, output)))
            .map(|(input, output)| weight(input, output))
            .collect();
        let bias: Option<Vec<f32>> = bias.map(|bias| {
            (0..outputs).map(|output| bias.get(place(output).0).copied().unwrap_or(0.0)).collect()
        });
        let numbers = Numbers::Given(Matrix::Inputs(&rows), bias.as_deref());
        Self::build(set, shape, activation.ending(), numbers)
    }

    fn build(
        set: InstructionSet,
        shape: UpShape,
        ending: Ending,
        numbers: Numbers<'_, '_, Matrix<'_>>,
    ) -> Result<Self, KernelError> {
        let outputs = packed_outputs(set, &shape)?;
        let UpShape { batch, in_channels, out_channels, input, kernel } = shape;
        let pixels = volume("the input", &input)?;
        let input_len = blocked_len(set, batch, in_channels, pixels)?;
        let output = volume("the output", &[pixels, kernel[0], kernel[1]])?;
        let output_len = blocked_len(set, batch, out_channels, output)?;
        let lanes = set.lanes();
        let weights = Weights::new(Sizes { lanes, group: kernel[1], inputs: in_channels, outputs }, numbers)?;
        let steps = (0..in_channels.div_ceil(lanes))
            .map(|block| Step {
                offset: block * pixels * lanes,
                lanes: lanes.min(in_channels - block * lanes),
            })
            .collect();
        Ok(Self { set, shape, weights, steps, ending, input_len, output_len })
    }

    /// The sizes that it was built for.
    pub fn shape(&self) -> &UpShape {
        &self.shape
    }

    /// Runs over a whole batch.
    pub fn run(&self, x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.input_len)?;
        check_length("out", out, self.output_len)?;
        if out.is_empty() {
            return Ok(());
        }
        let batch = self.shape.batch;
        let (input, output) = (x.len() / batch, out.len() / batch);
        for (x, out) in x.chunks_exact(input).zip(out.chunks_exact_mut(output)) {
            // SAFETY: holding the set proves the instructions. The slices are one image each.
            with_simd!(self.set, S => unsafe { self.image::<S>(x, out) });
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each.
    unsafe fn image<S: Simd>(&self, x: &[f32], out: &mut [f32]) {
        let [height, width] = self.shape.input;
        let band = (WORKING_SET / (width * self.shape.in_channels).max(1)).clamp(1, height);
        let out = Disjoint::new(out);
        let groups = self.weights.groups();
        for first in (0..height).step_by(band) {
            let rows = band.min(height - first);
            threads::share(groups * rows, self.weights.products(rows * width), |units| {
                for (group, rows) in tile::lines(units, rows) {
                    for row in rows {
                        // SAFETY: the caller's promise; a row of a group belongs to one unit.
                        unsafe { self.row::<S>(group, first + row, x, &out) };
                    }
                }
            });
        }
    }

    /// One row of the input, for one row of the kernel and one block of output channels.
    ///
    /// # Safety
    ///
    /// The instruction set must be present, the slices one image each, and nobody else writes that row of the output.
    unsafe fn row<S: Simd>(&self, group: usize, y: usize, x: &[f32], out: &Disjoint<'_, f32>) {
        let [height, width] = self.shape.input;
        let [kernel_height, kernel_width] = self.shape.kernel;
        let (first, blocks) = self.weights.group(group);
        let (block, ky) = (group / kernel_height, group % kernel_height);
        let panel = self.weights.panel(first);
        let line = width * kernel_width;
        let top = (block * height * kernel_height + y * kernel_height + ky) * line;
        for (column, count) in tile::split(width, S::PIXELS[blocks]) {
            // SAFETY: the pixels lie in the row, for every block of the input; so do their rectangles in the output.
            unsafe {
                let tile = Tile {
                    x: x.as_ptr().add((y * width + column) * S::LANES),
                    steps: &self.steps,
                    weights: panel.as_ptr(),
                    bias: self.weights.bias.as_slice()[first * S::LANES..].as_ptr(),
                    residual: std::ptr::null(),
                    out: out.as_mut_ptr().add((top + column * kernel_width) * S::LANES),
                    out_block: S::LANES,
                    out_pixel: kernel_width * S::LANES,
                    ending: self.ending,
                    repeat: 1,
                    ahead: Ahead::NOTHING,
                };
                tile::run::<S, Blocked>(blocks, count, &tile);
            }
        }
    }
}

impl Save for UpConv2d {
    fn save(&self, to: &mut Saver) {
        let UpShape { batch, in_channels, out_channels, input, kernel } = self.shape;
        to.set(self.set);
        to.sizes([batch, in_channels, out_channels]);
        to.sizes(input);
        to.sizes(kernel);
        to.ending(self.ending);
        self.weights.save(to);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, [batch, in_channels, out_channels]) = (from.set()?, from.sizes()?);
        let (input, kernel, ending) = (from.sizes()?, from.sizes()?, from.ending()?);
        let shape = UpShape { batch, in_channels, out_channels, input, kernel };
        Self::build(set, shape, ending, Numbers::Saved(from))
    }
}
