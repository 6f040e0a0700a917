//! Depthwise convolution of bytes: each channel by itself.
//!
//! Four rows are interleaved, so that one product of fours sums a column of a kernel of up to four rows.

mod rolling;
mod window;

use std::marker::PhantomData;

use super::layout::pixel_bytes;
use super::products::{output_scales, starting_sum};
use super::simd::Dots;
use crate::conv::ConvShape;
use crate::error::{KernelError, volume};
use crate::memory::{Buffer, Packed, with_scratch};
use crate::saved::{ByteNumbers, Saver};
use crate::threads;
use rolling::Rolling;
use window::{Window, columns_len};

#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    /// As many channels as there are bytes in a register.
    wide: Vec<Part>,
    /// Half as many.
    narrow: Option<Part>,
    /// The input's zero point for each channel of a pixel: what is read above and below the image.
    outside: Vec<u8>,
    zero: u8,
}

/// Weights of some channels.
#[derive(Clone, Debug)]
struct Part {
    channel: usize,
    /// Channels, in sixteens.
    count: usize,
    /// `[four rows][column][4][LANES][row, 4 of them]`.
    weights: Packed,
    /// `[4][LANES]`.
    bias: Vec<i32>,
    scale: Vec<f32>,
}

impl Part {
    /// For `count` channels from `channel` on, whose scales are among those of all.
    fn new<S: Dots>(
        channel: usize,
        count: usize,
        [height, width]: [usize; 2],
        scales: &[f32],
        numbers: &mut ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        let lanes = S::LANES;
        let size = [height.div_ceil(4), width, 4 * lanes];
        let (weights, given, requantization) = match numbers {
            ByteNumbers::Given { weights, bias, requantization } => (*weights, *bias, *requantization),
            ByteNumbers::Saved(from) => {
                let weights = from.packed(&size)?;
                let (bias, scale) = (from.integers(4 * lanes)?, from.floats(4 * lanes)?);
                return Ok(Self { channel, count, weights, bias, scale });
            }
        };
        let taps = height * width;
        let mut packed = Buffer::zeroed(volume("weights", &size)?);
        let (mut bias, mut scale) = (vec![0; 4 * lanes], vec![0.0; 4 * lanes]);
        for (block, lane) in (0..4).flat_map(|block| (0..lanes).map(move |lane| (block, lane))) {
            let channel = channel + S::channel_of_four(block, lane);
            if channel >= scales.len() {
                continue;
            }
            let weights = &weights[channel * taps..][..taps];
            let at = block * lanes + lane;
            let own = given.get(channel).copied().unwrap_or(0);
            bias[at] = starting_sum(own, weights, requantization.input, S::OFFSET, scales[channel])?;
            scale[at] = scales[channel];
            for (tap, weight) in weights.iter().enumerate() {
                let (row, column) = (tap / width, tap % width);
                let place = ((row / 4 * width + column) * 4 * lanes + at) * 4 + row % 4;
                packed.as_bytes_mut()[place] = weight.cast_unsigned();
            }
        }
        Ok(Self { channel, count, weights: packed.into(), bias, scale })
    }
}

/// What the channels of a part are filtered from.
#[derive(Clone, Copy)]
struct Source<'a> {
    part: &'a Part,
    shape: &'a ConvShape,
    /// A pixel of the input's zero point.
    outside: &'a [u8],
    x: &'a [u8],
}

impl Source<'_> {
    /// Where rows of the input lie that rows of the kernel from `tap` on meet: the first byte, and bytes from a pixel to the next.
    /// One outside of the image, or behind the last of the kernel, is the same pixel everywhere.
    #[inline(always)]
    fn rows<const N: usize>(&self, row: usize, tap: usize) -> [(*const u8, usize); N] {
        let Self { part, shape, outside, x } = *self;
        let size = outside.len();
        let mut rows = [(outside[part.channel..].as_ptr(), 0); N];
        for (tap, place) in (tap..shape.kernel[0]).zip(&mut rows) {
            let y = (row * shape.stride[0] + tap * shape.dilation[0]).checked_sub(shape.padding[0]);
            if let Some(y) = y.filter(|&y| y < shape.input[0]) {
                *place = (x[y * shape.input[1] * size + part.channel..].as_ptr(), size);
            }
        }
        rows
    }

    /// The part's channels of four pixels side by side.
    ///
    /// # Safety
    ///
    /// As for the functions of [`Dots`]; from each address on that many channels must be readable.
    #[inline(always)]
    unsafe fn interleaved<S: Dots, const FULL: bool>(&self, pixels: [*const u8; 4]) -> [S::I; 4] {
        // SAFETY: the caller's promise is the same.
        unsafe {
            let mut bytes = [S::load_bytes::<FULL>(pixels[0], self.part.count); 4];
            for tap in 1..4 {
                bytes[tap] = S::load_bytes::<FULL>(pixels[tap], self.part.count);
            }
            let mut column = S::interleave(bytes);
            for block in 0..4 {
                column[block] = S::shift(column[block]);
            }
            column
        }
    }

    /// What lies beside the image.
    ///
    /// # Safety
    ///
    /// As for the functions of [`Dots`].
    #[inline(always)]
    unsafe fn beyond<S: Dots, const FULL: bool>(&self) -> [S::I; 4] {
        // SAFETY: the part's channels lie inside a pixel.
        unsafe { self.interleaved::<S, FULL>([self.outside[self.part.channel..].as_ptr(); 4]) }
    }
}

