//! The `tandem` command line: inspect, run, measure and serve ONNX models.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod compare;
mod error;
mod exit;
mod input;
mod labels;
mod logger;
mod metrics;
mod npy;
mod output;
mod progress;
mod random;
mod session;
mod signals;
mod statistics;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = args::Cli::command().after_long_help(exit::help());
    let parsed = command.try_get_matches().and_then(|matches| args::Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => session::run(cli),
        Err(error) => exit::usage(&error),
    }
}
