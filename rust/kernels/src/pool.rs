//! Pooling over blocked images.

use std::marker::PhantomData;
use std::ops::Range;

use crate::conv::taps;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::layout::blocked_len;
use crate::saved::{Restorer, Save, Saver, UNKNOWN};
use crate::simd::{Simd, Task, with_simd};
use crate::threads::{self, Disjoint};

/// What a window becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Its largest element inside the image; NaN is skipped. −∞ where there is none.
    Max,
    /// Its mean. NaN where no element is inside the image and only those count.
    Average {
        /// Whether elements outside of the image count, as noughts.
        count_padding: bool,
    },
}

/// Sizes and parameters of a pooling, as ONNX's `MaxPool` and `AveragePool` have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Images at once.
    pub batch: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next, at least 1.
    pub stride: [usize; 2],
    /// Rows and columns from one element of a window to the next, at least 1.
    pub dilation: [usize; 2],
    /// Rows above and columns left of the image where windows begin.
    pub padding: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
}

impl PoolShape {
    pub(crate) fn save(&self, to: &mut Saver) {
        to.sizes([self.batch, self.channels]);
        for sizes in [self.input, self.kernel, self.stride, self.dilation, self.padding, self.output] {
            to.sizes(sizes);
        }
    }

    pub(crate) fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let [batch, channels] = from.sizes()?;
        Ok(Self {
            batch,
            channels,
            input: from.sizes()?,
            kernel: from.sizes()?,
            stride: from.sizes()?,
            dilation: from.sizes()?,
            padding: from.sizes()?,
            output: from.sizes()?,
        })
    }
}

/// A pooling, ready to run over blocked images.
#[derive(Clone, Debug)]
pub struct Pool2d {
    set: InstructionSet,
    shape: PoolShape,
    kind: PoolKind,
    input_len: usize,
    output_len: usize,
}

impl Pool2d {
    /// Checks the parameters.
    pub fn new(set: InstructionSet, shape: PoolShape, kind: PoolKind) -> Result<Self, KernelError> {
        crate::conv::check_window(
            shape.input,
            shape.kernel,
            shape.stride,
            shape.dilation,
            shape.padding,
            shape.output,
        )?;
        let input_len = blocked_len(set, shape.batch, shape.channels, volume("the input", &shape.input)?)?;
        let output_len = blocked_len(set, shape.batch, shape.channels, volume("the output", &shape.output)?)?;
        Ok(Self { set, shape, kind, input_len, output_len })
    }

    /// The sizes and parameters it was built for.
    pub fn shape(&self) -> &PoolShape {
        &self.shape
    }

    /// What a window becomes.
    pub fn kind(&self) -> PoolKind {
        self.kind
    }

    pub(crate) fn set(&self) -> InstructionSet {
        self.set
    }

    /// Floats of the output of a whole batch.
    pub(crate) fn output_len(&self) -> usize {
        self.output_len
    }

    /// Some rows of one image, of which `input` rows in blocks of so many floats are given, with rows of padding above them.
    ///
    /// # Safety
    ///
    /// The instruction set must be present and `S` that of [`Pool2d::new`]; the input has all rows that the windows of `rows` meet.
    /// Nobody else reaches these rows of `out`, which is one image.
    pub(crate) unsafe fn band<S: Simd>(
        &self,
        rows: Range<usize>,
        padding: usize,
        input: usize,
        (x, line): (&[f32], usize),
        out: &Disjoint<'_, f32>,
    ) {
        let mut shape = self.shape;
        (shape.input[0], shape.output[0], shape.padding[0]) = (input, rows.len(), padding);
        let [height, width] = self.shape.output;
        for (block, x) in x.chunks_exact(line).enumerate() {
            let at = |row: usize| (block * height + row) * width * S::LANES;
            // SAFETY: the caller's promise; the slices are one block of the band.
            unsafe {
                let out = out.range(at(rows.start)..at(rows.end));
                let (shape, kind) = (&shape, self.kind);
                S::vectorize(Block::<S> { shape, kind, x, out, set: PhantomData });
            }
        }
    }

    /// Runs over a whole batch.
    pub fn run(&self, x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
        check_length("x", x, self.input_len)?;
        check_length("out", out, self.output_len)?;
        if out.is_empty() {
            return Ok(());
        }
        let lanes = self.set.lanes();
        let input = self.shape.input[0] * self.shape.input[1] * lanes;
        let output = self.shape.output[0] * self.shape.output[1] * lanes;
        let additions = out.len().saturating_mul(self.shape.kernel[0] * self.shape.kernel[1]);
        threads::share_rows(out, output, additions, |first, out| {
            for (x, out) in x.chunks_exact(input).skip(first).zip(out.chunks_exact_mut(output)) {
                let (shape, kind) = (&self.shape, self.kind);
                // SAFETY: holding the set proves the instructions; the slices are one block of the shapes.
                with_simd!(self.set, S => unsafe {
                    S::vectorize(Block::<S> { shape, kind, x, out, set: PhantomData });
                });
            }
        });
        Ok(())
    }
}

impl Save for Pool2d {
    fn save(&self, to: &mut Saver) {
        to.set(self.set);
        self.shape.save(to);
        to.byte(match self.kind {
            PoolKind::Max => 0,
            PoolKind::Average { count_padding: false } => 1,
            PoolKind::Average { count_padding: true } => 2,
        });
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let (set, shape) = (from.set()?, PoolShape::restore(from)?);
        let kind = match from.byte()? {
            0 => PoolKind::Max,
            1 => PoolKind::Average { count_padding: false },
            2 => PoolKind::Average { count_padding: true },
            _ => return Err(UNKNOWN),
        };
        Self::new(set, shape, kind)
    }
}

