//! One ONNX model, answered on this device, in the cloud, or wherever is better: [`Runtime`] and [`Model`].
//!
//! A [`Runtime`] owns the configuration; create one and share it. It loads [`Model`]s, and a model answers:
//!
//! - [`Model::predict`] runs on this device and never touches the network;
//! - [`Model::offload`] runs on an endpoint and never on this device;
//! - [`Model::run`] decides by mode, sensitivity and what can be reached, and says where it ran and why;
//! - [`Model::plan`] decides without running.
//!
//! ```no_run
//! use tandem::{Endpoint, InferenceMode, LoadOptions, NamedTensors, RunOptions, Runtime, Tensor};
//!
//! let runtime = Runtime::builder().endpoint(Endpoint::new("cloud", "http://127.0.0.1:8000")).build()?;
//! let model = runtime.load("digits.onnx", &LoadOptions::default())?;
//! let image = Tensor::from_vec([1, 1, 8, 8], vec![0.0_f32; 64])?;
//! let inputs = NamedTensors::new([("image", image)])?;
//!
//! let options = RunOptions { mode: InferenceMode::PreferInCloud, ..RunOptions::default() };
//! let prediction = model.run(&inputs, &options)?;
//! println!("{} because {}", prediction.decision.placement, prediction.decision.reason);
//! # Ok::<(), tandem::Error>(())
//! ```
//!
//! Every call blocks the calling thread until the result is there, its token is cancelled, or its time is over;
//! any number of threads may call at once. Nothing here sends anything that the app did not ask for.

#![forbid(unsafe_code)]

mod call;
mod costs;
mod endpoints;
mod exchange;
mod learning;
mod model;
mod model_file;
mod patience;
mod private;
mod probing;
mod pursuit;
mod running;
mod runtime;
mod settings;
mod splits;

pub use model::Model;
pub use model_file::read_original;
pub use runtime::{Runtime, RuntimeBuilder};
pub use tandem_core::*;
pub use tandem_engine::CacheOptions;
/// Cuts of models between device and cloud, their wire forms and manifests.
pub use tandem_split as split;
