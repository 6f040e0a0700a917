//! Depthwise convolution of bytes: each channel by itself.
//!
//! With a kernel of 3×3, three rows are interleaved once for each column, so that one product of fours sums a column of
//! the kernel; a column serves the outputs on both sides of it too, whose sums roll along. Other kernels are summed tap by
//! tap.

use std::marker::PhantomData;

use super::Requantization;
use super::elementwise::to_byte;
use super::layout::pixel_bytes;
use super::products::{output_scales, starting_sum};
use super::simd::Dots;
use crate::conv::ConvShape;
use crate::error::{KernelError, volume};
use crate::memory::Buffer;
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
    weights: Buffer,
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

impl Depthwise {
    pub(super) fn new<S: Dots>(
        shape: &ConvShape,
        weights: &[i8],
        bias: &[i32],
        requantization: &Requantization<'_>,
    ) -> Result<Self, KernelError> {
        let channels = shape.in_channels;
        let size = pixel_bytes(channels);
        let scales = output_scales(requantization, channels)?;
        let taps = shape.kernel[0] * shape.kernel[1];
        let bias = |channel: usize| bias.get(channel).copied().unwrap_or(0);
        let mut own = Self {
            wide: Vec::new(),
            narrow: None,
            general: None,
            outside: vec![requantization.input.zero; size],
            zero: requantization.output.zero,
        };
        let three = shape.kernel == [3, 3] && shape.dilation == [1, 1] && matches!(shape.stride[1], 1 | 2);
        if !three {
            volume("weights", &[taps, size])?;
            let mut general = General {
                weights: vec![0; taps * size],
                bias: vec![0; size],
                scale: vec![0.0; size],
                input_zero: i32::from(requantization.input.zero),
            };
            for (channel, weights) in weights.chunks_exact(taps).enumerate() {
                // Checks that no sum overflows; the start itself is the bias, the zero point being left out tap by tap.
                starting_sum(
                    bias(channel),
                    weights.iter().copied(),
                    requantization.input,
                    0,
                    scales[channel],
                )?;
                general.bias[channel] = bias(channel);
                general.scale[channel] = scales[channel];
                for (tap, &weight) in weights.iter().enumerate() {
                    general.weights[tap * size + channel] = i32::from(weight);
                }
            }
            own.general = Some(general);
            return Ok(own);
        }
        let pack = |channel: usize,
                    count: usize,
                    lanes: usize,
                    offset: i32,
                    place: &dyn Fn(usize, usize) -> usize| {
            let mut three = Three {
                channel,
                count,
                weights: Buffer::zeroed(3 * 4 * lanes),
                bias: vec![0; 4 * lanes],
                scale: vec![0.0; 4 * lanes],
            };
            for (block, lane) in (0..4).flat_map(|block| (0..lanes).map(move |lane| (block, lane))) {
                let channel = channel + place(block, lane);
                if channel >= channels {
                    continue;
                }
                let weights = &weights[channel * 9..][..9];
                let at = block * lanes + lane;
                let (input, scale) = (requantization.input, scales[channel]);
                three.bias[at] = starting_sum(bias(channel), weights.iter().copied(), input, offset, scale)?;
                three.scale[at] = scale;
                for (tap, weight) in weights.iter().enumerate() {
                    let (row, column) = (tap / 3, tap % 3);
                    three.weights.as_bytes_mut()[(column * 4 * lanes + at) * 4 + row] =
                        weight.cast_unsigned();
                }
            }
            Ok::<_, KernelError>(three)
        };
        let mut channel = 0;
        while channel < size {
            let left = size - channel;
            let narrow = 4 * <S::Narrow as Dots>::LANES;
            if left <= narrow && narrow < 4 * S::LANES {
                let place = <S::Narrow as Dots>::channel_of_four;
                own.narrow = Some(pack(
                    channel,
                    left,
                    <S::Narrow as Dots>::LANES,
                    <S::Narrow as Dots>::OFFSET,
                    &place,
                )?);
            } else {
                let count = left.min(4 * S::LANES);
                own.wide.push(pack(channel, count, S::LANES, S::OFFSET, &S::channel_of_four)?);
            }
            channel += 4 * S::LANES;
        }
        Ok(own)
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
                            beyond
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
