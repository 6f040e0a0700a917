//! Types, errors, ports and decisions of Tandem: pure, no I/O, no clock of its own.
//!
//! Everything here is plain data or a pure function of its arguments. What touches the outside world
//! does so behind a port ([`Engine`], [`LocalModel`], [`Remote`]) that another crate implements, and
//! time comes in as an argument, so that every decision can be replayed.

#![forbid(unsafe_code)]

mod control;
mod decision;
mod dtype;
mod endpoint;
mod error;
mod info;
mod options;
mod planner;
mod ports;
mod prediction;
mod profile;
mod tensor;
mod tensors;

pub use control::{CancelRegistration, CancellationToken, Control, Interrupt};
pub use decision::{Candidate, Decision, Placement, Reason};
pub use dtype::{DType, Element};
pub use endpoint::{Endpoint, EndpointTls, Secret, TokenError, TokenSource, WireFormat};
pub use error::{Error, ErrorCode, InputError, LoadError, PolicyError, RemoteError, RunError, TensorError};
pub use info::{Dimension, ModelInfo, ModelSource, TensorInfo};
pub use options::{InferenceMode, Limits, LoadOptions, Objective, OfflineBehavior, RunOptions, Sensitivity};
pub use planner::{EndpointView, Plan, PlanRequest, Planner, Reachability, RulePlanner};
pub use ports::{Engine, LocalModel, Remote, RemoteAnswer, RemoteRequest};
pub use prediction::{Prediction, RemoteTiming, Timing};
pub use profile::{NodeProfile, Profile};
pub use tensor::{Tensor, TensorStorage};
pub use tensors::NamedTensors;
