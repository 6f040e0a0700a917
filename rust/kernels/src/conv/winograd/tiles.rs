//! Between images in blocks and chunks of transformed tiles.

use std::marker::PhantomData;
use std::ops::Range;

use super::Part;
use super::transform::{input_transform, output_transform};
use crate::activation::Bend;
use crate::simd::{Simd, Task};

/// `Bᵀ d B` of all tiles and some input blocks.
pub(super) struct Gather<'a, S, const M: usize, const N: usize> {
    pub(super) part: &'a Part<'a, S>,
    pub(super) blocks: Range<usize>,
    pub(super) x: &'a [f32],
    pub(super) out: *mut f32,
}

impl<S: Simd, const M: usize, const N: usize> Task for Gather<'_, S, M, N> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { part, blocks: own, x, out } = self;
        let (shape, winograd) = (part.shape, part.winograd);
        let [height, width] = shape.input;
        let line = winograd.chunk * S::LANES;
        let blocks = winograd.steps.len();
        for block in own {
            let x = &x[block * height * width * S::LANES..][..height * width * S::LANES];
            for (index, tile) in part.tiles.clone().enumerate() {
                // The tile's corner, counted from the corner of the padded image.
                let (top, left) = (tile / winograd.tiles[1] * M, tile % winograd.tiles[1] * M);
                let inside = |start: usize, padding: usize, size: usize| {
                    start >= padding && start + N <= size + padding
                };
                let whole = inside(top, shape.padding[0], height) && inside(left, shape.padding[1], width);
                // SAFETY: pixels are read where they are inside the image; the places of `out` are inside the chunk.
                unsafe {
                    let mut rows = [[S::splat(0.0); N]; N];
                    if whole {
                        let corner = ((top - shape.padding[0]) * width + left - shape.padding[1]) * S::LANES;
                        for i in 0..N {
                            for j in 0..N {
                                rows[i][j] = S::load(x.as_ptr().add(corner + (i * width + j) * S::LANES));
                            }
                        }
                    } else {
                        for i in 0..N {
                            for j in 0..N {
                                let y = (top + i).wrapping_sub(shape.padding[0]);
                                let column = (left + j).wrapping_sub(shape.padding[1]);
                                if y < height && column < width {
                                    rows[i][j] = S::load(x.as_ptr().add((y * width + column) * S::LANES));
                                }
                            }
                        }
                    }
                    let mut half = [[S::splat(0.0); N]; N];
                    for j in 0..N {
                        let mut column = [S::splat(0.0); N];
                        for i in 0..N {
                            column[i] = rows[i][j];
                        }
                        let column = input_transform::<S, N>(&column);
                        for i in 0..N {
                            half[i][j] = column[i];
                        }
                    }
                    for i in 0..N {
                        let row = input_transform::<S, N>(&half[i]);
                        for j in 0..N {
                            let at = ((i * N + j) * blocks + block) * line + index * S::LANES;
                            S::store(out.add(at), row[j]);
                        }
                    }
                }
            }
        }
    }
}

/// `Aᵀ m A`, bias, residual and activation of all tiles and some output blocks.
pub(super) struct Scatter<'a, S, const M: usize, const N: usize> {
    pub(super) part: &'a Part<'a, S>,
    pub(super) blocks: Range<usize>,
    pub(super) x: *const f32,
    pub(super) residual: Option<&'a [f32]>,
    pub(super) out: *mut f32,
}

impl<S: Simd, const M: usize, const N: usize> Task for Scatter<'_, S, M, N> {
    #[inline(always)]
    unsafe fn call(self) {
        let Self { part, blocks: own, x, residual, out } = self;
        let (shape, winograd) = (part.shape, part.winograd);
        let [height, width] = shape.output;
        let line = winograd.chunk * S::LANES;
        let blocks = winograd.bias.as_slice().len() / S::LANES;
        let ending = winograd.ending;
        let pixels = shape.pixels() * S::LANES;
        for block in own {
            let out = out.wrapping_add(block * pixels);
            let residual = residual.map(|residual| &residual[block * pixels..][..pixels]);
            // SAFETY: the places of `x` are inside the chunk; pixels are written where they are inside the image.
            unsafe {
                let bias = S::load(winograd.bias.as_slice()[block * S::LANES..].as_ptr());
                let (low, high) = (S::splat(ending.low), S::splat(ending.high));
                for (index, tile) in part.tiles.clone().enumerate() {
                    let (top, left) = (tile / winograd.tiles[1] * M, tile % winograd.tiles[1] * M);
                    let mut half = [[S::splat(0.0); N]; M];
                    for j in 0..N {
                        let mut column = [S::splat(0.0); N];
                        for i in 0..N {
                            let at = ((i * N + j) * blocks + block) * line + index * S::LANES;
                            column[i] = S::load(x.add(at));
                        }
                        let column = output_transform::<S, M, N>(&column);
                        for i in 0..M {
                            half[i][j] = column[i];
                        }
                    }
                    for i in 0..M {
                        let row = output_transform::<S, M, N>(&half[i]);
                        for j in 0..M {
                            if top + i < height && left + j < width {
                                let at = ((top + i) * width + left + j) * S::LANES;
                                let mut sum = S::add(row[j], bias);
                                if let Some(residual) = residual {
                                    sum = S::add(sum, S::load(residual.as_ptr().add(at)));
                                }
                                S::store(out.add(at), S::clamp(sum, low, high));
                            }
                        }
                    }
                    if let Some(curve) = ending.curve {
                        let (rows, columns) = (M.min(height - top), M.min(width - left));
                        S::vectorize(Bend::<S> {
                            values: out.add((top * width + left) * S::LANES),
                            block: width * S::LANES,
                            blocks: rows,
                            pixel: S::LANES,
                            pixels: columns,
                            curve,
                            set: PhantomData,
                        });
                    }
                }
            }
        }
    }
}
