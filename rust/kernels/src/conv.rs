//! Two-dimensional convolution with bias, residual and activation in one pass.

mod bands;
mod depthwise;
mod direct;
mod grouped;
mod inverted;
mod pooled;
mod transposed;
mod winograd;

use std::ops::Range;

use crate::activation::{Activation, Ending};
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::saved::{Numbers, Restorer, Save, Saver, UNKNOWN};
use crate::simd::{Simd, with_simd};
pub use inverted::{BlockConvs, InvertedResidual};
pub use pooled::PooledConv2d;
pub use transposed::{UpConv2d, UpShape};

use depthwise::Depthwise;
use direct::Direct;
use grouped::Grouped;
use winograd::{Form, Winograd};

/// How the input of a convolution lies in memory. The output is always blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvInput {
    /// `[batch][⌈channels ÷ L⌉][height][width][L]`.
    Blocked,
    /// `[batch][channels][height][width]`: for the first convolution of a network, whose input has few channels.
    Planar,
}

/// Sizes and parameters of a convolution, as ONNX's `Conv` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images at once.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Of how many groups of channels each is convolved by itself; a divisor of both. 1 is a dense convolution, as many as
    /// there are input and output channels a depthwise one.
    pub groups: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from one output to the next, at least 1.
    pub stride: [usize; 2],
    /// Rows and columns from one tap of the kernel to the next, at least 1.
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it that count as nought. Those below and on the right follow from
    /// `output`.
    pub padding: [usize; 2],
    /// Height and width of the output. Taps outside of the image count as nought, however far.
    pub output: [usize; 2],
}

impl ConvShape {
    pub(crate) fn check(&self) -> Result<(), KernelError> {
        if self.in_channels == 0 || self.out_channels == 0 {
            let got = format!("{} and {}", self.in_channels, self.out_channels);
            return Err(KernelError::parameter("channels", got, "both must be at least 1"));
        }
        let divides = |channels: usize| self.groups > 0 && channels.is_multiple_of(self.groups);
        if !divides(self.in_channels) || !divides(self.out_channels) {
            return Err(self.refused_groups("it must divide both"));
        }
        check_window(self.input, self.kernel, self.stride, self.dilation, self.padding, self.output)
    }

    /// That a kernel does not compute so many groups.
    pub(crate) fn refused_groups(&self, expected: &'static str) -> KernelError {
        let got = format!("{} of {} and {} channels", self.groups, self.in_channels, self.out_channels);
        KernelError::parameter("groups", got, expected)
    }

    /// Whether each channel is convolved by itself.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.in_channels && self.groups == self.out_channels
    }

    pub(crate) fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Holds the pixels of a copy of an image with what its windows reach around it to a multiple of the image's and of the output's:
    /// a model may name any padding and dilation.
    pub(crate) fn check_copy(&self, pixels: usize) -> Result<(), KernelError> {
        let of = |[height, width]: [usize; 2]| height.saturating_mul(width);
        let most = of(self.input).saturating_add(of(self.output)).saturating_mul(64).max(1 << 16);
        if pixels <= most {
            return Ok(());
        }
        Err(KernelError::parameter(
            "a padded input",
            format_args!("{pixels} pixels"),
            "it must be at most 64 times the input and the output, or 65536",
        ))
    }

    pub(crate) fn save(&self, to: &mut Saver) {
        to.sizes([self.batch, self.in_channels, self.out_channels, self.groups]);
        for sizes in [self.input, self.kernel, self.stride, self.dilation, self.padding, self.output] {
            to.sizes(sizes);
        }
    }

    /// A shape that was saved, checked.
    pub(crate) fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let [batch, in_channels, out_channels, groups] = from.sizes()?;
        let (input, kernel, stride) = (from.sizes()?, from.sizes()?, from.sizes()?);
        let (dilation, padding, output) = (from.sizes()?, from.sizes()?, from.sizes()?);
        let shape = Self {
            batch,
            in_channels,
            out_channels,
            groups,
            input,
            kernel,
            stride,
            dilation,
            padding,
            output,
        };
        shape.check()?;
        Ok(shape)
    }

    /// The taps of the kernel that meet the image, for the output at `position` along `axis`.
    pub(crate) fn taps(&self, axis: usize, position: usize) -> Range<usize> {
        let start = position * self.stride[axis];
        taps(start, self.padding[axis], self.input[axis], self.kernel[axis], self.dilation[axis])
    }
}

/// The taps of a window that lie inside `size` pixels; it begins `padding` before `start`.
pub(crate) fn taps(
    start: usize,
    padding: usize,
    size: usize,
    kernel: usize,
    dilation: usize,
) -> Range<usize> {
    let first = padding.saturating_sub(start).div_ceil(dilation);
    let end = (size + padding).saturating_sub(start).div_ceil(dilation).min(kernel);
    first.min(end)..end
}

