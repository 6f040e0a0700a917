//! Convolution of interleaved images of bytes.

use super::Requantization;
use super::depthwise::Depthwise;
use super::layout::{pixel_bytes, pixels_len};
use super::products::{Place, Products};
use super::set::ByteSet;
use super::simd::{Dots, with_dots};
use crate::conv::ConvShape;
use crate::error::{KernelError, check_length, volume};
use crate::memory::with_scratch_bytes;
use crate::saved::{ByteNumbers, Restorer, Save, Saver};
use crate::simd::Task;
use crate::threads;

/// A convolution of bytes with its weights, ready to run. Padding counts as nought, which is the input's zero point.
#[derive(Clone, Debug)]
pub struct ByteConv2d {
    set: ByteSet,
    shape: ConvShape,
    lengths: [usize; 2],
    algorithm: Algorithm,
    limits: [u8; 2],
}

#[derive(Clone, Debug)]
enum Algorithm {
    Direct(Direct),
    Depthwise(Depthwise),
}

#[derive(Clone, Debug)]
struct Direct {
    products: Products,
    /// The input with as much around it as the kernel reaches: its rows and pixels in a row.
    padded: Option<[usize; 2]>,
    /// The byte around.
    around: u8,
}

impl ByteConv2d {
    /// Checks the parameters and packs the weights.
    ///
    /// `weights` is `[out_channels][in_channels ÷ groups][height][width]`; `bias`, empty or one for each output channel, has
    /// the scale of input × weight; the bytes of the output are held between `limits`.
    pub fn new(
        set: ByteSet,
        shape: ConvShape,
        weights: &[i8],
        bias: &[i32],
        requantization: &Requantization<'_>,
        limits: [u8; 2],
    ) -> Result<Self, KernelError> {
        shape.check()?;
        let [height, width] = shape.kernel;
        let per_output = shape.in_channels / shape.groups;
        let count = volume("weights", &[shape.out_channels, per_output, height, width])?;
        check_length("weights", weights, count)?;
        if !bias.is_empty() {
            check_length("bias", bias, shape.out_channels)?;
        }
        Self::build(set, shape, limits, ByteNumbers::Given { weights, bias, requantization })
    }

    /// Of a shape that has been checked.
    fn build(
        set: ByteSet,
        shape: ConvShape,
        limits: [u8; 2],
        numbers: ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        if shape.groups > 1 && !shape.is_depthwise() {
            return Err(shape.refused_groups("it must be 1 or the number of channels"));
        }
        if shape.out_channels <= 4 || (shape.groups > 1 && shape.in_channels <= 4) {
            return Err(KernelError::parameter(
                "channels",
                shape.out_channels,
                "there must be more than four",
            ));
        }
        let pixels = [volume("the input", &shape.input)?, volume("the output", &shape.output)?];
        let lengths = [
            pixels_len([shape.batch, shape.in_channels, pixels[0]])?,
            pixels_len([shape.batch, shape.out_channels, pixels[1]])?,
        ];
        let algorithm = with_dots!(set, S => if shape.groups > 1 {
            Algorithm::Depthwise(Depthwise::new::<S>(&shape, numbers)?)
        } else {
            Algorithm::Direct(Direct::new::<S>(&shape, numbers)?)
        });
        Ok(Self { set, shape, lengths, algorithm, limits })
    }

    /// Whether each channel is convolved by itself.
    pub fn is_depthwise(&self) -> bool {
        matches!(self.algorithm, Algorithm::Depthwise(_))
    }

    /// Runs over a whole batch of interleaved images.
    pub fn run(&self, x: &[u8], out: &mut [u8]) -> Result<(), KernelError> {
        check_length("x", x, self.lengths[0])?;
        check_length("out", out, self.lengths[1])?;
        if out.is_empty() {
            return Ok(());
        }
        let [input, output] = self.lengths.map(|length| length / self.shape.batch);
        for (x, out) in x.chunks_exact(input).zip(out.chunks_exact_mut(output)) {
            // SAFETY: holding the set proves the instructions. The slices are one image of the shape that the
            // algorithm was built for.
            with_dots!(self.set, S => unsafe {
                match &self.algorithm {
                    Algorithm::Direct(direct) => direct.run::<S>(&self.shape, x, out),
                    Algorithm::Depthwise(depthwise) => depthwise.run::<S>(&self.shape, x, out),
                }
            });
        }
        hold(self.set, self.limits, out);
        Ok(())
    }
}

