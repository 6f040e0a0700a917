//! What kernels refuse.

use std::fmt::Display;

/// Why a kernel was not built or did not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice is not as long as the shapes demand.
    #[error("{what} has {got} elements, expected {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        got: usize,
        /// What the shapes demand.
        expected: usize,
    },
    /// A parameter is outside of what the kernel computes.
    #[error("{what} is {got}, {rule}")]
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        got: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The sizes multiply to more than memory can hold.
    #[error("the size of {what} overflows")]
    Overflow {
        /// Of what.
        what: &'static str,
    },
    /// What was saved is no kernel.
    #[error("what was saved is no kernel: {detail}")]
    Saved {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The processor lacks the instructions.
    #[error("this processor has no instruction set {name:?}")]
    Unavailable {
        /// The name that was asked for.
        name: String,
    },
}

impl KernelError {
    pub(crate) fn parameter(what: &'static str, got: impl Display, rule: &'static str) -> Self {
        Self::Parameter { what, got: format!("{got}"), rule }
    }
}

/// Holds a slice to its length.
pub(crate) fn check_length<T>(what: &'static str, slice: &[T], expected: usize) -> Result<(), KernelError> {
    let got = slice.len();
    if got == expected { Ok(()) } else { Err(KernelError::Length { what, got, expected }) }
}

/// The product of sizes, held below what a slice of `f32` can have.
pub(crate) fn volume(what: &'static str, sizes: &[usize]) -> Result<usize, KernelError> {
    let product = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    product.filter(|&count| count <= isize::MAX as usize / 64).ok_or(KernelError::Overflow { what })
}
