//! Packed weights and the loops over tiles that convolutions and matrix products share.

use std::ops::Range;

use super::simd::Dots;
use super::tile::{self, Tile};
use super::{Quantization, Requantization};
use crate::ahead::Ahead;
use crate::error::{KernelError, check_length, volume};
use crate::memory::{Buffer, Packed};
use crate::saved::{ByteNumbers, Saver};
use crate::threads;
use crate::tile::{Strip, lines as tile_lines, strips};

/// Weights as the tiles read them, and what goes with them.
#[derive(Clone, Debug)]
pub(crate) struct Products {
    /// `[group][run][quad][blocks of the group][LANES][4]`.
    weights: Packed,
    /// `[group][blocks of the group][LANES]`.
    bias: Vec<i32>,
    scale: Vec<f32>,
    groups: Vec<Group>,
    runs: Vec<usize>,
    quads: usize,
    zero: i32,
}

/// Output channels that one tile computes.
#[derive(Clone, Copy, Debug)]
struct Group {
    channel: usize,
    blocks: usize,
    /// In `weights`.
    weights: usize,
    /// In `bias` and `scale`.
    lanes: usize,
}

/// Where a product's inputs and outputs lie.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: *const u8,
    /// Rows and pixels in each.
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// Bytes from one row of pixels to the next, and from one pixel to the next.
    pub(crate) row: usize,
    pub(crate) pixel: usize,
    pub(crate) out: *mut u8,
    /// Bytes from one pixel of the output to the next; rows follow each other.
    pub(crate) out_pixel: usize,
}

// SAFETY: it has addresses alone. Those who read and write there promise that no two threads write the same byte.
unsafe impl Sync for Place {}

/// One scale for each output: `input × weight ÷ output`, as ONNX Runtime multiplies.
pub(crate) fn output_scales(
    requantization: &Requantization<'_>,
    outputs: usize,
) -> Result<Vec<f32>, KernelError> {
    let Requantization { input, weight_scales, output } = *requantization;
    input.check("the input")?;
    output.check("the output")?;
    check_length("weight scales", weight_scales, outputs)?;
    let scales: Vec<f32> = weight_scales.iter().map(|scale| input.scale * scale / output.scale).collect();
    match scales.iter().find(|scale| !scale.is_finite()) {
        Some(scale) => Err(KernelError::parameter("a product's scale", scale, "it must be finite")),
        None => Ok(scales),
    }
}

/// What the sum of an output begins with, so that the zero point of the input is left out of it; an error where some input
/// makes the sum, or the byte before it is held, overflow.
pub(crate) fn starting_sum(
    bias: i32,
    weights: &[i8],
    input: Quantization,
    offset: i32,
    scale: f32,
) -> Result<i32, KernelError> {
    let (mut sum, mut sizes) = (0_i64, 0_i64);
    // So many that their sum is an i32, of which a register has twice as many.
    for some in weights.chunks(1 << 16) {
        sum += i64::from(some.iter().map(|&weight| i32::from(weight)).sum::<i32>());
        sizes += i64::from(some.iter().map(|&weight| i32::from(weight).abs()).sum::<i32>());
    }
    let start = i64::from(bias) + (i64::from(offset) - i64::from(input.zero)) * sum;
    let largest = i64::from(bias).abs().max(start.abs()) + 256 * sizes;
    #[allow(clippy::cast_precision_loss, reason = "a bound")]
    let scaled = largest as f32 * scale.abs();
    match i32::try_from(start) {
        Ok(start) if largest < i64::from(i32::MAX) && scaled < 2e9 => Ok(start),
        _ => Err(KernelError::Overflow { what: "a sum of products" }),
    }
}

/// Packed weights, and bias and scale of all lanes.
type Parts = (Packed, Vec<i32>, Vec<f32>);

