//! What a placement is expected to cost, and how good such predictions were.

use crate::prediction::nanos;

/// The range in which the whole time of a run is expected. From `p05_ns` to `p95_ns` is the 90 % band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LatencyBand {
    /// The average.
    pub mean_ns: u64,
    /// One time of twenty is shorter.
    pub p05_ns: u64,
    /// Half of the times are shorter.
    pub p50_ns: u64,
    /// Nine times of ten are shorter.
    pub p90_ns: u64,
    /// Nineteen times of twenty are shorter.
    pub p95_ns: u64,
}

impl From<tandem::LatencyBand> for LatencyBand {
    fn from(band: tandem::LatencyBand) -> Self {
        Self {
            mean_ns: nanos(band.mean()),
            p05_ns: nanos(band.p05()),
            p50_ns: nanos(band.p50()),
            p90_ns: nanos(band.p90()),
            p95_ns: nanos(band.p95()),
        }
    }
}

/// The middles of the parts that a predicted time is made of. Parts that a placement does not have are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PredictedParts {
    /// The whole model on this device.
    pub on_device_ns: u64,
    /// The head on this device.
    pub head_ns: u64,
    /// Making the request's bytes.
    pub encode_ns: u64,
    /// Making the connection and waking the radio.
    pub setup_ns: u64,
    /// Sending the request.
    pub upload_ns: u64,
    /// The round trip and the queue before the server computes.
    pub wait_ns: u64,
    /// The whole model or its tail on the server.
    pub server_ns: u64,
    /// Receiving the answer.
    pub download_ns: u64,
}

impl From<tandem::PredictedParts> for PredictedParts {
    fn from(parts: tandem::PredictedParts) -> Self {
        Self {
            on_device_ns: nanos_of(parts.on_device),
            head_ns: nanos_of(parts.head),
            encode_ns: nanos_of(parts.encode),
            setup_ns: nanos_of(parts.setup),
            upload_ns: nanos_of(parts.upload),
            wait_ns: nanos_of(parts.wait),
            server_ns: nanos_of(parts.server),
            download_ns: nanos_of(parts.download),
        }
    }
}

/// Whole nanoseconds; nothing for what is negative or no number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn nanos_of(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// What a placement is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct Predicted {
    /// From the call to the result.
    pub latency: LatencyBand,
    /// The middles of what the time is made of.
    pub parts: PredictedParts,
    /// Energy taken from this device's battery, in joules, above what it takes when idle.
    pub energy_joules: f64,
    /// Bytes of the request's body.
    pub bytes_up: u64,
    /// Bytes of the answer's body.
    pub bytes_down: u64,
}

impl From<tandem::Predicted> for Predicted {
    fn from(predicted: tandem::Predicted) -> Self {
        Self {
            latency: predicted.latency.into(),
            parts: predicted.parts.into(),
            energy_joules: predicted.energy_joules,
            bytes_up: predicted.bytes_up,
            bytes_down: predicted.bytes_down,
        }
    }
}

/// How runs were placed so far, and how good the predictions were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Statistics {
    /// Runs that ended on this device as planned.
    pub on_device: u64,
    /// Runs that ended on an endpoint as planned.
    pub in_cloud: u64,
    /// Runs that ended split as planned.
    pub split: u64,
    /// Runs that ended elsewhere than was planned.
    pub fallbacks: u64,
    /// Exchanges that failed.
    pub failures: u64,
    /// Probes that were sent.
    pub probes: u64,
    /// Runs whose time had been predicted.
    pub predicted: u64,
    /// Those of them whose time fell into the 90 % band.
    pub within_band: u64,
    /// Those of them that were faster than the band.
    pub below_band: u64,
    /// Those of them that were slower than the band.
    pub above_band: u64,
}

impl From<tandem::Statistics> for Statistics {
    fn from(statistics: tandem::Statistics) -> Self {
        Self {
            on_device: statistics.on_device,
            in_cloud: statistics.in_cloud,
            split: statistics.split,
            fallbacks: statistics.fallbacks,
            failures: statistics.failures,
            probes: statistics.probes,
            predicted: statistics.predicted,
            within_band: statistics.within_band,
            below_band: statistics.below_band,
            above_band: statistics.above_band,
        }
    }
}
