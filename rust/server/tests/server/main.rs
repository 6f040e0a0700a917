//! A server on a free port, real sockets, real models.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod agreement;
mod batching;
mod bounds;
mod broken_links;
mod fuzz;
mod http;
mod lifecycle;
mod malformed;
mod offload;
mod protocol;
mod raw;
mod repository;
mod security;
mod split;
#[allow(dead_code, reason = "the tests of real servers use the rest")]
mod split_runs;
mod split_world;
mod statistics;
mod world;
