//! Open Inference Protocol v2 server over the Tandem runtime: the embedded cloud, the edge gateway, the peer.
//!
//! A [`Server`] answers for the ONNX models of a repository in Triton's layout,
//!
//! ```text
//! repository/
//!   digits/
//!     config.pbtxt        optional, read when it is there
//!     1/model.onnx
//!     2/model.onnx        the newest version answers where a request names none
//! ```
//!
//! over HTTP/1.1 with Triton's binary tensor extension, statistics and repository index, and answers as Triton does,
//! only stricter: what the caller did wrong is a 400 that names it, never a 500.
//!
//! ```no_run
//! use tandem_server::{Server, ServerConfig};
//!
//! let server = Server::start(ServerConfig::new("models"))?;
//! println!("listening on {}", server.address());
//! server.shutdown();
//! # Ok::<(), tandem_server::ServerError>(())
//! ```
//!
//! # What it is not
//! It does not load or unload models while it runs, does not run ensembles, sequences or Python, does not speak gRPC,
//! and neither takes nor gives compressed bodies.

#![forbid(unsafe_code)]

mod activity;
mod app;
mod auth;
mod batching;
mod body;
mod config;
mod connection;
mod error;
mod execution;
mod listener;
mod metrics;
mod pace;
mod pbtxt;
mod pool;
mod refusal;
mod repository;
mod routes;
mod schedule;
mod served;
mod server;
mod stall;
mod stats;
mod tls;

pub use config::{ServerConfig, TlsConfig};
pub use error::ServerError;
pub use server::{ModelStatus, Server};
