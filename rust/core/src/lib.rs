//! Types, errors, ports and decisions of Tandem: pure, no I/O, no clock of its own.
//!
//! Everything here is plain data or a pure function of its arguments. What touches the outside world
//! does so behind a port ([`Engine`], [`LocalModel`], [`Remote`]) that another crate implements, and
//! time comes in as an argument, so that every decision can be replayed.

#![forbid(unsafe_code)]

mod control;
mod costs;
mod decision;
mod device_state;
mod dtype;
mod endpoint;
mod error;
mod estimates;
mod info;
mod number;
mod options;
mod planner;
mod ports;
mod predicted;
mod prediction;
mod profile;
mod reason;
mod seconds;
mod shared_name;
mod tensor;
mod tensors;

pub use control::{CancelRegistration, CancellationToken, Control, Interrupt};
pub use costs::{CutCosts, FormCosts, ModelCosts};
pub use decision::{Candidate, Decision, Placement};
pub use device_state::{DeviceState, DeviceStateProvider, MemoryPressure, NetworkKind, ThermalState};
pub use dtype::{DType, Element};
pub use endpoint::{Endpoint, EndpointTls, Secret, TokenError, TokenSource, WireFormat};
pub use error::{Error, ErrorCode, InputError, LoadError, PolicyError, RemoteError, RunError, TensorError};
pub use estimates::{
    CountsQuestion, DeviceObservation, Estimates, EstimatesSnapshot, ExchangeFailure, Part, Probe,
    ProbeCharge, ProbeObservation, ProbeWork, ProfileObservation, RemoteObservation, SnapshotError,
    Statistics,
};
pub use info::{Dimension, ModelInfo, ModelSource, TensorInfo};
pub use options::{
    InferenceMode, Limits, LoadOptions, ManifestOptions, Objective, OfflineBehavior, Risk, RunOptions,
    Sensitivity,
};
pub use planner::{
    CostPlanner, EndpointView, EnergyModel, Hysteresis, Plan, PlanRequest, Planner, PlannerSettings,
    ProbeSettings, RadioEnergy, Reachability, RulePlanner,
};
pub use ports::{Engine, LocalModel, Remote, RemoteAnswer, RemoteRequest};
pub use predicted::{LatencyBand, Predicted, PredictedParts};
pub use prediction::{Prediction, RemoteTiming, ServerCounts, Timing};
pub use profile::{NodeProfile, Profile};
pub use reason::Reason;
pub use tensor::{Tensor, TensorStorage};
pub use tensors::NamedTensors;
