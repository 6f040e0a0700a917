//! Tiny models, fakes and the conformance loader: for tests only.

pub mod agreement;
pub mod conformance;
pub mod fakes;
pub mod faults;
pub mod link;
pub mod models;
pub mod simulate;
pub mod traces;
pub mod usage;

mod mutate;
mod random;

use std::env;
use std::path::PathBuf;

pub use mutate::mutate;
pub use random::Random;

/// The folder of the package whose tests cargo runs; this one's where cargo does not run them.
///
/// Asked for when it runs: cargo takes what another clone has compiled into a shared target folder for its own, and
/// with it the paths of that clone.
#[must_use]
pub fn package() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}
