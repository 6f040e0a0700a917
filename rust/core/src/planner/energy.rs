//! What computing and sending take from the battery.
//!
//! Every number stands here, with where it comes from. Phones differ by a factor of two and more: an app that has measured
//! its device replaces them: in Rust field by field, elsewhere in the JSON of the planner's settings.

use serde::{Deserialize, Serialize};

use crate::NetworkKind;

/// The power of a radio, above what the idle phone takes, in watts and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadioEnergy {
    /// Seconds from asleep to connected.
    pub promotion_seconds: f64,
    /// Power during that time.
    pub promotion_watts: f64,
    /// Power while connected, whether or not bytes flow: during upload, wait and download.
    pub active_watts: f64,
    /// Power added for each Mbit/s that is sent.
    pub up_watts_per_mbps: f64,
    /// Power added for each Mbit/s that is received.
    pub down_watts_per_mbps: f64,
    /// Seconds for which the radio stays connected after the last byte.
    pub tail_seconds: f64,
    /// Power during that time.
    pub tail_watts: f64,
}

/// What computing and sending take from the battery.
///
/// ```
/// use tandem_core::EnergyModel;
///
/// let measured = EnergyModel { compute_watts: 3.1, ..EnergyModel::default() };
/// assert!(measured.wifi.tail_seconds < measured.cellular_4g.tail_seconds);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnergyModel {
    /// Power of the processor while it computes.
    pub compute_watts: f64,
    /// Power of the processor while it waits for an endpoint.
    pub wait_watts: f64,
    /// Wi-Fi.
    pub wifi: RadioEnergy,
    /// A cable.
    pub ethernet: RadioEnergy,
    /// 2G and 3G.
    pub cellular_3g: RadioEnergy,
    /// LTE.
    pub cellular_4g: RadioEnergy,
    /// 5G.
    pub cellular_5g: RadioEnergy,
}

/// - Computing: one big core 1.3 to 2.4 W, four big cores 3.7 to 5.5 W above idle, the Kirin 960 review of `AnandTech`
///   (2017); the engine runs a model on one core at a time, so the middle of the former.
/// - Wi-Fi, 3G and LTE slopes, base power, promotion and tail: Huang et al., "A Close Examination of Performance and Power
///   Characteristics of 4G LTE Networks", `MobiSys` 2012, tables 3 and 4. Recalled, not looked up: of the paper we have read
///   the abstract. That LTE stays connected for about 12 s was measured elsewhere too (grunenberger.net, "4G, 3G, 2G power
///   consumption", 2014). The paper's tail power is that of a whole 2012 phone; newer ones sleep between the pings of the
///   tail, so LTE's 1.06 W is taken as 0.15 W.
/// - 5G: our linear fit to the low-band NSA rows of the data that goes with Narayanan et al., "A Variegated Look at 5G in the
///   Wild", SIGCOMM 2021: 32 mW per Mbit/s up, 11.5 down. Its intercept of 3.2 W holds the screen and the idle phone; 1.3 W
///   of it are taken as the radio's. Promotion 0.35 s and tail 10.6 s from the same data.
/// - A cable costs what the processor costs: the phone is most likely on a dock.
/// - Waiting: an awake core that does nothing. Our assumption.
impl Default for EnergyModel {
    fn default() -> Self {
        let radio = |promotion: (f64, f64), active, slopes: (f64, f64), tail: (f64, f64)| RadioEnergy {
            promotion_seconds: promotion.0,
            promotion_watts: promotion.1,
            active_watts: active,
            up_watts_per_mbps: slopes.0,
            down_watts_per_mbps: slopes.1,
            tail_seconds: tail.0,
            tail_watts: tail.1,
        };
        Self {
            compute_watts: 1.85,
            wait_watts: 0.1,
            wifi: radio((0.0, 0.0), 0.133, (0.283, 0.137), (0.24, 0.12)),
            ethernet: radio((0.0, 0.0), 0.0, (0.0, 0.0), (0.0, 0.0)),
            cellular_3g: radio((0.58, 0.66), 0.818, (0.869, 0.122), (8.1, 0.15)),
            cellular_4g: radio((0.26, 1.21), 1.288, (0.438, 0.052), (11.6, 0.15)),
            cellular_5g: radio((0.35, 1.3), 1.3, (0.032, 0.0115), (10.6, 0.25)),
        }
    }
}

impl EnergyModel {
    /// The radio of that kind; LTE where the generation is not known, Wi-Fi where the kind is not.
    pub fn radio(&self, kind: NetworkKind) -> &RadioEnergy {
        match kind {
            NetworkKind::Ethernet => &self.ethernet,
            NetworkKind::Cellular2g | NetworkKind::Cellular3g => &self.cellular_3g,
            NetworkKind::Cellular | NetworkKind::Cellular4g => &self.cellular_4g,
            NetworkKind::Cellular5g => &self.cellular_5g,
            NetworkKind::Unknown | NetworkKind::None | NetworkKind::Wifi | NetworkKind::Other => &self.wifi,
        }
    }

    /// Joules of computing here for `seconds`.
    pub(crate) fn computing(&self, seconds: f64) -> f64 {
        self.compute_watts * seconds
    }
}

/// One exchange, as its energy sees it. Times in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeEnergy {
    /// Whether the radio has to be woken first.
    pub(crate) asleep: bool,
    /// Making the connection.
    pub(crate) setup: f64,
    pub(crate) upload: f64,
    pub(crate) wait: f64,
    pub(crate) download: f64,
    pub(crate) bytes_up: f64,
    pub(crate) bytes_down: f64,
    /// Seconds since the last traffic: the part of the tail that is this exchange's own.
    pub(crate) gap: f64,
}

impl ExchangeEnergy {
    /// Joules of the exchange with `radio`.
    pub(crate) fn joules(&self, model: &EnergyModel, radio: &RadioEnergy) -> f64 {
        /// Joules of sending a byte, for each watt per Mbit/s: the rate cancels out.
        const BITS: f64 = 8e-6;
        let active = self.setup + self.upload + self.wait + self.download;
        let promotion = if self.asleep { radio.promotion_seconds * radio.promotion_watts } else { 0.0 };
        promotion
            + (radio.active_watts + model.wait_watts) * active
            + BITS * (radio.up_watts_per_mbps * self.bytes_up + radio.down_watts_per_mbps * self.bytes_down)
            + radio.tail_watts * radio.tail_seconds.min(self.gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_cellular_exchange_pays_for_its_tail_and_one_of_a_burst_does_not() {
        let model = EnergyModel::default();
        let lone = ExchangeEnergy {
            asleep: true,
            setup: 0.0,
            upload: 0.1,
            wait: 0.1,
            download: 0.0,
            bytes_up: 1e5,
            bytes_down: 1e3,
            gap: 60.0,
        };
        let radio = model.radio(NetworkKind::Cellular4g);
        let burst = ExchangeEnergy { asleep: false, gap: 0.5, ..lone };
        assert!(lone.joules(&model, radio) > burst.joules(&model, radio) + 1.5);
        // 77 mW per Mbit/s would be 0.61 J/MB; 438 mW are 3.5 J/MB.
        let more = ExchangeEnergy { bytes_up: 1.1e6, ..burst };
        assert!((more.joules(&model, radio) - burst.joules(&model, radio) - 3.504).abs() < 1e-9);
    }
}
