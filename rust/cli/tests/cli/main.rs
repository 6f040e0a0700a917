//! The command line as users meet it: the real binary, real models, real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test that wants it")]

mod answers;
mod cloud;
mod conformance;
mod evaluation;
mod exit_codes;
mod inputs;
mod inspection;
mod profiling;
mod signals;
mod splitting;
mod support;