/// Packs rows of `bytes`, one for each of `outputs`, into `lanes`.
fn pack<S: Dots>(
    groups: &[Group],
    (outputs, lanes): (usize, usize),
    bytes: usize,
    weights: impl Fn(usize, &mut [i8]),
    given: &[i32],
    requantization: &Requantization<'_>,
) -> Result<Parts, KernelError> {
    let scales = output_scales(requantization, outputs)?;
    let mut packed = Buffer::zeroed((lanes * bytes).div_ceil(4));
    let (mut bias, mut scale) = (vec![0; lanes], vec![0.0; lanes]);
    let (mut rows, quads) = (vec![0_i8; S::LANES * bytes], bytes / 4);
    for group in groups {
        let places = &mut packed.as_bytes_mut()[group.weights..];
        for block in 0..group.blocks {
            for (lane, row) in rows.chunks_exact_mut(bytes.max(1)).enumerate() {
                let output = group.channel + S::channel(group.blocks, block, lane);
                if output >= outputs {
                    row.fill(0);
                    continue;
                }
                weights(output, row);
                let at = group.lanes + block * S::LANES + lane;
                let own = given.get(output).copied().unwrap_or(0);
                bias[at] = starting_sum(own, row, requantization.input, S::OFFSET, scales[output])?;
                scale[at] = scales[output];
            }
            // A quad of all lanes at a time: so they are written one after the other.
            let lanes = places.as_chunks_mut::<4>().0[block * S::LANES..].chunks_mut(group.blocks * S::LANES);
            for (quad, lanes) in (0..quads).zip(lanes) {
                for (lane, row) in lanes.iter_mut().zip(rows.as_chunks::<4>().0.chunks_exact(quads.max(1))) {
                    *lane = row[quad].map(i8::cast_unsigned);
                }
            }
        }
    }
    Ok((packed.into(), bias, scale))
}

/// Up to so many products of fours, ending a sum takes longer than the loads that a wider tile would save.
const SHORT: usize = 64;

/// How many registers of output channels a tile has, whose sums have so many products of fours: as many as bytes are best packed
/// from where the sums are short, else what makes the most sums.
fn most_blocks<S: Dots>(products: usize) -> usize {
    let tiles = (1..=4).filter(|&n| S::PIXELS[n] > 0);
    tiles.max_by_key(|&n| if products <= SHORT { n } else { n * S::PIXELS[n] }).unwrap_or(4)
}

/// How the pixels of a place are cut into tiles of one group.
struct Cut {
    /// The most pixels of a tile.
    pixels: usize,
    /// Whether a tile is two rows: narrow rows are taken by twos.
    by_twos: bool,
    /// Tiles of a row.
    of_row: usize,
    tiles: usize,
}

impl Cut {
    fn new<S: Dots>(group: &Group, place: &Place) -> Self {
        let pixels = S::PIXELS[group.blocks];
        let by_twos = place.rows > 1 && 2 * place.width <= pixels;
        let of_row = place.width.div_ceil(pixels);
        let tiles = if by_twos { place.rows.div_ceil(2) } else { place.rows * of_row };
        Self { pixels, by_twos, of_row, tiles }
    }
}

impl Products {
    /// For `channels` output channels, of which `outputs` are real. Every output has `runs` of `bytes`, a multiple of four; those
    /// that are packed are what `weights` writes for each output, run by run.
    pub(crate) fn new<S: Dots>(
        (outputs, channels): (usize, usize),
        (runs, bytes): (Vec<usize>, usize),
        numbers: ByteNumbers<'_, '_, impl Fn(usize, &mut [i8])>,
    ) -> Result<Self, KernelError> {
        let quads = bytes / 4;
        let (mut groups, mut channel, mut lanes) = (Vec::new(), 0, 0);
        let most = most_blocks::<S>(runs.len() * quads);
        while channel < channels {
            let blocks = (1..=most).rfind(|&n| S::PIXELS[n] > 0 && n * S::LANES <= channels - channel);
            let blocks = blocks.unwrap_or(most);
            groups.push(Group { channel, blocks, weights: lanes * runs.len() * bytes, lanes });
            channel += blocks * S::LANES;
            lanes += blocks * S::LANES;
        }
        let size = [lanes, runs.len(), quads];
        volume("weights", &size)?;
        match numbers {
            ByteNumbers::Given { weights, bias, requantization } => {
                let zero = i32::from(requantization.output.zero);
                let (packed, bias, scale) =
                    pack::<S>(&groups, (outputs, lanes), runs.len() * bytes, weights, bias, requantization)?;
                Ok(Self { weights: packed, bias, scale, groups, runs, quads, zero })
            }
            ByteNumbers::Saved(from) => {
                let (weights, zero) = (from.packed(&size)?, i32::from(from.byte()?));
                let (bias, scale) = (from.integers(lanes)?, from.floats(lanes)?);
                Ok(Self { weights, bias, scale, groups, runs, quads, zero })
            }
        }
    }

