//! What a run gives back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Decision, NamedTensors};

/// How long the parts of an exchange with an endpoint took, and how many bytes travelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteTiming {
    /// Making the request's bytes from the tensors.
    pub encode: Duration,
    /// Making the connection, TLS included; zero where one was open.
    pub connect: Duration,
    /// From the first byte of the request to the last.
    pub upload: Duration,
    /// From the last byte of the request to the answer's head.
    pub wait: Duration,
    /// From the answer's head to its last byte.
    pub download: Duration,
    /// Checking the answer and making tensors from it.
    pub decode: Duration,
    /// What the server says it computed, from its `Server-Timing` header.
    pub server: Option<Duration>,
    /// How long the server says that the request waited there for its turn, from the same header.
    pub queue: Option<Duration>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub answer_bytes: u64,
}

/// What a server counted of a model since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Requests that succeeded.
    pub requests: u64,
    /// Those of them that were computed, not found in a cache.
    pub computed: u64,
    /// How long all of them together waited for their turn.
    pub queue: Duration,
    /// How long computing took for all that were computed, their tensors' conversion included.
    pub compute: Duration,
}

/// How long a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the call to the result.
    pub total: Duration,
    /// Computing on this device.
    pub device: Option<Duration>,
    /// The exchange with the endpoint.
    pub remote: Option<RemoteTiming>,
}

/// What a run gives back: the outputs, where it ran and why, and how long it took.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The wanted outputs, in the order of the options.
    pub outputs: NamedTensors,
    /// Where it ran and why.
    pub decision: Decision,
    /// How long it took.
    pub timing: Timing,
}