struct Block<'a, S> {
    shape: &'a PoolShape,
    kind: PoolKind,
    x: &'a [f32],
    out: &'a mut [f32],
    set: PhantomData<S>,
}

/// Windows side by side that are computed at once.
const WINDOWS: usize = 4;

impl<S: Simd> Task for Block<'_, S> {
    #[inline(always)]
    unsafe fn call(mut self) {
        let shape = self.shape;
        let range = |axis: usize, position: usize| {
            let start = position * shape.stride[axis];
            taps(start, shape.padding[axis], shape.input[axis], shape.kernel[axis], shape.dilation[axis])
        };
        let whole = 0..shape.kernel[1];
        // The columns whose windows lie inside the image.
        let first = shape.padding[1].div_ceil(shape.stride[1]);
        let reach = (whole.len() - 1) * shape.dilation[1] + 1;
        let last = (shape.input[1] + shape.padding[1]).checked_sub(reach).map(|last| last / shape.stride[1]);
        let end = last.map_or(0, |last| shape.output[1].min(last + 1));
        for oy in 0..shape.output[0] {
            let rows = range(0, oy);
            let mut ox = 0;
            while ox < shape.output[1] {
                // SAFETY: the taps lie inside the image, the pixels inside the output.
                unsafe {
                    if (first..end).contains(&ox) && ox + WINDOWS <= end {
                        self.windows::<WINDOWS>([oy, ox], [&rows, &whole]);
                        ox += WINDOWS;
                    } else {
                        self.windows::<1>([oy, ox], [&rows, &range(1, ox)]);
                        ox += 1;
                    }
                }
            }
        }
    }
}

impl<S: Simd> Block<'_, S> {
    /// The windows of some pixels that lie side by side, of so many taps.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; the taps lie inside the image, the pixels inside the output.
    #[inline(always)]
    unsafe fn windows<const COUNT: usize>(
        &mut self,
        [oy, ox]: [usize; 2],
        [rows, columns]: [&Range<usize>; 2],
    ) {
        let Self { shape, kind, x, .. } = *self;
        let max = kind == PoolKind::Max;
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::splat(if max { f32::NEG_INFINITY } else { 0.0 }); COUNT];
            for ky in rows.clone() {
                let y = oy * shape.stride[0] + ky * shape.dilation[0] - shape.padding[0];
                for kx in columns.clone() {
                    let column = ox * shape.stride[1] + kx * shape.dilation[1] - shape.padding[1];
                    let from = x.as_ptr().add((y * shape.input[1] + column) * S::LANES);
                    for n in 0..COUNT {
                        let element = S::load(from.add(n * shape.stride[1] * S::LANES));
                        sums[n] = if max { S::max(element, sums[n]) } else { S::add(sums[n], element) };
                    }
                }
            }
            let divisor = match kind {
                PoolKind::Max => 1,
                PoolKind::Average { count_padding: true } => shape.kernel[0] * shape.kernel[1],
                PoolKind::Average { count_padding: false } => rows.len() * columns.len(),
            };
            let out = self.out.as_mut_ptr().add((oy * shape.output[1] + ox) * S::LANES);
            for n in 0..COUNT {
                let sum = if divisor == 1 { sums[n] } else { S::div(sums[n], S::splat(divisor as f32)) };
                S::store(out.add(n * S::LANES), sum);
            }
        }
    }
}

/// The mean of each channel: a blocked image of `[batch, channels, pixels]` to `[batch][channels]`.
pub fn global_average(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("out", out, volume("out", &[batch, channels])?)?;
    means(set, [batch, channels, pixels], x, out, channels)
}

/// As [`global_average`], to a blocked image of one pixel.
pub fn global_average_blocked(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_length("out", out, blocked_len(set, batch, channels, 1)?)?;
    means(set, [batch, channels, pixels], x, out, channels.next_multiple_of(set.lanes()))
}

/// The means of an image lie in `row` floats.
fn means(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    x: &[f32],
    out: &mut [f32],
    row: usize,
) -> Result<(), KernelError> {
    check_length("x", x, blocked_len(set, batch, channels, pixels)?)?;
    if out.is_empty() {
        return Ok(());
    }
    if pixels == 0 {
        return Err(KernelError::parameter("pixels", pixels, "it must be at least 1"));
    }
    let lanes = set.lanes();
    let blocks = channels.div_ceil(lanes);
    for (x, out) in x.chunks_exact(blocks * pixels * lanes).zip(out.chunks_exact_mut(row)) {
        for (x, out) in x.chunks_exact(pixels * lanes).zip(out.chunks_mut(lanes)) {
            // SAFETY: holding the set proves the instructions; `x` is one block, `out` its channels.
            with_simd!(set, S => unsafe { S::vectorize(Mean::<S>(x, out, PhantomData)) });
        }
    }
    Ok(())
}

/// One block and the means of its channels.
pub(crate) struct Mean<'a, S>(pub(crate) &'a [f32], pub(crate) &'a mut [f32], pub(crate) PhantomData<S>);

impl<S: Simd> Task for Mean<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self(x, out, _) = self;
        // SAFETY: every vector lies in `x`; `out` has at most as many elements as there are lanes.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            for four in x.chunks(4 * S::LANES) {
                for (sum, pixel) in sums.iter_mut().zip(four.chunks_exact(S::LANES)) {
                    *sum = S::add(*sum, S::load(pixel.as_ptr()));
                }
            }
            let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
            let mean = S::div(sum, S::splat((x.len() / S::LANES) as f32));
            S::store_part(out.as_mut_ptr(), out.len(), mean);
        }
    }
}
