//! What a convolution is of: its sizes, held to what can be computed, and the taps of a window inside an image.

use std::ops::Range;

use crate::error::KernelError;
use crate::saved::{Restorer, Saver};

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
