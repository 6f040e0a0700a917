//! Loads and runs ONNX models on this device, through tract.
//!
//! [`OnnxEngine`] is the surface: an implementation of [`tandem_core::Engine`]. A model is read, its
//! structure and sizes checked, its compressed constants expanded and the operators that tract gets wrong
//! repaired or refused; what is left goes to tract, once for every set of input shapes.
//!
//! ```no_run
//! use tandem_core::{Control, Engine, LoadOptions, ModelSource, NamedTensors, Tensor};
//! use tandem_engine::OnnxEngine;
//!
//! let model = OnnxEngine::new().load(&ModelSource::from("digits.onnx"), &LoadOptions::default())?;
//! let picture = Tensor::from_vec([1, 1, 8, 8], vec![0.0_f32; 64])?;
//! let outputs = model.run(&NamedTensors::new([("image", picture)])?, &[], &Control::default())?;
//! println!("{:?}", outputs.get("scores"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![allow(
    clippy::wildcard_imports,
    reason = "the macros of tract's `internal` prelude need its traits and types in scope"
)]

mod cache;
mod checksum;
mod compile;
mod constants;
mod convert;
mod dequantize;
mod digest;
mod engine;
pub mod external_data;
mod fault;
mod functions;
mod fuse;
mod graph;
mod guard;
mod info;
mod integers;
mod lent;
mod limits;
mod load;
mod lower;
mod model;
mod multiply_adds;
mod operators;
mod plans;
mod profile;
mod rewrite;
mod run;
mod saved;
mod scale_index;
pub mod source;
mod support;
mod validate;
mod values;
mod weight;
mod widen;

pub use cache::CacheOptions;
pub use engine::{EngineOptions, OnnxEngine};
