//! Attention over short sequences: scores, softmax and the weighted sum of one head after another, a few queries at once, so
//! that the scores stay in the first-level cache.

mod pack;

use std::marker::PhantomData;
use std::ops::Range;

use crate::activation::Activation;
use crate::ahead::Ahead;
use crate::error::{KernelError, check_length, volume};
use crate::isa::InstructionSet;
use crate::math;
use crate::memory::with_scratch;
use crate::saved::{Restorer, Save, Saver};
use crate::simd::{Simd, Task, with_simd};
use crate::threads::{self, Disjoint};
use crate::tile::{self, Blocked, Step, Tile};

/// Sizes of an attention, and where its tensors lie. Their last axis lies side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Sequences at once.
    pub batch: usize,
    /// Heads of each.
    pub heads: usize,
    /// Rows of queries and of the output.
    pub queries: usize,
    /// Rows of keys and values.
    pub keys: usize,
    /// Elements of a query and of a key.
    pub depth: usize,
    /// Elements of a value.
    pub width: usize,
    /// What scores are multiplied by before the mask is added.
    pub scale: f32,
    /// Elements from one sequence, head and row of the queries to the next.
    pub query_strides: [usize; 3],
    /// Of the keys.
    pub key_strides: [usize; 3],
    /// Of the values.
    pub value_strides: [usize; 3],
    /// Of the mask, whose rows are one element for each key; nought where one serves all.
    pub mask_strides: [usize; 3],
    /// Of the output.
    pub out_strides: [usize; 3],
}

/// An attention, ready to run: `softmax(query × keyᵀ × scale + mask) × value` for every sequence and head.
#[derive(Clone, Debug)]
pub struct Attention {
    set: InstructionSet,
    shape: AttentionShape,
    /// The least lengths of queries, keys, values, mask and output.
    lengths: [usize; 5],
    /// Whether no two heads write the same element.
    apart: bool,
}

impl AttentionShape {
    fn products(&self) -> usize {
        [self.heads, self.queries, self.keys, self.depth.saturating_add(self.width)]
            .iter()
            .fold(self.batch, |products, &size| products.saturating_mul(size))
    }

    /// Whether no two rows of the output share an element, as far as the order of the strides tells.
    fn is_apart(&self) -> bool {
        let mut axes = [
            (self.out_strides[0], self.batch),
            (self.out_strides[1], self.heads),
            (self.out_strides[2], self.queries),
        ];
        axes.sort_unstable();
        let mut extent = self.width;
        axes.iter().filter(|(_, count)| *count > 1).all(|&(stride, count)| {
            let apart = stride >= extent;
            extent = extent.saturating_add(stride.saturating_mul(count - 1));
            apart
        })
    }
}

impl Attention {
    /// Checks the sizes.
    pub fn new(set: InstructionSet, shape: AttentionShape) -> Result<Self, KernelError> {
        let AttentionShape { batch, heads, queries, keys, depth, width, .. } = shape;
        if [batch, heads, queries, keys, depth, width].contains(&0) {
            let got = format!("{batch}, {heads}, {queries}, {keys}, {depth} and {width}");
            return Err(KernelError::parameter("the sizes", got, "all must be at least 1"));
        }
        if !shape.scale.is_finite() {
            return Err(KernelError::parameter("the scale", shape.scale, "it must be finite"));
        }
        for sizes in [[queries, depth], [keys, depth], [keys, width], [keys, 64]] {
            volume("an attention's scratch memory", &sizes.map(|size| size.saturating_add(64)))?;
        }
        let reach = |rows: usize, strides: [usize; 3], last: usize| {
            let counts = [batch, heads, rows];
            let reach = counts
                .iter()
                .zip(strides)
                .try_fold(last, |reach, (count, stride)| reach.checked_add((count - 1).checked_mul(stride)?));
            reach.filter(|&reach| reach <= isize::MAX as usize / 64)
        };
        let lengths = [
            reach(queries, shape.query_strides, depth),
            reach(keys, shape.key_strides, depth),
            reach(keys, shape.value_strides, width),
            reach(queries, shape.mask_strides, keys),
            reach(queries, shape.out_strides, width),
        ];
        let overflow = KernelError::Overflow { what: "an attention's tensors" };
        let lengths: Option<Vec<usize>> = lengths.into_iter().collect();
        let lengths = lengths.and_then(|lengths| lengths.try_into().ok()).ok_or(overflow)?;
        Ok(Self { set, shape, lengths, apart: shape.is_apart() })
    }

    /// The sizes it was built for.
    pub fn shape(&self) -> &AttentionShape {
        &self.shape
    }

