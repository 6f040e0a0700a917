//! What a runtime has learned from its runs, and the device that it learned it on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tandem_core::{DeviceState, DeviceStateProvider, Error, Estimates, EstimatesSnapshot, SnapshotError};

/// The estimates of a runtime, and its clock.
pub(crate) struct Learning {
    started: Instant,
    /// How far the estimates' time had come when the runtime started.
    before: Duration,
    estimates: Mutex<Estimates>,
    device: Arc<dyn DeviceStateProvider>,
}

impl Learning {
    /// Goes on from `estimates` that had come as far as `before`.
    pub(crate) fn new(
        device: Arc<dyn DeviceStateProvider>,
        (estimates, before): (Estimates, Duration),
    ) -> Self {
        Self { started: Instant::now(), before, estimates: Mutex::new(estimates), device }
    }

    /// What was learned, as JSON.
    pub(crate) fn snapshot(&self) -> Result<String, Error> {
        let snapshot = self.with(|estimates, now| EstimatesSnapshot::take(estimates, now, since_1970()));
        serde_json::to_string(&snapshot)
            .map_err(|error| Error::Internal(format!("the estimates cannot be written: {error}")))
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
        work(&mut estimates, self.before + self.started.elapsed())
    }
}

/// The estimates that [`Learning::snapshot`] wrote, and how far their time has come.
pub(crate) fn restored(json: &str) -> Result<(Estimates, Duration), SnapshotError> {
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    let limit = EstimatesSnapshot::MAX_BYTES;
    if json.len() > limit {
        return Err(SnapshotError::TooLarge { got: json.len(), limit });
    }
    let unreadable = |error: serde_json::Error| SnapshotError::Unreadable { detail: error.to_string() };
    let Head { version } = serde_json::from_str(json).map_err(unreadable)?;
    if version != EstimatesSnapshot::VERSION {
        return Err(SnapshotError::Version { got: version, expected: EstimatesSnapshot::VERSION });
    }
    serde_json::from_str::<EstimatesSnapshot>(json).map_err(unreadable)?.restore(since_1970())
}

/// The wall clock; 1970 where it stands before that.
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learning(from: (Estimates, Duration)) -> Learning {
        Learning::new(Arc::new(DeviceState::default()), from)
    }

    #[test]
    fn what_was_written_is_read_and_goes_on() {
        let first = learning((Estimates::new(), Duration::from_secs(5)));
        first.with(|estimates, now| {
            let device = DeviceState::default();
            estimates.observe_failure("a", &device, tandem_core::ExchangeFailure::Lost, now);
        });
        let (estimates, before) = restored(&first.snapshot().unwrap()).unwrap();
        assert!(before >= Duration::from_secs(5));
        assert_ne!(estimates, Estimates::new());
        learning((estimates, before)).with(|_, now| assert!(now >= before));
    }

    #[test]
    fn what_is_no_snapshot_is_refused_by_kind() {
        assert!(matches!(restored(""), Err(SnapshotError::Unreadable { .. })));
        assert!(matches!(restored("{\"version\":1}"), Err(SnapshotError::Unreadable { .. })));
        assert!(matches!(restored("{\"version\":9}"), Err(SnapshotError::Version { got: 9, .. })));
        let large = " ".repeat(EstimatesSnapshot::MAX_BYTES + 1);
        assert!(matches!(restored(&large), Err(SnapshotError::TooLarge { .. })));
    }
}
