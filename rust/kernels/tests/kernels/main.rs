//! Every kernel against its scalar twin, for every instruction set of the processor.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]
#![allow(clippy::float_cmp, reason = "where a result is known exactly, it is compared so")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]

mod arrange;
mod attention;
mod conv;
mod curves;
mod elementwise;
mod int8;
mod inverted;
mod layout;
mod lookup;
mod matmul;
mod normalize;
mod pool;
mod pooled;
mod quantize;
mod recurrent;
mod reference;
mod refusals;
mod resample;
mod saved;
mod up_conv;
mod values;