/// Holds the sizes of a sliding window to what can be computed.
pub(crate) fn check_window(
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: [usize; 2],
    output: [usize; 2],
) -> Result<(), KernelError> {
    let positive = [("input", input), ("kernel", kernel), ("stride", stride), ("dilation", dilation)];
    for (what, [first, second]) in positive {
        if first == 0 || second == 0 {
            return Err(KernelError::parameter(
                what,
                format!("{first} and {second}"),
                "both must be at least 1",
            ));
        }
    }
    // The farthest that a tap reaches must be a number.
    for axis in 0..2 {
        let reach = |count: usize, step: usize| (count - 1).checked_mul(step);
        let last =
            reach(output[axis].max(1), stride[axis]).zip(reach(kernel[axis], dilation[axis])).and_then(
                |(start, tap)| start.checked_add(tap)?.checked_add(padding[axis])?.checked_add(input[axis]),
            );
        if last.is_none_or(|last| last > isize::MAX as usize / 64) {
            return Err(KernelError::Overflow { what: "a window's reach" });
        }
    }
    Ok(())
}

/// A convolution with its weights, ready to run:
/// `out = activation(convolution(x) + bias + residual)`.
///
/// # Example
///
/// ```
/// use tandem_kernels::{Activation, Conv2d, ConvInput, ConvShape, InstructionSet, blocked_len};
///
/// let set = InstructionSet::best();
/// let shape = ConvShape {
///     batch: 1,
///     in_channels: 3,
///     out_channels: 8,
///     groups: 1,
///     input: [16, 16],
///     kernel: [3, 3],
///     stride: [2, 2],
///     dilation: [1, 1],
///     padding: [1, 1],
///     output: [8, 8],
/// };
/// let (weights, bias) = (vec![0.1; 8 * 3 * 9], vec![0.0; 8]);
/// let conv = Conv2d::new(set, shape, ConvInput::Planar, &weights, Some(&bias), Activation::Relu)?;
/// let image = vec![1.0; 3 * 16 * 16];
/// let mut out = vec![0.0; blocked_len(set, 1, 8, 8 * 8)?];
/// conv.run(&image, None, &mut out)?;
/// # Ok::<(), tandem_kernels::KernelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d {
    set: InstructionSet,
    shape: ConvShape,
    input_len: usize,
    output_len: usize,
    algorithm: Algorithm,
}

#[derive(Clone, Debug)]
enum Algorithm {
    Direct(Direct),
    Depthwise(Depthwise),
    Grouped(Grouped),
    Winograd(Winograd),
}

impl Conv2d {
    /// Checks the parameters, chooses an algorithm and packs the weights.
    ///
    /// `weights` is `[out_channels][in_channels ÷ groups][height][width]`, `bias` one number for each output channel.
    ///
    /// Refuses groups whose channels fill no blocks, not even those of eight together: few channels in each of many groups.
    pub fn new(
        set: InstructionSet,
        shape: ConvShape,
        input: ConvInput,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        let choose = |dense: &ConvShape| Form::choose(set, dense, input);
        Self::given(set, shape, input, (weights, bias), activation, choose)
    }

    /// As [`Conv2d::new`], without Winograd's algorithm: slower where that would be taken, and more exact. Its largest
    /// error is some 1e-5 of the largest output of a layer for trained and random weights alike; the direct sum's is
    /// some 1e-6.
    pub fn exact(
        set: InstructionSet,
        shape: ConvShape,
        input: ConvInput,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        Self::given(set, shape, input, (weights, bias), activation, |_| None)
    }

    fn given(
        set: InstructionSet,
        shape: ConvShape,
        input: ConvInput,
        (weights, bias): (&[f32], Option<&[f32]>),
        activation: Activation,
        choose: impl FnOnce(&ConvShape) -> Option<Form>,
    ) -> Result<Self, KernelError> {
        shape.check()?;
        activation.check()?;
        let [height, width] = shape.kernel;
        let per_output = shape.in_channels / shape.groups;
        check_length(
            "weights",
            weights,
            volume("weights", &[shape.out_channels, per_output, height, width])?,
        )?;
        if let Some(bias) = bias {
            check_length("bias", bias, shape.out_channels)?;
        }
        let form = choose(&grouped::part(set, &shape).unwrap_or(shape));
        Self::build(set, shape, input, form, activation.ending(), Numbers::Given(weights, bias))
    }

