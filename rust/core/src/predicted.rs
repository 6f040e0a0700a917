//! What a placement is expected to cost.

mod band;

use serde::{Deserialize, Serialize};

pub use band::LatencyBand;

/// The middles of the parts that a predicted time is made of, in seconds. Parts that a placement does not have are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictedParts {
    /// The whole model on this device.
    pub on_device: f64,
    /// The head on this device.
    pub head: f64,
    /// Making the request's bytes.
    pub encode: f64,
    /// Making the connection and waking the radio; zero where both are expected to be ready.
    pub setup: f64,
    /// Sending the request, slow start included.
    pub upload: f64,
    /// The round trip and the queue before the server computes.
    pub wait: f64,
    /// The whole model or its tail on the server.
    pub server: f64,
    /// Receiving the answer.
    pub download: f64,
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
