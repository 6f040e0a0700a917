//! Bands of rows of an image, expanded and filtered one after another, with the rows kept that the next one reads too.

use std::ops::Range;

use super::super::ConvShape;
use super::super::bands::Rows;
use super::super::depthwise::Depthwise;
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
    pub(super) expand: Option<&'a Direct>,
    pub(super) depthwise: &'a Depthwise,
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
        let expand =
            self.expand.map_or(0, |expand| expand.products(self.shape.input[0] * self.shape.input[1]));
        expand + self.depthwise.products(self.shape)
    }

    /// What the channels of the filtered image are computed in: groups of the first convolution, or blocks where there is none.
    pub(super) fn units<S: Simd>(&self) -> Range<usize> {
        self.expand.map_or_else(|| self.depthwise.blocks::<S>(), Direct::groups)
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
    /// The instruction set must be present; `x` is one image, and what `each` gives to the function holds the rows.
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
                let fresh = band.fresh();
                each(band.rows.clone(), &mut |out, out_line| {
                    for (groups, blocks) in &chunks {
                        let x = match expand {
                            None => &x[blocks.start * line + band.reads.start * row..],
                            Some(expand) => {
                                let at = if alone { 0 } else { (blocks.start - origin) * line };
                                let part = &mut expanded[at..][..blocks.len() * line];
                                band.keep(part, line, row);
                                if !fresh.is_empty() {
                                    let to = (None, &Disjoint::new(&mut part[band.kept * row..]), line);
                                    let pixels = fresh.len() * shape.input[1];
                                    let x = &x[fresh.start * row..];
                                    // SAFETY: the rows of the input and of the room for the expanded image lie inside.
                                    unsafe { expand.pixels::<S>(groups.clone(), None, x, pixels, to) };
                                }
                                &*part
                            }
                        };
                        let out = &mut out[(blocks.start - origin) * out_line..];
                        let lines = [line, out_line];
                        // SAFETY: the rows lie inside what is filtered; the caller promises those of the output.
                        unsafe { depthwise.run::<S>(&own, blocks.clone(), x, None, out, lines) };
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