    /// Runs over all sequences and heads. The slices must reach as far as the strides do.
    pub fn run(
        &self,
        query: &[f32],
        key: &[f32],
        value: &[f32],
        mask: Option<&[f32]>,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        let reaches = |what: &'static str, slice: &[f32], least: usize| {
            check_length(what, &slice[..slice.len().min(least)], least)
        };
        reaches("query", query, self.lengths[0])?;
        reaches("key", key, self.lengths[1])?;
        reaches("value", value, self.lengths[2])?;
        if let Some(mask) = mask {
            reaches("mask", mask, self.lengths[3])?;
        }
        reaches("out", out, self.lengths[4])?;
        let shape = &self.shape;
        let out = Disjoint::new(out);
        let run = |own: Range<usize>| {
            let out = out.as_mut_ptr();
            // SAFETY: holding the set proves the instructions; the slices reach as far as the strides do, and the scratch
            // memory is as long as the task wants. Where there are several units, their outputs are apart.
            with_simd!(self.set, S => with_scratch(rooms::<S>(shape).iter().sum(), |scratch| unsafe {
                S::vectorize(Heads::<S> { shape, own, query, key, value, mask, out, scratch, set: PhantomData });
            }));
        };
        let heads = shape.batch * shape.heads;
        if self.apart {
            threads::share(heads, shape.products(), run);
        } else {
            run(0..heads);
        }
        Ok(())
    }
}

/// Some heads of all sequences, counted together.
struct Heads<'a, S> {
    shape: &'a AttentionShape,
    own: Range<usize>,
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    mask: Option<&'a [f32]>,
    out: *mut f32,
    scratch: &'a mut [f32],
    set: PhantomData<S>,
}

/// The lengths of a [`Room`]'s parts.
fn rooms<S: Simd>(shape: &AttentionShape) -> [usize; 5] {
    let lanes = |elements: usize| elements.next_multiple_of(S::LANES);
    let (depth, keys, width) = (lanes(shape.depth), lanes(shape.keys), lanes(shape.width));
    [depth * shape.queries, keys * shape.depth, width * shape.keys, keys * S::PIXELS[S::BLOCKS], keys]
}

/// Scratch memory for one head.
struct Room<'a> {
    /// `[block of depth][query][LANES]`, scaled.
    query: &'a mut [f32],
    /// `[group of keys][depth][blocks of the group × LANES]`.
    key: &'a mut [f32],
    /// `[group of width][key][blocks of the group × LANES]`.
    value: &'a mut [f32],
    /// `[block of keys][query of the tile][LANES]`.
    scores: &'a mut [f32],
    /// What is added to the scores of a row, −∞ beyond the last key.
    added: &'a mut [f32],
}

const NOUGHT: [f32; 64] = [0.0; 64];

impl<S: Simd> Task for Heads<'_, S> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { shape, own, query, key, value, mask, out, scratch, .. } = self;
        let lengths = rooms::<S>(shape);
        let (query_room, rest) = scratch.split_at_mut(lengths[0]);
        let (key_room, rest) = rest.split_at_mut(lengths[1]);
        let (value_room, rest) = rest.split_at_mut(lengths[2]);
        let (scores, added) = rest.split_at_mut(lengths[3]);
        let mut room = Room { query: query_room, key: key_room, value: value_room, scores, added };
        for index in own {
            let (sequence, head) = (index / shape.heads, index % shape.heads);
            let first = |strides: [usize; 3]| sequence * strides[0] + head * strides[1];
            // SAFETY: the slices begin with this head's first row and reach to its last.
            unsafe {
                pack::queries::<S>(shape, &query[first(shape.query_strides)..], room.query);
                pack::keys::<S>(shape, &key[first(shape.key_strides)..], room.key);
                pack::values::<S>(shape, &value[first(shape.value_strides)..], room.value);
                let mask = mask.map(|mask| &mask[first(shape.mask_strides)..]);
                attend::<S>(shape, mask, &mut room, out.add(first(shape.out_strides)));
            }
        }
    }
}

