//! What only the tests of the host APIs call.

use crate::TandemFailure;

/// Panics, so that a test sees what becomes of a panic on the host's side.
///
/// # Panics
///
/// Always.
#[allow(clippy::panic, reason = "the panic is the purpose")]
#[uniffi::export]
pub fn panic_for_test() -> Result<(), TandemFailure> {
    panic!("a panic asked for by a test")
}
