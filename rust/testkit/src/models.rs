//! Models made in code: small ones for tests, real topologies with random weights for benchmarks.
//!
//! The same call gives the same bytes on every machine. [`catalog()`] names them all, with inputs to try
//! them on; `cargo run -p tandem-testkit --bin testkit-models` writes them to files.

pub mod arithmetic;
pub mod dtypes;
pub mod functions;
pub mod runtime_shapes;
pub mod slow;
pub mod tagger;
pub mod transformer;
pub mod vision;

mod catalog;
mod inputs;

pub use catalog::{Entry, Suite, catalog};
pub use inputs::{InputsError, random_inputs};
