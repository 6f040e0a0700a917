//! Depthwise convolution of bytes: each channel by itself.
//!
//! With a kernel of 3×3, three rows are interleaved once for each column, so that one product of fours sums a column of
//! the kernel; a column serves the outputs on both sides of it too, whose sums roll along. Other kernels are summed tap by
//! tap.

use std::hint::black_box;
use std::marker::PhantomData;

use super::elementwise::to_byte;
use super::layout::pixel_bytes;
use super::products::{output_scales, starting_sum};
use super::simd::Dots;
use crate::conv::ConvShape;
use crate::error::{KernelError, volume};
use crate::memory::{Buffer, Packed};
use crate::saved::{ByteNumbers, Saver};
use crate::simd::Task;
use crate::threads;

#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    /// As many channels as there are bytes in a register.
    wide: Vec<Three>,
    /// Half as many.
    narrow: Option<Three>,
    /// Where the kernel is not 3×3.
    general: Option<General>,
    /// The input's zero point for each channel of a pixel: what is read above and below the image.
    outside: Vec<u8>,
    zero: u8,
}

/// Weights of a kernel of 3×3 for some channels.
#[derive(Clone, Debug)]
struct Three {
    channel: usize,
    /// Channels, in sixteens.
    count: usize,
    /// `[column][4][LANES][row, 4 of them]`.
    weights: Packed,
    /// `[4][LANES]`.
    bias: Vec<i32>,
    scale: Vec<f32>,
}

/// Weights as `[tap][channel]`, for sums without the zero point.
#[derive(Clone, Debug)]
struct General {
    weights: Vec<i32>,
    bias: Vec<i32>,
    scale: Vec<f32>,
    input_zero: i32,
}

impl Three {
    /// For `count` channels from `channel` on, whose scales are among those of all.
    fn new<S: Dots>(
        channel: usize,
        count: usize,
        scales: &[f32],
        numbers: &mut ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        let lanes = S::LANES;
        let (weights, given, requantization) = match numbers {
            ByteNumbers::Given { weights, bias, requantization } => (*weights, *bias, *requantization),
            ByteNumbers::Saved(from) => {
                let weights = from.packed(&[3, 4, lanes])?;
                let (bias, scale) = (from.integers(4 * lanes)?, from.floats(4 * lanes)?);
                return Ok(Self { channel, count, weights, bias, scale });
            }
        };
        let mut packed = Buffer::zeroed(3 * 4 * lanes);
        let (mut bias, mut scale) = (vec![0; 4 * lanes], vec![0.0; 4 * lanes]);
        for (block, lane) in (0..4).flat_map(|block| (0..lanes).map(move |lane| (block, lane))) {
            let channel = channel + S::channel_of_four(block, lane);
            if channel >= scales.len() {
                continue;
            }
            let weights = &weights[channel * 9..][..9];
            let at = block * lanes + lane;
            let own = given.get(channel).copied().unwrap_or(0);
            bias[at] = starting_sum(own, weights, requantization.input, S::OFFSET, scales[channel])?;
            scale[at] = scales[channel];
            for (tap, weight) in weights.iter().enumerate() {
                let (row, column) = (tap / 3, tap % 3);
                packed.as_bytes_mut()[(column * 4 * lanes + at) * 4 + row] = weight.cast_unsigned();
            }
        }
        Ok(Self { channel, count, weights: packed.into(), bias, scale })
    }
}

impl General {
    fn new(
        channels: usize,
        taps: usize,
        input_zero: u8,
        numbers: ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        let (size, input_zero) = (pixel_bytes(channels), i32::from(input_zero));
        let (weights, given, requantization) = match numbers {
            ByteNumbers::Given { weights, bias, requantization } => (weights, bias, requantization),
            ByteNumbers::Saved(from) => {
                let (weights, bias) = (from.integers(taps * size)?, from.integers(size)?);
                return Ok(Self { weights, bias, scale: from.floats(size)?, input_zero });
            }
        };
        let scales = output_scales(requantization, channels)?;
        let mut general =
            Self { weights: vec![0; taps * size], bias: vec![0; size], scale: vec![0.0; size], input_zero };
        for (channel, weights) in weights.chunks_exact(taps).enumerate() {
            let own = given.get(channel).copied().unwrap_or(0);
            // Checks that no sum overflows; the start itself is the bias, the zero point being left out tap by tap.
            starting_sum(own, weights, requantization.input, 0, scales[channel])?;
            general.bias[channel] = own;
            general.scale[channel] = scales[channel];
            for (tap, &weight) in weights.iter().enumerate() {
                general.weights[tap * size + channel] = i32::from(weight);
            }
        }
        Ok(general)
    }
}

