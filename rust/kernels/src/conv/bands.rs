//! Bands of rows of an output, and the rows of its input that each of them reads.

use std::ops::Range;

/// Rows of an input and of what a sliding window makes of it.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) input: usize,
    pub(super) output: usize,
    /// From the first row of a window to its last.
    pub(super) window: usize,
    pub(super) stride: usize,
    /// Above the input, where the first window begins.
    pub(super) padding: usize,
}

/// Some rows of the output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) rows: Range<usize>,
    /// Rows of the input that they read.
    pub(super) reads: Range<usize>,
    /// How many of these, from the first on, the band before has read too.
    pub(super) kept: usize,
    /// Where they begin in what the band before has read.
    pub(super) from: usize,
    /// Rows of padding above what the band reads.
    pub(super) padding: usize,
}

impl Rows {
    /// Rows of the input that so many of the output read at most.
    pub(super) fn needed(&self, rows: usize) -> usize {
        (rows.saturating_sub(1) * self.stride + self.window).min(self.input)
    }

    /// Rows of the output in each of as few bands of equal size as fit.
    pub(super) fn equal(self, fits: impl Fn(usize) -> bool) -> usize {
        let height = self.output.max(1);
        let most = (1..=height).rev().find(|&rows| fits(rows)).unwrap_or(1);
        height.div_ceil(height.div_ceil(most))
    }

    /// Bands of `rows`, or of fewer so that each thread has as many: how many bands, and the rows of each.
    pub(super) fn shared(self, rows: usize, threads: usize) -> (usize, usize) {
        let bands = self.output.div_ceil(rows).next_multiple_of(threads);
        let rows = self.output.div_ceil(bands);
        (self.output.div_ceil(rows), rows)
    }

    /// Bands of `rows` of the output each, one after another.
    pub(super) fn bands(self, bands: Range<usize>, rows: usize) -> impl Iterator<Item = Band> {
        let inside = move |row: usize| row.saturating_sub(self.padding).min(self.input);
        let mut have = 0..0;
        bands.map(move |band| {
            let first = band * rows;
            let end = self.output.min(first + rows);
            let top = first * self.stride;
            let reads = inside(top)..inside((end - 1) * self.stride + self.window);
            let there = have.contains(&reads.start);
            let kept = if there { have.end.min(reads.end) - reads.start } else { 0 };
            let from = if there { reads.start - have.start } else { 0 };
            let padding = (reads.start + self.padding).saturating_sub(top).min(self.padding);
            have = reads.clone();
            Band { rows: first..end, reads, kept, from, padding }
        })
    }
}

impl Band {
    /// The rows of the input that are not kept.
    pub(super) fn fresh(&self) -> Range<usize> {
        self.reads.start + self.kept..self.reads.end
    }

    /// Moves what is kept to the front of every block of so many floats, whose rows have `row` of them.
    pub(super) fn keep(&self, blocks: &mut [f32], block: usize, row: usize) {
        if self.kept > 0 && self.from > 0 {
            for block in blocks.chunks_exact_mut(block) {
                block.copy_within(self.from * row..(self.from + self.kept) * row, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Band, Rows};

    #[test]
    fn a_band_keeps_what_the_one_before_has_read_too() {
        let rows = Rows { input: 8, output: 8, window: 3, stride: 1, padding: 1 };
        let bands: Vec<Band> = rows.bands(0..3, 3).collect();
        let band = |rows, reads, kept, from, padding| Band { rows, reads, kept, from, padding };
        assert_eq!(bands, [band(0..3, 0..4, 0, 0, 1), band(3..6, 2..7, 2, 2, 0), band(6..8, 5..8, 2, 3, 0)]);
        assert_eq!(bands[1].fresh(), 4..7);
        assert_eq!([rows.needed(1), rows.needed(3), rows.needed(8)], [3, 5, 8]);
        let mut blocks = [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 12.0, 13.0, 14.0];
        bands[1].keep(&mut blocks, 5, 1);
        assert_eq!(
            blocks.map(f32::to_bits),
            [2.0, 3.0, 2.0, 3.0, 4.0, 12.0, 13.0, 12.0, 13.0, 14.0].map(f32::to_bits)
        );
    }

    #[test]
    fn bands_are_of_equal_size_and_as_many_for_each_thread() {
        let rows = |output| Rows { input: output, output, window: 1, stride: 1, padding: 0 };
        assert_eq!([12, 11, 5, 1, 0].map(|most| rows(12).equal(|rows| rows <= most)), [12, 6, 4, 1, 1]);
        assert_eq!(rows(0).equal(|_| true), 1);
        let shared =
            [(12, 1), (12, 2), (5, 2), (5, 3), (1, 20)].map(|(size, threads)| rows(12).shared(size, threads));
        assert_eq!(shared, [(1, 12), (2, 6), (4, 3), (3, 4), (12, 1)]);
    }

    #[test]
    fn together_they_read_every_row_once_that_some_window_covers() {
        let cases = (1..9_usize).flat_map(|input| {
            (1..5).flat_map(move |window| (1..4).map(move |stride| (input, window, stride)))
        });
        for (input, window, stride) in cases {
            for (padding, rows) in (0..window).flat_map(|padding| (1..5).map(move |rows| (padding, rows))) {
                let output = (input + 2 * padding).saturating_sub(window) / stride + 1;
                let sizes = Rows { input, output, window, stride, padding };
                let mut read = vec![0; input];
                for band in sizes.bands(0..output.div_ceil(rows), rows) {
                    assert!(band.reads.len() <= sizes.needed(rows), "{band:?}");
                    band.fresh().for_each(|row| read[row] += 1);
                }
                let covers = |row: usize| {
                    (0..output).any(|at| (at * stride..at * stride + window).contains(&(row + padding)))
                };
                let expected: Vec<usize> = (0..input).map(|row| usize::from(covers(row))).collect();
                assert!(
                    read.iter().zip(&expected).all(|(&read, &covered)| read <= 1 && read >= covered),
                    "{read:?} of {expected:?}"
                );
            }
        }
    }
}
