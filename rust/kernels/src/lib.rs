//! Compute kernels over plain slices: convolution, matrix product, recurrence, pooling, softmax, normalisation.
//!
//! A kernel is an object: it is built once from its shapes and weights, which are checked and packed then, and runs any
//! number of times over slices whose lengths are checked, on the thread that calls it and, inside of [`Threads::run`], on
//! the helpers of that pool. All numbers are `f32`. It knows nothing of models or graphs.
//!
//! # Layout
//!
//! Images are `[batch][channels][height][width]` ("planar") at the edges. Between kernels they are blocked,
//! `[batch][⌈channels ÷ L⌉][height][width][L]`, where `L` is the number of lanes of the [`InstructionSet`]: then every
//! load and store is a whole vector, whatever the width of the image. The lanes beyond the last channel hold numbers
//! that mean nothing, and no kernel reads them. [`to_blocked`] and [`to_planar`] convert.
//!
//! # Numbers
//!
//! Sums are computed in `f32` with fused multiply-adds where the processor has them; the order differs from that of a
//! naive loop. NaN in an input reaches every output that it takes part in, except through maximum pooling, which skips
//! it as tract does.
//!
//! # Unsafe code
//!
//! This is the only crate of the workspace with unsafe code of its own. Public functions are safe: what they are given is
//! checked against the shapes before the first pointer is made, and an [`InstructionSet`] exists only where the
//! processor has its instructions.

#![allow(unsafe_code, reason = "vectors, and loads without a check for each; argued block by block")]
#![allow(
    clippy::inline_always,
    reason = "a task becomes code of an instruction set only where it is inlined into a function of that set"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "registers are arrays that are indexed by constants once unrolled"
)]
#![allow(clippy::cast_precision_loss, reason = "counts of elements as divisors")]

mod activation;
mod ahead;
mod arrange;
mod attention;
mod conv;
mod elementwise;
mod error;
mod feed_forward;
mod int8;
mod isa;
mod layout;
mod lookup;
mod mapping;
mod math;
mod matmul;
mod memory;
mod normalize;
mod peak;
mod pool;
mod recurrent;
mod resample;
mod saved;
mod simd;
mod threads;
mod tile;
mod weights;

pub use activation::Activation;
pub use arrange::{join_channels, to_channels_last};
pub use attention::{Attention, AttentionShape};
pub use conv::{BlockConvs, Conv2d, ConvInput, ConvShape, InvertedResidual, PooledConv2d, UpConv2d, UpShape};
pub use elementwise::{Combination, activate, combine, gate};
pub use error::KernelError;
pub use feed_forward::FeedForward;
pub use int8::{
    ByteAdd, ByteConv2d, ByteMatMul, ByteMatrix, ByteMaxPool, ByteSet, Quantization, Requantization,
    byte_global_average, dequantize, pixel_bytes, quantize, quantize_to_pixels, to_pixels, to_planes,
};
pub use isa::InstructionSet;
pub use layout::{blocked_len, to_blocked, to_planar};
pub use lookup::Lookup;
pub use mapping::Mapping;
pub use matmul::{MatMul, MatMulWeights};
pub use memory::Packed;
pub use normalize::{LayerNorm, softmax};
pub use peak::peak_products;
pub use pool::{Pool2d, PoolKind, PoolShape, global_average, global_average_blocked};
pub use recurrent::{
    Recurrent, RecurrentCell, RecurrentDirection, RecurrentOutputs, RecurrentShape, RecurrentStart,
    RecurrentWeights,
};
pub use resample::{Resample2d, Tap};
pub use saved::{Restorer, Save, Saver};
pub use threads::Threads;