impl Depthwise {
    pub(super) fn new<S: Dots>(
        shape: &ConvShape,
        mut numbers: ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        let size = pixel_bytes(shape.in_channels);
        let taps = shape.kernel[0] * shape.kernel[1];
        let [input, zero] = match &mut numbers {
            ByteNumbers::Given { requantization, .. } => {
                [requantization.input.zero, requantization.output.zero]
            }
            ByteNumbers::Saved(from) => from.limits()?,
        };
        let mut own =
            Self { wide: Vec::new(), narrow: None, general: None, outside: vec![input; size], zero };
        let three = shape.kernel == [3, 3] && shape.dilation == [1, 1] && matches!(shape.stride[1], 1 | 2);
        if !three {
            volume("weights", &[taps, size])?;
            own.general = Some(General::new(shape.in_channels, taps, input, numbers)?);
            return Ok(own);
        }
        let scales = match &numbers {
            ByteNumbers::Given { requantization, .. } => output_scales(requantization, shape.in_channels)?,
            ByteNumbers::Saved(_) => Vec::new(),
        };
        let mut channel = 0;
        while channel < size {
            let left = size - channel;
            let narrow = 4 * <S::Narrow as Dots>::LANES;
            if left <= narrow && narrow < 4 * S::LANES {
                own.narrow = Some(Three::new::<S::Narrow>(channel, left, &scales, &mut numbers)?);
            } else {
                let count = left.min(4 * S::LANES);
                own.wide.push(Three::new::<S>(channel, count, &scales, &mut numbers)?);
            }
            channel += 4 * S::LANES;
        }
        Ok(own)
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.limits([self.outside.first().copied().unwrap_or(0), self.zero]);
        if let Some(general) = &self.general {
            to.integers(&general.weights);
            to.integers(&general.bias);
            to.floats(&general.scale);
        }
        for three in self.wide.iter().chain(&self.narrow) {
            to.packed(&three.weights);
            to.integers(&three.bias);
            to.floats(&three.scale);
        }
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each of the shape that this was built for.
    pub(super) unsafe fn run<S: Dots>(&self, shape: &ConvShape, x: &[u8], out: &mut [u8]) {
        let row = shape.output[1] * pixel_bytes(shape.in_channels);
        let products = out.len().saturating_mul(shape.kernel[0] * shape.kernel[1]) / 4;
        threads::share_rows(out, row, products, |first, out| {
            // SAFETY: the weights were packed for these channels, `x` is a whole image, `out` some rows of one.
            unsafe {
                if let Some(general) = &self.general {
                    S::vectorize(Taps { general, shape, zero: self.zero, x, first, out });
                    return;
                }
                for three in &self.wide {
                    self.columns::<S>(three, shape, x, first, out);
                }
                if let Some(three) = &self.narrow {
                    self.columns::<S::Narrow>(three, shape, x, first, out);
                }
            }
        });
    }

    /// # Safety
    ///
    /// As [`Depthwise::run`]; `three` was packed for `S`, `out` is whole rows of an image from the row `first` on.
    unsafe fn columns<S: Dots>(
        &self,
        three: &Three,
        shape: &ConvShape,
        x: &[u8],
        first: usize,
        out: &mut [u8],
    ) {
        macro_rules! columns {
            ($full:literal, $stride:literal) => {
                // SAFETY: the caller's promise is the same.
                unsafe {
                    S::vectorize(Columns::<S, $full, $stride> {
                        three,
                        shape,
                        outside: &self.outside,
                        zero: i32::from(self.zero),
                        x,
                        first,
                        out,
                        set: PhantomData,
                    });
                }
            };
        }
        match (three.count == 4 * S::LANES, shape.stride[1]) {
            (true, 1) => columns!(true, 1),
            (true, _) => columns!(true, 2),
            (false, 1) => columns!(false, 1),
            (false, _) => columns!(false, 2),
        }
    }
}

struct Columns<'a, S, const FULL: bool, const STRIDE: usize> {
    three: &'a Three,
    shape: &'a ConvShape,
    outside: &'a [u8],
    zero: i32,
    x: &'a [u8],
    /// The first row of `out`.
    first: usize,
    out: &'a mut [u8],
    set: PhantomData<S>,
}

