//! Models with our fused operators in them against the same models through tract alone.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, helpers included"
)]

mod bytes;
mod catalog;
mod compare;
mod lookup;
mod patterns;
mod random_graphs;
mod recurrent;
mod threads;
mod transformer;
mod vision;
mod weights;
