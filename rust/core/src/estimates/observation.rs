//! What [`Estimates`](crate::Estimates) learns from.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DeviceState, ModelCosts, RemoteTiming};

/// How much of the model an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// All of it.
    Whole,
    /// What lies before the cut of this id when it ran on the device, what lies behind it when it ran on an endpoint.
    Cut(&'a str),
}

/// An exchange with an endpoint that succeeded.
#[derive(Clone, Copy, Debug)]
pub struct RemoteObservation<'a> {
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The model.
    pub costs: &'a ModelCosts,
    /// What ran there.
    pub part: Part<'a>,
    /// The state of the device when the request was sent.
    pub device: &'a DeviceState,
    /// Whether the endpoint is reached over TLS: a new connection then takes one round trip more.
    pub tls: bool,
    /// The measured phases.
    pub timing: &'a RemoteTiming,
}

/// A computation on this device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceObservation<'a> {
    /// The model.
    pub costs: &'a ModelCosts,
    /// What ran here.
    pub part: Part<'a>,
    /// The state of the device when it began.
    pub device: &'a DeviceState,
    /// How long it took.
    pub time: Duration,
    /// Whether it paid for something that later runs do not: a plan that was built, memory that was mapped. Such a run of
    /// the whole model says little, and only until there is another; of a head it says nothing.
    pub first: bool,
}

/// A profile of the whole model on this device.
#[derive(Clone, Copy, Debug)]
pub struct ProfileObservation<'a> {
    /// The model.
    pub costs: &'a ModelCosts,
    /// The state of the device when it began.
    pub device: &'a DeviceState,
    /// How long the profiled run took.
    pub time: Duration,
    /// Whether that run paid for something that later runs do not.
    pub first: bool,
    /// By the ids of cuts, how much of that time their heads took, from 0 to 1.
    pub heads: &'a [(String, f64)],
}

/// How an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeFailure {
    /// No connection came about.
    Unreachable,
    /// The connection broke.
    Lost,
    /// No answer came in the time that this exchange had.
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The endpoint answered with an error of its own (5xx, an answer that cannot be believed).
    Failed,
    /// The endpoint has too much to do, or is starting (429, 503).
    Busy {
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
}

/// An exchange without user data, to learn what an endpoint and the way there are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// What is asked of it.
    pub work: ProbeWork,
    /// What it is paid from.
    pub charge: ProbeCharge,
}

/// Which part of [`ProbeSettings`](crate::ProbeSettings) a probe is paid from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProbeCharge {
    /// One of those that the requests allow.
    One,
    /// So many joules of the share that bare looks may take.
    Joules(f64),
}

/// What a probe asks of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeWork {
    /// Whether it is ready (`GET /v2/health/ready`): tells the round trip.
    Ready,
    /// The same with so many bytes of nothing in the request's head: tells of the rate, too.
    Look {
        /// How many.
        padding: u64,
    },
    /// To run the whole model over inputs that are all zeros: tells the rate and the server's time too.
    Whole,
    /// To run the tail of a cut over crossing tensors that are all zeros: the same for fewer bytes.
    Tail {
        /// The cut's id in the manifest.
        cut: Arc<str>,
    },
}

/// What came of a probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeObservation<'a> {
    /// The probe.
    pub probe: &'a Probe,
    /// The model of the request that it was sent for.
    pub costs: &'a ModelCosts,
    /// The state of the device when it was sent.
    pub device: &'a DeviceState,
    /// Whether the endpoint is reached over TLS.
    pub tls: bool,
    /// The measured phases and bytes; `None` where it failed.
    pub timing: Option<&'a RemoteTiming>,
}