/// # Safety
///
/// The instruction set must be present; the room is packed; `mask` and `out` reach as far as the strides of their rows do.
#[inline(always)]
unsafe fn attend<S: Simd>(shape: &AttentionShape, mask: Option<&[f32]>, room: &mut Room<'_>, out: *mut f32) {
    let lanes = |elements: usize, block: usize| S::LANES.min(elements - block * S::LANES);
    let key_blocks = shape.keys.div_ceil(S::LANES);
    let ending = Activation::None.ending();
    let depth: Vec<Step> = (0..shape.depth.div_ceil(S::LANES))
        .map(|block| Step { offset: block * shape.queries * S::LANES, lanes: lanes(shape.depth, block) })
        .collect();
    fill_added(shape.keys, mask, room.added);
    for (first_row, rows) in tile::split(shape.queries, S::PIXELS[S::BLOCKS]) {
        for (first, count) in tile::groups(key_blocks, S::BLOCKS) {
            let tile = Tile {
                x: room.query.as_ptr().wrapping_add(first_row * S::LANES),
                steps: &depth,
                weights: room.key.as_ptr().wrapping_add(first * S::LANES * shape.depth),
                bias: NOUGHT.as_ptr(),
                residual: std::ptr::null(),
                out: room.scores.as_mut_ptr().wrapping_add(first * rows * S::LANES),
                out_block: rows * S::LANES,
                out_pixel: S::LANES,
                ending,
                repeat: 1,
                ahead: Ahead::NOTHING,
            };
            // SAFETY: queries, keys and scores lie in the room.
            unsafe { tile::run::<S, Blocked>(count, rows, &tile) };
        }
        for row in 0..rows {
            if let Some(mask) = mask.filter(|_| shape.mask_strides[2] > 0) {
                fill_added(shape.keys, Some(&mask[(first_row + row) * shape.mask_strides[2]..]), room.added);
            }
            // SAFETY: the scores of the row lie in the room.
            unsafe { softmax::<S>(key_blocks, rows, &mut room.scores[row * S::LANES..], room.added) };
        }
        let weights: Vec<Step> = (0..key_blocks)
            .map(|block| Step { offset: block * rows * S::LANES, lanes: lanes(shape.keys, block) })
            .collect();
        for (first, count) in tile::groups(shape.width.div_ceil(S::LANES), S::BLOCKS) {
            let (column, width) = (first * S::LANES, count * S::LANES);
            let kept = width.min(shape.width - column);
            let stride = shape.out_strides[2];
            let to = out.wrapping_add(first_row * stride + column);
            let mut staged = [0.0_f32; 14 * 4 * 16];
            let whole = kept == width;
            let tile = Tile {
                x: room.scores.as_ptr(),
                steps: &weights,
                weights: room.value.as_ptr().wrapping_add(first * S::LANES * shape.keys),
                bias: NOUGHT.as_ptr(),
                residual: std::ptr::null(),
                out: if whole { to } else { staged.as_mut_ptr() },
                out_block: S::LANES,
                out_pixel: if whole { stride } else { width },
                ending,
                repeat: 1,
                ahead: Ahead::NOTHING,
            };
            // SAFETY: scores and values lie in the room, whole vectors of the output in `out`; others are staged.
            unsafe {
                tile::run::<S, Blocked>(count, rows, &tile);
                if !whole {
                    for row in 0..rows {
                        let from = staged.as_ptr().add(row * width);
                        std::ptr::copy_nonoverlapping(from, to.add(row * stride), kept);
                    }
                }
            }
        }
    }
}

/// The mask of a row, as powers of two.
#[inline(always)]
fn fill_added(keys: usize, mask: Option<&[f32]>, added: &mut [f32]) {
    let (inside, beyond) = added.split_at_mut(keys);
    match mask {
        Some(mask) => {
            inside.iter_mut().zip(mask).for_each(|(to, mask)| *to = mask * std::f32::consts::LOG2_E);
        }
        None => inside.fill(0.0),
    }
    beyond.fill(f32::NEG_INFINITY);
}

/// # Safety
///
/// The instruction set must be present; `scores` has a vector every `rows` vectors for each of `blocks`, `added` as many.
#[inline(always)]
unsafe fn softmax<S: Simd>(blocks: usize, rows: usize, scores: &mut [f32], added: &[f32]) {
    let (scores, added, line) = (scores.as_mut_ptr(), added.as_ptr(), rows * S::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let mut largest = S::splat(f32::NEG_INFINITY);
        for block in 0..blocks {
            let to = scores.add(block * line);
            let score = S::add(S::load(to), S::load(added.add(block * S::LANES)));
            S::store(to, score);
            largest = S::max(score, largest);
        }
        let largest = S::splat(S::largest(largest));
        let mut sum = S::splat(0.0);
        for block in 0..blocks {
            let to = scores.add(block * line);
            let power = math::exp2::<S>(S::sub(S::load(to), largest));
            S::store(to, power);
            sum = S::add(sum, power);
        }
        let factor = S::splat(1.0 / S::sum(sum));
        for block in 0..blocks {
            let to = scores.add(block * line);
            S::store(to, S::mul(S::load(to), factor));
        }
    }
}

impl Save for Attention {
    fn save(&self, to: &mut Saver) {
        let AttentionShape { batch, heads, queries, keys, depth, width, scale, .. } = self.shape;
        to.set(self.set);
        to.sizes([batch, heads, queries, keys, depth, width]);
        to.float(scale);
        to.sizes(self.shape.query_strides);
        to.sizes(self.shape.key_strides);
        to.sizes(self.shape.value_strides);
        to.sizes(self.shape.mask_strides);
        to.sizes(self.shape.out_strides);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let set = from.set()?;
        let [batch, heads, queries, keys, depth, width] = from.sizes()?;
        let shape = AttentionShape {
            batch,
            heads,
            queries,
            keys,
            depth,
            width,
            scale: from.float()?,
            query_strides: from.sizes()?,
            key_strides: from.sizes()?,
            value_strides: from.sizes()?,
            mask_strides: from.sizes()?,
            out_strides: from.sizes()?,
        };
        Self::new(set, shape)
    }
}
