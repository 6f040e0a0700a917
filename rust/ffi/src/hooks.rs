//! What only the tests and benchmarks of the host APIs call.

use std::thread;

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

/// Logs `count` records at level error, from a thread of its own where `elsewhere` is set: the way of every callback.
#[uniffi::export]
pub fn log_for_test(count: u32, elsewhere: bool) -> Result<(), TandemFailure> {
    let log = move || (0..count).for_each(|index| log::error!("record {index}"));
    if elsewhere {
        thread::spawn(log).join().map_err(|_| TandemFailure::internal("the thread panicked".to_owned()))
    } else {
        log();
        Ok(())
    }
}