impl<S: Dots, const FULL: bool, const STRIDE: usize> Task for Columns<'_, S, FULL, STRIDE> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { three, shape, outside, zero, x, first, out, .. } = self;
        let size = outside.len();
        let ([height, width], out_width) = (shape.input, shape.output[1]);
        let rows = out.len() / (out_width * size).max(1);
        let (bytes, count) = (three.weights.as_bytes().as_ptr(), three.count);
        let outside = outside[three.channel..].as_ptr();
        // SAFETY: rows inside the image are read at columns inside it, rows outside at their only pixel; `count` channels
        // from the block's first lie inside a pixel, and so does what is written.
        unsafe {
            let column = |column: usize| bytes.add(column * 16 * S::LANES).cast();
            let w = [four::<S>(column(0)), four::<S>(column(1)), four::<S>(column(2))];
            let bias = four::<S>(three.bias.as_ptr());
            let mut scale = [S::load_floats(three.scale.as_ptr()); 4];
            for block in 1..4 {
                scale[block] = S::load_floats(three.scale.as_ptr().add(block * S::LANES));
            }
            let beyond = S::load_bytes::<FULL>(outside, count);
            let mut beyond = S::interleave([beyond; 3]);
            for block in 0..4 {
                beyond[block] = S::shift(beyond[block]);
            }
            // In memory, where it is rarely wanted. And the compiler, which learns too late which other registers it must keep on the
            // stack, would keep them at multiples of sixteen bytes, so that each met two lines of the cache, were there nothing
            // with the alignment of a register.
            let beyond = black_box(&beyond);
            let left = shape.padding[1];
            for row in first..first + rows {
                let mut rows = [(outside, 0); 3];
                for (tap, place) in rows.iter_mut().enumerate() {
                    let y = (row * shape.stride[0] + tap).checked_sub(shape.padding[0]);
                    if let Some(y) = y.filter(|&y| y < height) {
                        *place = (x.as_ptr().add(y * width * size + three.channel), size);
                    }
                }
                // The column at `$at` of the padded image.
                macro_rules! column {
                    ($at:expr) => {{
                        let at = ($at).wrapping_sub(left);
                        if at < width {
                            let mut bytes = [w[0][0]; 3];
                            for tap in 0..3 {
                                let (row, pixel) = rows[tap];
                                bytes[tap] = S::load_bytes::<FULL>(row.add(at.wrapping_mul(pixel)), count);
                            }
                            let mut column = S::interleave(bytes);
                            for block in 0..4 {
                                column[block] = S::shift(column[block]);
                            }
                            column
                        } else {
                            *beyond
                        }
                    }};
                }
                macro_rules! add {
                    ($sums:ident, $column:ident, $tap:literal) => {
                        for block in 0..4 {
                            $sums[block] = S::dot($sums[block], $column[block], w[$tap][block]);
                        }
                    };
                }
                let mut to = out.as_mut_ptr().add((row - first) * out_width * size + three.channel);
                macro_rules! finish {
                    ($sums:ident) => {{
                        let mut bytes = $sums;
                        for block in 0..4 {
                            bytes[block] = S::requantize($sums[block], scale[block]);
                        }
                        S::pack_four::<FULL>(to, bytes, zero, count);
                        to = to.add(size);
                    }};
                }
                let mut sums = bias;
                if STRIDE == 1 {
                    let mut next = bias;
                    let first = column!(0_usize);
                    add!(sums, first, 0);
                    let second = column!(1_usize);
                    add!(sums, second, 1);
                    add!(next, second, 0);
                    for position in 0..out_width {
                        let third = column!(position + 2);
                        let mut after = bias;
                        add!(sums, third, 2);
                        add!(next, third, 1);
                        add!(after, third, 0);
                        finish!(sums);
                        sums = next;
                        next = after;
                    }
                } else {
                    let first = column!(0_usize);
                    add!(sums, first, 0);
                    for position in 0..out_width {
                        let second = column!(2 * position + 1);
                        add!(sums, second, 1);
                        let third = column!(2 * position + 2);
                        let mut after = bias;
                        add!(sums, third, 2);
                        add!(after, third, 0);
                        finish!(sums);
                        sums = after;
                    }
                }
            }
        }
    }
}

/// Four registers from `p` on.
///
/// # Safety
///
/// As for the functions of [`Dots`].
#[inline(always)]
unsafe fn four<S: Dots>(p: *const i32) -> [S::I; 4] {
    // SAFETY: the caller promises four registers.
    unsafe {
        let second = S::load(p.add(S::LANES));
        [S::load(p), second, S::load(p.add(2 * S::LANES)), S::load(p.add(3 * S::LANES))]
    }
}

/// Tap by tap.
struct Taps<'a> {
    general: &'a General,
    shape: &'a ConvShape,
    zero: u8,
    x: &'a [u8],
    /// The first row of `out`.
    first: usize,
    out: &'a mut [u8],
}

/// Channels that are summed at once.
const PART: usize = 64;

impl Task for Taps<'_> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { general, shape, zero, x, first, out } = self;
        let size = general.bias.len();
        for (index, out) in (first * shape.output[1]..).zip(out.chunks_exact_mut(size)) {
            let (row, column) = (index / shape.output[1], index % shape.output[1]);
            let mut first = 0;
            while first < size {
                let count = PART.min(size - first);
                let mut sums = [0; PART];
                sums[..count].copy_from_slice(&general.bias[first..][..count]);
                for down in shape.taps(0, row) {
                    let y = row * shape.stride[0] + down * shape.dilation[0] - shape.padding[0];
                    for across in shape.taps(1, column) {
                        let x_at = column * shape.stride[1] + across * shape.dilation[1] - shape.padding[1];
                        let pixel = &x[(y * shape.input[1] + x_at) * size + first..][..count];
                        let weights =
                            &general.weights[(down * shape.kernel[1] + across) * size + first..][..count];
                        for ((sum, &byte), weight) in sums.iter_mut().zip(pixel).zip(weights) {
                            *sum += (i32::from(byte) - general.input_zero) * weight;
                        }
                    }
                }
                for ((byte, sum), scale) in
                    out[first..first + count].iter_mut().zip(sums).zip(&general.scale[first..])
                {
                    *byte = to_byte(sum as f32 * scale, zero);
                }
                first += count;
            }
        }
    }
}
