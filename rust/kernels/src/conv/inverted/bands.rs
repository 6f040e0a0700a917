//! Bands of rows of an image, expanded and filtered one after another, with the rows kept that the next one reads too.

use std::ops::Range;

use super::super::ConvShape;
use super::super::bands::Rows;
use super::super::depthwise::{Depthwise, Lines, Ring};
use super::super::direct::Direct;
use crate::memory::with_scratch;
use crate::simd::Simd;
use crate::threads::Disjoint;

/// What comes before the projection of a block: the expansion, where there is one, and the depthwise convolution.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    /// Of the depthwise convolution.
    pub(super) shape: &'a ConvShape,
    /// Rows of the expanded image that a band reads at most.
    pub(super) expanded_rows: usize,
    pub(super) expand: Option<Expand<'a>>,
    pub(super) depthwise: &'a Depthwise,
}

/// The first convolution of a block, and its sizes.
#[derive(Clone, Copy)]
pub(super) struct Expand<'a> {
    pub(super) shape: &'a ConvShape,
    pub(super) direct: &'a Direct,
}

impl Expand<'_> {
    /// What its channels are computed in: its groups where it is pointwise, all at once where a row is computed of several.
    fn units(&self) -> Range<usize> {
        if self.direct.is_flat() { self.direct.groups() } else { 0..1 }
    }

    fn blocks(&self, units: &Range<usize>) -> Range<usize> {
        if self.direct.is_flat() {
            self.direct.blocks(units)
        } else {
            self.direct.blocks(&self.direct.groups())
        }
    }

    /// Computes some rows of some units into blocks of so many floats.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; `x` is what [`Direct::with_input`] gives of an image, and every block of `out` holds the
    /// rows.
    unsafe fn run<S: Simd>(
        &self,
        units: Range<usize>,
        rows: Range<usize>,
        x: &[f32],
        out: &mut [f32],
        line: usize,
    ) {
        let (width, out) = (self.shape.output[1], Disjoint::new(out));
        // SAFETY: the caller's promise.
        unsafe {
            if self.direct.is_flat() {
                let x = &x[rows.start * width * S::LANES..];
                self.direct.pixels::<S>(units, None, x, rows.len() * width, (None, &out, line));
            } else {
                self.direct.rows::<S>(self.shape, rows, x, None, (&out, line));
            }
        }
    }
}

/// What of an image is computed by itself: some bands of so many rows of the output, and some units of their channels.
pub(super) struct Piece {
    pub(super) bands: Range<usize>,
    pub(super) rows: usize,
    pub(super) units: Range<usize>,
}

impl Filter<'_> {
    /// Multiply-adds of an image.
    pub(super) fn products(&self) -> usize {
        let pixels = self.shape.input[0] * self.shape.input[1];
        let expand = self.expand.map_or(0, |expand| expand.direct.products(pixels));
        expand + self.depthwise.products(self.shape)
    }

    /// What the channels of the filtered image are computed in: units of the first convolution, or blocks where there is none.
    pub(super) fn units<S: Simd>(&self) -> Range<usize> {
        self.expand.map_or_else(|| self.depthwise.blocks::<S>(), |expand| expand.units())
    }

    /// The blocks of channels of some units.
    pub(super) fn blocks(&self, units: &Range<usize>) -> Range<usize> {
        self.expand.map_or_else(|| units.clone(), |expand| expand.blocks(units))
    }

    /// Units, with their blocks, that are computed one after another: what is expanded together is filtered at once, while it is in
    /// the first-level cache.
    fn chunks(&self, units: &Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
        match self.expand {
            Some(_) => units.clone().map(|unit| (unit..unit + 1, self.blocks(&(unit..unit + 1)))).collect(),
            None => vec![(units.clone(), units.clone())],
        }
    }

    /// Gives the bands of a piece of an image to `each`, one after another: the rows of the output, and a function that filters them
    /// into a slice of so many floats for each of the piece's blocks of channels.
    ///
    /// # Safety
    ///
    /// The instruction set must be present; `x` is one image, or what [`Direct::with_input`] gives of it, and what `each` gives to the
    /// function holds the rows.
    pub(super) unsafe fn bands<S: Simd>(
        &self,
        piece: Piece,
        x: &[f32],
        mut each: impl FnMut(Range<usize>, &mut dyn FnMut(&mut [f32], usize)),
    ) {
        let Self { shape, expanded_rows, expand, depthwise } = *self;
        let row = shape.input[1] * S::LANES;
        // Floats of a block of what is filtered: all of the input, or what of it is expanded.
        let line = if expand.is_some() { expanded_rows * row } else { shape.input[0] * row };
        let origin = self.blocks(&piece.units).start;
        let chunks = self.chunks(&piece.units);
        // Rows are kept for the next band.
        let alone = piece.bands.len() == 1;
        let most = chunks.iter().map(|(_, blocks)| blocks.len()).max().unwrap_or(0);
        let kept = if alone { most } else { self.blocks(&piece.units).len() };
        let room = if expand.is_some() { kept * line } else { 0 };
        with_scratch(room, |expanded| {
            for band in rows(shape).bands(piece.bands, piece.rows) {
                let mut own = *shape;
                own.input[0] = band.reads.len();
                own.output[0] = band.rows.len();
                own.padding[0] = band.padding;
                // Rows of the expanded image lie in a ring, so that those that the next band reads too stay where they are.
                let ring = match expand {
                    None => Ring { first: 0, rows: own.input[0] },
                    Some(_) => Ring { first: band.reads.start % expanded_rows, rows: expanded_rows },
                };
                each(band.rows.clone(), &mut |out, out_line| {
                    for (units, blocks) in &chunks {
                        let x = match expand {
                            None => &x[blocks.start * line + band.reads.start * row..],
                            Some(expand) => {
                                let at = if alone { 0 } else { (blocks.start - origin) * line };
                                let part = &mut expanded[at..][..blocks.len() * line];
                                for (rows, at) in ring.runs(band.kept..band.reads.len()) {
                                    let rows = band.reads.start + rows.start..band.reads.start + rows.end;
                                    let out = &mut part[at * row..];
                                    // SAFETY: the rows of the input and of the room for the expanded image lie inside.
                                    unsafe { expand.run::<S>(units.clone(), rows, x, out, line) };
                                }
                                &*part
                            }
                        };
                        let out = &mut out[(blocks.start - origin) * out_line..];
                        let lines = Lines { input: line, output: out_line, ring };
                        // SAFETY: the rows lie inside what is filtered; the caller promises those of the output.
                        unsafe { depthwise.run::<S>(&own, blocks.clone(), x, None, out, &lines) };
                    }
                });
            }
        });
    }
}

/// What the depthwise convolution does with rows.
pub(super) fn rows(shape: &ConvShape) -> Rows {
    Rows {
        input: shape.input[0],
        output: shape.output[0],
        window: shape.kernel[0],
        stride: shape.stride[0],
        padding: shape.padding[0],
    }
}
