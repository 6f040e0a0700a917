//! The switch that stops a call.

use crate::TandemFailure;

/// Stops the calls that were given it. Stays cancelled: make a new one for the next call.
#[derive(Debug, Default, uniffi::Object)]
pub struct CancelToken {
    pub(crate) inner: tandem::CancellationToken,
}

#[uniffi::export]
impl CancelToken {
    /// A token that is not cancelled.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every call that was given this token. Returns at once; they end with `Cancelled` soon after.
    pub fn cancel(&self) -> Result<(), TandemFailure> {
        self.inner.cancel();
        Ok(())
    }
}
