//! What the host tells of the device.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tandem::{DeviceState, MemoryPressure, NetworkKind, ThermalState};

use crate::HostFailure;

/// What connects the device to the world.
#[uniffi::remote(Enum)]
pub enum NetworkKind {
    /// The host does not say.
    Unknown,
    /// Nothing does.
    None,
    /// Wi-Fi.
    Wifi,
    /// A cable.
    Ethernet,
    /// A cellular network of a generation that the host does not say.
    Cellular,
    /// GSM, GPRS, EDGE.
    Cellular2g,
    /// UMTS, HSPA, EV-DO.
    Cellular3g,
    /// LTE.
    Cellular4g,
    /// NR, also with an LTE anchor.
    Cellular5g,
    /// Something else.
    Other,
}

/// How hot the device is.
#[uniffi::remote(Enum)]
pub enum ThermalState {
    /// The host does not say.
    Unknown,
    /// Cool.
    Nominal,
    /// Warm.
    Fair,
    /// Hot, and slowed down.
    Serious,
    /// Too hot.
    Critical,
}

/// How short the device is of memory.
#[uniffi::remote(Enum)]
pub enum MemoryPressure {
    /// The host does not say.
    Unknown,
    /// There is enough.
    Normal,
    /// It becomes scarce.
    Warning,
    /// The system is about to end processes.
    Critical,
}

/// What the host tells of the device. What is unknown stays unknown.
#[uniffi::remote(Record)]
pub struct DeviceState {
    /// What connects the device to the world.
    pub network: NetworkKind,
    /// Names the network that is in use, in the host's own way.
    pub network_id: Option<String>,
    /// Whether bytes cost money there.
    pub metered: Option<bool>,
    /// What the system believes the first hop can send, in bit/s.
    pub uplink_bps: Option<u64>,
    /// What the system believes the first hop can receive, in bit/s.
    pub downlink_bps: Option<u64>,
    /// How full the battery is, from 0 to 1.
    pub battery_level: Option<f32>,
    /// Whether the device is on external power.
    pub charging: Option<bool>,
    /// Whether the user asked the system to save the battery.
    pub low_power_mode: Option<bool>,
    /// How hot the device is.
    pub thermal: ThermalState,
    /// How short it is of memory.
    pub memory: MemoryPressure,
}

/// Tells what state the device is in. Implemented by the host.
#[uniffi::export(foreign)]
pub trait DeviceStateProvider: Send + Sync {
    /// The state as it is now. Called on the thread of a run, at most once a second; must not block.
    fn device_state(&self) -> Result<DeviceState, HostFailure>;
}

/// How long an answer of the host is believed.
const FRESH: Duration = Duration::from_secs(1);

/// The host's provider as the core's, until it is let go.
pub(crate) struct HostDevice {
    provider: RwLock<Option<Arc<dyn DeviceStateProvider>>>,
    latest: Mutex<Option<(Instant, DeviceState)>>,
}

impl HostDevice {
    pub(crate) fn new(provider: Arc<dyn DeviceStateProvider>) -> Self {
        Self { provider: RwLock::new(Some(provider)), latest: Mutex::default() }
    }

    pub(crate) fn let_go(&self) {
        self.provider.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn ask(&self) -> DeviceState {
        // Cloned out of the lock: letting go must not wait for the host.
        let provider = self.provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        match provider.map(|provider| provider.device_state()) {
            Some(Ok(state)) => state,
            Some(Err(failure)) => {
                log::warn!("the state of the device is unknown: {failure}");
                DeviceState::default()
            }
            None => DeviceState::default(),
        }
    }
}

impl tandem::DeviceStateProvider for HostDevice {
    fn device_state(&self) -> DeviceState {
        let latest = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, state)) = &*latest()
            && asked.elapsed() < FRESH
        {
            return state.clone();
        }
        // The host is asked outside of the lock, because it may call back.
        let state = self.ask();
        *latest() = Some((Instant::now(), state.clone()));
        state
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tandem::DeviceStateProvider as _;

    use super::*;

    struct Host {
        asked: AtomicUsize,
        says: Result<DeviceState, &'static str>,
    }

    impl DeviceStateProvider for Host {
        fn device_state(&self) -> Result<DeviceState, HostFailure> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.says.clone().map_err(|detail| HostFailure::Failed { detail: detail.to_owned() })
        }
    }

    fn host(says: Result<DeviceState, &'static str>) -> Arc<Host> {
        Arc::new(Host { asked: AtomicUsize::new(0), says })
    }

    #[test]
    fn the_host_is_asked_once_for_many_runs() {
        let state =
            DeviceState { network: NetworkKind::Wifi, charging: Some(true), ..DeviceState::default() };
        let host = host(Ok(state.clone()));
        let device = HostDevice::new(host.clone());
        let begin = Instant::now();
        assert_eq!((0..100).map(|_| device.device_state()).last(), Some(state));
        // Once for each second that this took.
        let most = 1 + usize::try_from(begin.elapsed().as_secs()).unwrap();
        assert!((1..=most).contains(&host.asked.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_host_that_fails_and_one_that_was_let_go_know_nothing() {
        let device = HostDevice::new(host(Err("no permission")));
        assert_eq!(device.device_state(), DeviceState::default());

        let host = host(Ok(DeviceState::default()));
        let weak = Arc::downgrade(&host);
        let device = HostDevice::new(host);
        device.let_go();
        assert!(weak.upgrade().is_none());
        assert_eq!(device.device_state(), DeviceState::default());
    }
}