/// The most numbers of a row's columns: only very wide images have more, and windows that begin far beyond theirs.
const MOST_COLUMNS: usize = 1 << 24;

/// Whether it is a kernel that [`Rolling`] computes, which needs no columns.
fn rolls(shape: &ConvShape) -> bool {
    shape.kernel == [3, 3] && shape.dilation == [1, 1] && matches!(shape.stride[1], 1 | 2)
}

impl Depthwise {
    pub(super) fn new<S: Dots>(
        shape: &ConvShape,
        mut numbers: ByteNumbers<'_, '_, &[i8]>,
    ) -> Result<Self, KernelError> {
        let size = pixel_bytes(shape.in_channels);
        let [input, zero] = match &mut numbers {
            ByteNumbers::Given { requantization, .. } => {
                [requantization.input.zero, requantization.output.zero]
            }
            ByteNumbers::Saved(from) => from.limits()?,
        };
        let columns = columns_len::<S>(shape).filter(|&columns| columns <= MOST_COLUMNS);
        if !rolls(shape) && columns.is_none() {
            return Err(KernelError::Overflow { what: "a row's columns" });
        }
        let scales = match &numbers {
            ByteNumbers::Given { requantization, .. } => output_scales(requantization, shape.in_channels)?,
            ByteNumbers::Saved(_) => Vec::new(),
        };
        let mut own = Self { wide: Vec::new(), narrow: None, outside: vec![input; size], zero };
        let mut channel = 0;
        while channel < size {
            let left = size - channel;
            let narrow = 4 * <S::Narrow as Dots>::LANES;
            if left <= narrow && narrow < 4 * S::LANES {
                own.narrow =
                    Some(Part::new::<S::Narrow>(channel, left, shape.kernel, &scales, &mut numbers)?);
            } else {
                let count = left.min(4 * S::LANES);
                own.wide.push(Part::new::<S>(channel, count, shape.kernel, &scales, &mut numbers)?);
            }
            channel += 4 * S::LANES;
        }
        Ok(own)
    }

    pub(super) fn save(&self, to: &mut Saver) {
        to.limits([self.outside.first().copied().unwrap_or(0), self.zero]);
        for part in self.wide.iter().chain(&self.narrow) {
            to.packed(&part.weights);
            to.integers(&part.bias);
            to.floats(&part.scale);
        }
    }

    /// # Safety
    ///
    /// The instruction set must be present; the slices are one image each of the shape that this was built for.
    pub(super) unsafe fn run<S: Dots>(&self, shape: &ConvShape, x: &[u8], out: &mut [u8]) {
        let row = shape.output[1] * pixel_bytes(shape.in_channels);
        let products = out.len().saturating_mul(shape.kernel[0] * shape.kernel[1]) / 4;
        let rolls = rolls(shape);
        let columns = if rolls { 0 } else { columns_len::<S>(shape).unwrap_or(0) };
        threads::share_rows(out, row, products, |first, out| {
            with_scratch(columns, |columns| {
                // SAFETY: the weights were packed for these channels, `x` is a whole image, `out` some rows of one; there is room for
                // the columns of a set's own width and of half of it, if any are needed.
                unsafe {
                    for part in &self.wide {
                        self.part::<S>(part, (shape, rolls), x, (first, out), columns);
                    }
                    if let Some(part) = &self.narrow {
                        self.part::<S::Narrow>(part, (shape, rolls), x, (first, out), columns);
                    }
                }
            });
        });
    }

    /// # Safety
    ///
    /// As [`Depthwise::run`]; `part` was packed for `S`, `out` is whole rows of an image from the row `first` on.
    unsafe fn part<S: Dots>(
        &self,
        part: &Part,
        (shape, rolls): (&ConvShape, bool),
        x: &[u8],
        (first, out): (usize, &mut [u8]),
        columns: &mut [f32],
    ) {
        let source = Source { part, shape, outside: &self.outside, x };
        let zero = i32::from(self.zero);
        macro_rules! rolling {
            ($full:literal, $stride:literal) => {
                // SAFETY: the caller's promise is the same.
                unsafe {
                    let set = PhantomData;
                    S::vectorize(Rolling::<S, $full, $stride> { source, zero, first, out, set });
                }
            };
        }
        macro_rules! window {
            ($full:literal, $positions:literal) => {
                // SAFETY: the caller's promise is the same.
                unsafe {
                    let set = PhantomData;
                    S::vectorize(Window::<S, $full, $positions> { source, zero, first, out, columns, set });
                }
            };
        }
        // Sets of eight lanes have sixteen registers.
        match (part.count == 4 * S::LANES, rolls.then_some(shape.stride[1]), S::LANES == 8) {
            (true, Some(1), _) => rolling!(true, 1),
            (true, Some(_), _) => rolling!(true, 2),
            (false, Some(1), _) => rolling!(false, 1),
            (false, Some(_), _) => rolling!(false, 2),
            (true, None, false) => window!(true, 4),
            (true, None, true) => window!(true, 2),
            (false, None, false) => window!(false, 4),
            (false, None, true) => window!(false, 2),
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
