//! What a runtime has learned from its runs, and the device that it learned it on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{DeviceState, DeviceStateProvider, Estimates};

/// The estimates of a runtime, and its clock.
pub(crate) struct Learning {
    started: Instant,
    estimates: Mutex<Estimates>,
    device: Arc<dyn DeviceStateProvider>,
}

impl Learning {
    pub(crate) fn new(device: Arc<dyn DeviceStateProvider>) -> Self {
        Self { started: Instant::now(), estimates: Mutex::default(), device }
    }

    /// What the host says of the device. A host that fails to say so says nothing.
    pub(crate) fn device(&self) -> DeviceState {
        catch_unwind(AssertUnwindSafe(|| self.device.device_state())).unwrap_or_else(|_| {
            log::warn!("the provider of the device's state panicked");
            DeviceState::default()
        })
    }

    /// Reads the estimates or adds to them; `work` gets the time since the runtime's start and must not block.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Estimates, Duration) -> T) -> T {
        let mut estimates = self.estimates.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: what is learned second has not the earlier time.
        work(&mut estimates, self.started.elapsed())
    }
}