    pub(crate) fn save(&self, to: &mut Saver) {
        to.packed(&self.weights);
        to.byte(u8::try_from(self.zero).unwrap_or(0));
        to.integers(&self.bias);
        to.floats(&self.scale);
    }

    /// Computes all outputs of all pixels.
    ///
    /// # Safety
    ///
    /// The instruction set must be present. From each pixel all runs must be readable, and the channels that it was
    /// packed for writable for every pixel of the output.
    pub(crate) unsafe fn run<S: Dots>(&self, place: &Place) {
        let tiles = |group: &Group| Cut::new::<S>(group, place).tiles;
        let products = self.weights.as_bytes().len().saturating_mul(place.rows * place.width) / 4;
        threads::share(self.groups.iter().map(tiles).sum(), products, |units| {
            let mut before = 0;
            for (index, group) in self.groups.iter().enumerate() {
                let after = before + tiles(group);
                let own = units.start.max(before)..units.end.min(after);
                if !own.is_empty() {
                    // SAFETY: the caller promises all pixels; each tile belongs to one unit.
                    unsafe { self.tiles::<S>(index, own.start - before..own.end - before, place) };
                }
                before = after;
            }
        });
    }

    /// Some tiles of one group.
    ///
    /// # Safety
    ///
    /// As for [`Products::run`]; nobody else writes those pixels of the group.
    unsafe fn tiles<S: Dots>(&self, index: usize, own: Range<usize>, place: &Place) {
        let cut = Cut::new::<S>(&self.groups[index], place);
        let compute = |tiles: Range<usize>, row: usize, strip: Strip, halves: bool| {
            // SAFETY: the caller's promise is the same.
            unsafe { self.strip::<S>(index, tiles, row, &strip, halves, place) };
        };
        if cut.by_twos {
            let pairs = own.start..own.end.min(place.rows / 2);
            let alone = own.start.max(place.rows / 2)..own.end;
            for (tiles, rows) in [(pairs, 2), (alone, 1)] {
                let row = 2 * tiles.start;
                let strip = Strip { tiles: tiles.clone(), pixel: 0, pixels: rows * place.width };
                compute(tiles, row, strip, rows == 2);
            }
            return;
        }
        for (row, columns) in tile_lines(own, cut.of_row) {
            for strip in strips(place.width, cut.pixels, columns) {
                let before = row * cut.of_row;
                let tiles = before + strip.tiles.start..before + strip.tiles.end;
                compute(tiles, row, strip, false);
            }
        }
    }

    /// A strip of a row of one group, or of halves of two rows; and its tiles, of all rows' tiles.
    ///
    /// # Safety
    ///
    /// As for [`Products::run`]; nobody else writes those pixels of the group.
    unsafe fn strip<S: Dots>(
        &self,
        index: usize,
        tiles: Range<usize>,
        row: usize,
        strip: &Strip,
        halves: bool,
        place: &Place,
    ) {
        let weights = self.weights.as_bytes();
        let group = &self.groups[index];
        let panel = &weights[group.weights..];
        let steps = self.runs.len() * self.quads;
        let all = (place.rows * place.width).div_ceil(S::PIXELS[group.blocks]);
        // Where there are many pixels, the weights stay in the first-level cache anyway.
        let next = self.groups.get(index + 1).filter(|_| all <= 28);
        let next =
            next.map_or(&[][..], |next| &weights[next.weights..][..next.blocks * S::LANES * steps * 4]);
        let tile = Tile {
            x: place.x.wrapping_add(row * place.row + strip.pixel * place.pixel),
            runs: &self.runs,
            quads: self.quads,
            pixel: place.pixel,
            half: place.row,
            next: if halves { 2 * place.row } else { strip.pixels * place.pixel },
            weights: panel.as_ptr().cast(),
            bias: self.bias[group.lanes..].as_ptr(),
            scale: self.scale[group.lanes..].as_ptr(),
            zero: self.zero,
            out: place.out.wrapping_add((row * place.width + strip.pixel) * place.out_pixel + group.channel),
            out_pixel: place.out_pixel,
            repeat: tiles.len(),
            ahead: Ahead::new(next, &tiles, all, steps),
        };
        // SAFETY: the caller promises all pixels; the panel, bias and scales are those of the group.
        unsafe { tile::run::<S>(group.blocks, strip.pixels, halves, &tile) }
    }
}
