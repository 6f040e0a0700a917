//! Kernels over bytes: activations `u8`, weights `i8`, sums `i32`, brought back to `u8` as ONNX Runtime does it.
//!
//! # Layout
//!
//! Images are `[batch][height][width][pixel]` ("interleaved"), where a pixel has [`pixel_bytes`] bytes: its channels and
//! bytes that mean nothing, which weights of nought meet. [`quantize_to_pixels`], [`to_pixels`] and [`to_planes`] convert.
//!
//! # Numbers
//!
//! A byte `q` stands for `(q − zero) × scale`. Sums are exact. A convolution or a product becomes a byte by
//! `round(float(sum) × (input scale × weight scale ÷ output scale)) + zero`, to the nearest, ties to even, every step in
//! `f32` and in this order, held between 0 and 255: the same bytes as ONNX Runtime's `QLinearConv`, `QGemm`,
//! `QLinearMatMul`, `QLinearAdd` and `QLinearGlobalAveragePool` on a processor with VNNI.

mod conv;
mod depthwise;
mod elementwise;
mod layout;
mod matmul;
mod pool;
mod products;
mod set;
mod simd;
mod tile;

pub use conv::ByteConv2d;
pub use elementwise::{ByteAdd, dequantize, quantize};
pub use layout::{pixel_bytes, quantize_to_pixels, to_pixels, to_planes};
pub use matmul::{ByteMatMul, ByteMatrix};
pub use pool::{ByteMaxPool, byte_global_average};
pub use set::ByteSet;

use crate::KernelError;

/// What a byte stands for: `(byte − zero) × scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// The step from one byte to the next.
    pub scale: f32,
    /// The byte that stands for nought.
    pub zero: u8,
}

impl Quantization {
    fn check(self, what: &'static str) -> Result<(), KernelError> {
        if self.scale.is_finite() && self.scale > 0.0 {
            return Ok(());
        }
        Err(KernelError::parameter(what, self.scale, "its scale must be positive and finite"))
    }
}

/// From what to what a convolution or a product goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantization<'a> {
    /// Of the input.
    pub input: Quantization,
    /// One scale for each output channel.
    pub weight_scales: &'a [f32],
    /// Of the output.
    pub output: Quantization,
}
