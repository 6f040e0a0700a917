//! Open Inference Protocol v2 client: runs a model on an endpoint.
//!
//! [`HttpRemote`] is the [`Remote`](tandem_core::Remote) of this crate: HTTP/1.1 over TCP or TLS, connections kept
//! alive, tensors in binary form where the endpoint lists the extension and in JSON otherwise. Every phase of an
//! exchange is measured on the connection itself, so that a planner sees when the last byte left and the
//! first came back.
//!
//! What it does not do: it follows no redirect, speaks to no proxy, asks for no compression and, beyond a token
//! that is refreshed once and a request that certainly never left, retries nothing. It opens no connection
//! that a call did not ask for.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use tandem_core::{CancellationToken, Control, Endpoint, Remote};
//! use tandem_remote::HttpRemote;
//!
//! let remote = HttpRemote::new();
//! let endpoint = Endpoint::new("cloud", "https://models.example.com");
//! let deadline = Some(Instant::now() + Duration::from_millis(500));
//! let control = Control { token: CancellationToken::new(), deadline };
//! assert!(remote.is_ready(&endpoint, &control)?);
//! # Ok::<(), tandem_core::RemoteError>(())
//! ```

#![forbid(unsafe_code)]

mod address;
mod answer;
mod body;
mod client;
mod connect;
mod connection;
mod exchange;
mod failure;
mod lane;
mod meter;
mod site;
mod status;
mod tls;

pub use client::HttpRemote;