impl Direct {
    fn new<'w, S: Dots>(
        shape: &ConvShape,
        numbers: ByteNumbers<'_, '_, &'w [i8]>,
    ) -> Result<Self, KernelError> {
        let [height, width] = shape.kernel;
        let inputs = shape.in_channels;
        let size = pixel_bytes(inputs);
        // What the kernel reaches over all of the output.
        let reach = |axis: usize| {
            let last = (shape.output[axis].max(1) - 1) * shape.stride[axis];
            last + (shape.kernel[axis] - 1) * shape.dilation[axis] + 1
        };
        let inside = (0..2).all(|axis| shape.padding[axis] == 0 && reach(axis) <= shape.input[axis]);
        let extent = if inside { shape.input } else { [reach(0), reach(1)] };
        let (around, numbers) = match numbers {
            ByteNumbers::Given { requantization, .. } => (requantization.input.zero, numbers),
            ByteNumbers::Saved(from) => (from.byte()?, ByteNumbers::Saved(from)),
        };
        let padded = (!inside).then_some(extent);
        if padded.is_some() {
            shape.check_copy(volume("the padded input", &extent)?)?;
        }
        volume("the padded input", &[extent[0], extent[1], size])?;
        let row = extent[1] * size;
        // Taps side by side are one run; those of a pointwise convolution end with the last channel.
        let together = if shape.dilation[1] == 1 { width } else { 1 };
        let runs: Vec<usize> = (0..height)
            .flat_map(|y| (0..width).step_by(together).map(move |x| (y, x)))
            .map(|(y, x)| y * shape.dilation[0] * row + x * shape.dilation[1] * size)
            .collect();
        let bytes = if together == 1 { inputs.next_multiple_of(4) } else { together * size };
        let taps = height * width;
        let pixel = if together == 1 { bytes } else { size };
        let own = |weights: &'w [i8]| {
            move |output: usize, row: &mut [i8]| {
                let weights = &weights[output * inputs * taps..][..inputs * taps];
                for (tap, pixel) in row.chunks_exact_mut(pixel).enumerate() {
                    for (to, &weight) in pixel.iter_mut().zip(weights[tap..].iter().step_by(taps)) {
                        *to = weight;
                    }
                }
            }
        };
        let channels = (shape.out_channels, pixel_bytes(shape.out_channels));
        let products = Products::new::<S>(channels, (runs, bytes), numbers.map(own))?;
        Ok(Self { products, padded, around })
    }

    fn save(&self, to: &mut Saver) {
        to.byte(self.around);
        self.products.save(to);
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each of the shape that this was built for.
    unsafe fn run<S: Dots>(&self, shape: &ConvShape, x: &[u8], out: &mut [u8]) {
        let size = pixel_bytes(shape.in_channels);
        let out_pixel = pixel_bytes(shape.out_channels);
        let extent = self.padded.unwrap_or(shape.input);
        let compute = |x: *const u8, out: &mut [u8]| {
            let mut place = Place {
                x,
                rows: shape.output[0],
                width: shape.output[1],
                row: shape.stride[0] * extent[1] * size,
                pixel: shape.stride[1] * size,
                out: out.as_mut_ptr(),
                out_pixel,
            };
            if shape.stride == [1, 1] && extent == shape.output {
                // Pointwise: one long row.
                (place.rows, place.width) = (1, shape.pixels());
            }
            // SAFETY: the (padded) input has all that the kernel reaches, the output a pixel for each position.
            unsafe { self.products.run::<S>(&place) }
        };
        let (Some([rows, width]), zero) = (self.padded, self.around) else {
            return compute(x.as_ptr(), out);
        };
        with_scratch_bytes(rows * width * size, |copy| {
            let [height, columns] = shape.input;
            let [above, left] = shape.padding;
            let left = left.min(width);
            let count = columns.min(width - left);
            threads::share_rows(
                copy,
                width * size,
                threads::moves(rows * width * size) / 4,
                |first, copy| {
                    for (row, line) in (first..).zip(copy.chunks_exact_mut(width * size)) {
                        let Some(y) = row.checked_sub(above).filter(|&y| y < height) else {
                            line.fill(zero);
                            continue;
                        };
                        let (before, rest) = line.split_at_mut(left * size);
                        let (inside, after) = rest.split_at_mut(count * size);
                        before.fill(zero);
                        inside.copy_from_slice(&x[y * columns * size..][..count * size]);
                        after.fill(zero);
                    }
                },
            );
            compute(copy.as_ptr(), out);
        });
    }
}

/// Holds bytes between limits, where they are limits at all.
pub(super) fn hold(set: ByteSet, limits: [u8; 2], out: &mut [u8]) {
    if limits != [0, 255] {
        let moves = threads::moves(out.len()) / 4;
        threads::share_rows(out, 1, moves, |_, out| {
            // SAFETY: holding the set proves the instructions.
            with_dots!(set, S => unsafe { S::vectorize(Hold(limits, out)) });
        });
    }
}

struct Hold<'a>([u8; 2], &'a mut [u8]);

impl Task for Hold<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let [low, high] = self.0;
        for byte in self.1 {
            *byte = (*byte).max(low).min(high);
        }
    }
}

impl Save for ByteConv2d {
    fn save(&self, to: &mut Saver) {
        to.byte_set(self.set);
        self.shape.save(to);
        to.limits(self.limits);
        match &self.algorithm {
            Algorithm::Direct(direct) => direct.save(to),
            Algorithm::Depthwise(depthwise) => depthwise.save(to),
        }
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, shape, limits) = (from.byte_set()?, ConvShape::restore(from)?, from.limits()?);
        Self::build(set, shape, limits, ByteNumbers::Saved(from))
    }
}
