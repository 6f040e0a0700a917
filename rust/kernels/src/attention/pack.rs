//! Queries, keys and values of a head, packed as the tile reads them.

use super::AttentionShape;
use crate::simd::Simd;
use crate::tile;

/// # Safety
///
/// The instruction set must be present; `x` reaches as far as the strides of its rows do, and `out` is the room for them.
#[inline(always)]
pub(super) unsafe fn queries<S: Simd>(shape: &AttentionShape, x: &[f32], out: &mut [f32]) {
    let (whole, rest) = (shape.depth / S::LANES, shape.depth % S::LANES);
    let line = shape.queries * S::LANES;
    // Scores are made powers of two.
    // SAFETY: the caller's promise.
    unsafe {
        let scale = S::splat(shape.scale * std::f32::consts::LOG2_E);
        for row in 0..shape.queries {
            let from = x.as_ptr().add(row * shape.query_strides[2]);
            let to = out.as_mut_ptr().add(row * S::LANES);
            for block in 0..whole {
                S::store(to.add(block * line), S::mul(S::load(from.add(block * S::LANES)), scale));
            }
            if rest > 0 {
                let last = S::load_part(from.add(whole * S::LANES), rest, 0.0);
                S::store(to.add(whole * line), S::mul(last, scale));
            }
        }
    }
}

/// # Safety
///
/// As for [`queries`].
#[inline(always)]
pub(super) unsafe fn keys<S: Simd>(shape: &AttentionShape, x: &[f32], out: &mut [f32]) {
    for (first, count) in tile::groups(shape.keys.div_ceil(S::LANES), S::BLOCKS) {
        let width = count * S::LANES;
        let panel = &mut out[first * S::LANES * shape.depth..][..width * shape.depth];
        for (block, column) in (first..first + count).zip((0..width).step_by(S::LANES)) {
            let keys = block * S::LANES..shape.keys.min((block + 1) * S::LANES);
            for start in (0..shape.depth).step_by(S::LANES) {
                let part = S::LANES.min(shape.depth - start);
                // SAFETY: the caller's promise.
                let mut square = unsafe { [S::splat(0.0); 16] };
                for (row, key) in square.iter_mut().zip(keys.clone()) {
                    let from = &x[key * shape.key_strides[2] + start..][..part];
                    // SAFETY: the slice is a vector, or a part of one.
                    *row = unsafe {
                        if part == S::LANES {
                            S::load(from.as_ptr())
                        } else {
                            S::load_part(from.as_ptr(), part, 0.0)
                        }
                    };
                }
                // SAFETY: the caller's promise; each part of a line is a vector.
                unsafe {
                    let columns = S::transpose(square);
                    for (line, keys) in panel[start * width..].chunks_exact_mut(width).zip(&columns[..part]) {
                        S::store(line[column..][..S::LANES].as_mut_ptr(), *keys);
                    }
                }
            }
        }
    }
}

/// # Safety
///
/// As for [`queries`].
#[inline(always)]
pub(super) unsafe fn values<S: Simd>(shape: &AttentionShape, x: &[f32], out: &mut [f32]) {
    for (first, count) in tile::groups(shape.width.div_ceil(S::LANES), S::BLOCKS) {
        let width = count * S::LANES;
        let panel = &mut out[first * S::LANES * shape.keys..][..width * shape.keys];
        let kept = width.min(shape.width - first * S::LANES);
        for (key, to) in panel.chunks_exact_mut(width).enumerate() {
            let from = &x[key * shape.value_strides[2] + first * S::LANES..][..kept];
            let (inside, beyond) = to.split_at_mut(kept);
            inside.copy_from_slice(from);
            beyond.fill(0.0);
        }
    }
}