    /// Of a shape that has been checked.
    fn build(
        set: InstructionSet,
        shape: ConvShape,
        input: ConvInput,
        form: Option<Form>,
        ending: Ending,
        numbers: Numbers<'_, '_, &[f32]>,
    ) -> Result<Self, KernelError> {
        let pixels = volume("the input", &shape.input)?;
        let input_len = match input {
            ConvInput::Blocked => blocked_len(set, shape.batch, shape.in_channels, pixels)?,
            ConvInput::Planar => volume("the input", &[shape.batch, shape.in_channels, pixels])?,
        };
        let output_len =
            blocked_len(set, shape.batch, shape.out_channels, volume("the output", &shape.output)?)?;
        let algorithm = with_simd!(set, S => match form {
            _ if shape.groups > 1 && input == ConvInput::Planar => {
                return Err(KernelError::parameter("the input", "planar", "a convolution in groups takes a blocked one"));
            }
            _ if shape.groups > 1 && !shape.is_depthwise() => {
                Algorithm::Grouped(Grouped::new(set, &shape, form, ending, numbers)?)
            }
            _ if shape.groups > 1 => Algorithm::Depthwise(Depthwise::new(S::LANES, &shape, ending, numbers)?),
            Some(form) => Algorithm::Winograd(Winograd::new::<S>(form, &shape, ending, numbers)?),
            None => Algorithm::Direct(Direct::new::<S>(&shape, input, ending, numbers)?),
        });
        Ok(Self { set, shape, input_len, output_len, algorithm })
    }

    /// The sizes and parameters it was built for.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// `direct`, `depthwise`, `grouped`, `winograd F(4,3)` or `winograd F(2,3)`.
    pub fn algorithm(&self) -> &'static str {
        match &self.algorithm {
            Algorithm::Direct(_) => "direct",
            Algorithm::Depthwise(_) => "depthwise",
            Algorithm::Grouped(_) => "grouped",
            Algorithm::Winograd(winograd) => winograd.name(),
        }
    }

    /// Runs over a whole batch. `residual`, blocked like `out`, is added before the activation.
    pub fn run(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.input_len)?;
        check_length("out", out, self.output_len)?;
        if let Some(residual) = residual {
            check_length("residual", residual, self.output_len)?;
        }
        if out.is_empty() {
            return Ok(());
        }
        let (input, output) = (self.input_len / self.shape.batch, self.output_len / self.shape.batch);
        for (image, out) in out.chunks_exact_mut(output).enumerate() {
            let x = &x[image * input..][..input];
            let residual = residual.map(|residual| &residual[image * output..][..output]);
            match &self.algorithm {
                Algorithm::Grouped(grouped) => grouped.run(x, residual, out)?,
                // SAFETY: holding the set proves the instructions. The slices are one image of the shape that the
                // algorithm was built for.
                Algorithm::Direct(direct) => with_simd!(self.set, S => unsafe {
                    direct.run::<S>(&self.shape, x, residual, out);
                }),
                // SAFETY: as above.
                Algorithm::Depthwise(depthwise) => with_simd!(self.set, S => unsafe {
                    let lines = [&self.shape.input, &self.shape.output].map(|[height, width]| height * width * S::LANES);
                    depthwise.run::<S>(&self.shape, depthwise.blocks::<S>(), x, residual, out, lines);
                }),
                // SAFETY: as above.
                Algorithm::Winograd(winograd) => with_simd!(self.set, S => unsafe {
                    winograd.run::<S>(&self.shape, x, residual, out);
                }),
            }
        }
        Ok(())
    }
}

impl Save for Conv2d {
    fn save(&self, to: &mut Saver) {
        to.set(self.set);
        self.shape.save(to);
        match &self.algorithm {
            Algorithm::Direct(direct) => {
                to.byte(match direct.input() {
                    ConvInput::Blocked => 0,
                    ConvInput::Planar => 1,
                });
                direct.save(to);
            }
            Algorithm::Depthwise(depthwise) => {
                to.byte(0);
                depthwise.save(to);
            }
            Algorithm::Grouped(grouped) => {
                to.byte(0);
                grouped.save(to);
            }
            Algorithm::Winograd(winograd) => {
                to.byte(match winograd.form() {
                    Form::Small => 2,
                    Form::Large => 3,
                });
                winograd.save(to);
            }
        }
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, shape) = (from.set()?, ConvShape::restore(from)?);
        let (input, form) = match from.byte()? {
            0 => (ConvInput::Blocked, None),
            1 => (ConvInput::Planar, None),
            2 => (ConvInput::Blocked, Some(Form::Small)),
            3 => (ConvInput::Blocked, Some(Form::Large)),
            _ => return Err(UNKNOWN),
        };
        if form.is_some_and(|_| !Form::fits(&shape)) {
            return Err(KernelError::Saved { detail: "its shape does not suit its algorithm" });
        }
        let ending = from.ending()?;
        Self::build(set, shape, input, form, ending, Numbers::Saved(from))
    }
}
