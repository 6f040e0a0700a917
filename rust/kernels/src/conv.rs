//! Two-dimensional convolution with bias, residual and activation in one pass.

mod bands;
mod depthwise;
mod direct;
mod grouped;
mod inverted;
mod pooled;
mod shape;
mod transposed;
mod winograd;

use crate::activation::{Activation, Ending};
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::saved::{Numbers, Restorer, Save, Saver, UNKNOWN};
use crate::simd::{Simd, with_simd};
pub use inverted::{BlockConvs, InvertedResidual};
pub use pooled::PooledConv2d;
pub use shape::ConvShape;
pub(crate) use shape::{check_window, taps};
pub use transposed::{UpConv2d, UpShape};

use depthwise::{Depthwise, Lines, Ring};
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
                    let shape = &self.shape;
                    let [input, output] = [shape.input, shape.output].map(|[height, width]| height * width * S::LANES);
                    let lines = Lines { input, output, ring: Ring { first: 0, rows: shape.input[0] } };
                    depthwise.run::<S>(shape, depthwise.blocks::<S>(), x, residual, out, &lines);
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
