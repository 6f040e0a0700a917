//! What a placement is expected to cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The range in which the whole time of a run is expected.
///
/// A lognormal with these quantiles. From `p05` to `p95` is the 90 % band: nine real times of ten should fall into it,
/// and [`Statistics`](crate::Statistics) counts how many do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyBand {
    /// The average.
    pub mean: Duration,
    /// One time of twenty is shorter.
    pub p05: Duration,
    /// Half of the times are shorter.
    pub p50: Duration,
    /// Nine times of ten are shorter.
    pub p90: Duration,
    /// Nineteen times of twenty are shorter.
    pub p95: Duration,
    /// The standard deviation of the logarithm of the time, as the cost model has it: what the band is made from, wider
    /// or narrower as real times have shown.
    pub spread: f64,
}

/// The middles of the parts that a predicted time is made of. Parts that a placement does not have are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictedParts {
    /// The whole model on this device.
    pub on_device: Duration,
    /// The head on this device.
    pub head: Duration,
    /// Making the request's bytes.
    pub encode: Duration,
    /// Making the connection and waking the radio; zero where both are expected to be ready.
    pub setup: Duration,
    /// Sending the request, slow start included.
    pub upload: Duration,
    /// The round trip and the queue before the server computes.
    pub wait: Duration,
    /// The whole model or its tail on the server.
    pub server: Duration,
    /// Receiving the answer.
    pub download: Duration,
}

/// What a placement is expected to cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
