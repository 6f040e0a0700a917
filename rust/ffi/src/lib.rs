//! The `UniFFI` facade of Tandem: conversions only.
//!
//! The hosts' hand-written APIs sit on this surface; apps never see it. Its rules:
//!
//! - Every export is synchronous and returns a `Result`, so that a panic below it reaches the host as an error.
//! - Tensors go in as `&[u8]`, copied before the call returns, and come out as an address inside an object that
//!   never changes: the host copies from it while it holds the object.
//! - A prediction is one call: what it returns carries names, types, shapes, addresses, decision and times.
//! - What an app implements ([`TokenProvider`], [`DeviceStateProvider`], [`LogSink`]) is synchronous and declared here.
//! - Objects end by `shut_down` and then by dropping the host's handle; `close` would clash with what `UniFFI` generates.

#![forbid(unsafe_code)]

mod cancel;
mod decision;
mod device;
mod dtype;
mod endpoint;
mod error;
#[cfg(feature = "test-hooks")]
mod hooks;
mod info;
mod log;
mod model;
mod options;
mod predicted;
mod prediction;
mod profile;
mod runtime;
mod tensor;
mod token;

pub use crate::log::{LogLevel, LogSink, log_to_host, log_to_system};
pub use cancel::CancelToken;
pub use decision::{Candidate, Decision, Placement, Plan, Reason};
pub use device::DeviceStateProvider;
pub use dtype::DType;
pub use endpoint::{EndpointConfig, TlsConfig};
pub use error::{FailureCode, HostFailure, TandemFailure};
#[cfg(feature = "test-hooks")]
pub use hooks::{log_for_test, panic_for_test};
pub use info::{Dimension, ModelInfo, TensorInfo};
pub use model::Model;
pub use options::{Limits, LoadOptions, ManifestOptions, ManifestSource, RunOptions};
pub use predicted::{LatencyBand, Predicted, PredictedParts, Statistics};
pub use prediction::{Output, Outputs, Prediction, RemoteTiming, Timing};
pub use profile::{NodeProfile, Profile};
pub use runtime::{CacheOptions, PlannerSettings, Runtime, RuntimeConfig};
pub use tensor::{DenseInput, NamedTensor, Tensor, TensorSpec, TensorView};
pub use token::{EndpointToken, TokenProvider};

uniffi::setup_scaffolding!("tandem_ffi");
