//! Tiny models, fakes and the conformance loader: for tests only.

pub mod agreement;
pub mod conformance;
pub mod fakes;
pub mod faults;
pub mod link;
pub mod models;
pub mod simulate;
pub mod traces;

mod mutate;
mod random;

pub use mutate::mutate;
pub use random::Random;
