//! What the host tells of the device.

use serde::{Deserialize, Serialize};

/// What connects the device to the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// The host does not say.
    #[default]
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
    #[serde(rename = "cellular_2g")]
    Cellular2g,
    /// UMTS, HSPA, EV-DO.
    #[serde(rename = "cellular_3g")]
    Cellular3g,
    /// LTE.
    #[serde(rename = "cellular_4g")]
    Cellular4g,
    /// NR, also with an LTE anchor.
    #[serde(rename = "cellular_5g")]
    Cellular5g,
    /// Something else: Bluetooth, a VPN whose carrier is hidden.
    Other,
}

impl NetworkKind {
    /// Whether it is a cellular network, whose radio falls asleep between requests.
    pub const fn is_cellular(self) -> bool {
        matches!(
            self,
            Self::Cellular | Self::Cellular2g | Self::Cellular3g | Self::Cellular4g | Self::Cellular5g
        )
    }

    /// The kind as text: `cellular_4g`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Wifi => "wifi",
            Self::Ethernet => "ethernet",
            Self::Cellular => "cellular",
            Self::Cellular2g => "cellular_2g",
            Self::Cellular3g => "cellular_3g",
            Self::Cellular4g => "cellular_4g",
            Self::Cellular5g => "cellular_5g",
            Self::Other => "other",
        }
    }
}

/// How hot the device is, in the words of Apple's `ProcessInfo.ThermalState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThermalState {
    /// The host does not say.
    #[default]
    Unknown,
    /// Cool.
    Nominal,
    /// Warm; Android's light and moderate.
    Fair,
    /// Hot, and slowed down; Android's severe.
    Serious,
    /// Too hot; Android's critical and above.
    Critical,
}

/// How short the device is of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPressure {
    /// The host does not say.
    #[default]
    Unknown,
    /// There is enough.
    Normal,
    /// It becomes scarce.
    Warning,
    /// The system is about to end processes.
    Critical,
}

/// What the host tells of the device. What is unknown stays unknown: nothing is guessed from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceState {
    /// What connects the device to the world.
    pub network: NetworkKind,
    /// Names the network that is in use, in the host's own way: changes when the device moves to another access point or
    /// carrier. What was learned of one network says nothing of the next.
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

/// Tells what state the device is in.
///
/// Asked before every planned run, on the thread that runs: the answer should be at hand, kept up to date by the
/// system's own notifications.
pub trait DeviceStateProvider: Send + Sync {
    /// The state as it is now.
    fn device_state(&self) -> DeviceState;
}

/// A state that never changes: for tests and for hosts that know nothing.
impl DeviceStateProvider for DeviceState {
    fn device_state(&self) -> DeviceState {
        self.clone()
    }
}
