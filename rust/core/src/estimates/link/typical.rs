//! What links are like before they were used.

use crate::NetworkKind;
use crate::estimates::scalar::Drift;

/// What a kind of network is like before anything was measured there.
pub(super) struct Typical {
    pub(super) rtt: f64,
    pub(super) up_bps: f64,
    pub(super) down_bps: f64,
    /// How far its rate wanders: the ceiling of its variance.
    pub(super) wander: f64,
}

/// Round trips: the defaults of Chromium's network quality estimator. Rates: medians of the traces in notes on cellular
/// uplinks, and the priors of Android's `LinkBandwidthEstimator`; Wi-Fi and cable are assumptions. `None` where nothing
/// can be said. How far rates wander is fitted to the age of cellular measurements: about 1, 5G half as much again.
pub(super) fn typical(kind: NetworkKind) -> Option<Typical> {
    let typical = |rtt, up_mbps: f64, down_mbps: f64, wander| {
        Some(Typical { rtt, up_bps: up_mbps * 1e6, down_bps: down_mbps * 1e6, wander })
    };
    match kind {
        NetworkKind::Ethernet => typical(0.030, 50.0, 100.0, 0.25),
        NetworkKind::Wifi => typical(0.066, 15.0, 30.0, 0.5),
        NetworkKind::Cellular2g => typical(1.531, 0.05, 0.074, 1.0),
        NetworkKind::Cellular3g => typical(0.209, 1.1, 1.9, 1.0),
        NetworkKind::Cellular | NetworkKind::Cellular4g => typical(0.080, 5.7, 28.0, 1.0),
        NetworkKind::Cellular5g => typical(0.050, 18.0, 100.0, 1.5),
        NetworkKind::Unknown | NetworkKind::None | NetworkKind::Other => None,
    }
}

/// How the rate of a link of that kind drifts: a hundredth of the variance a second at first.
pub(super) fn rate_drift(kind: NetworkKind) -> Drift {
    let ceiling = typical(kind).map_or(1.0, |typical| typical.wander);
    Drift { ceiling, tau: 42.0 }
}
