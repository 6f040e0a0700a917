//! One run of the process: what all commands share.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::args::{Cli, Command};
use crate::error::CliError;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{commands, exit, logger};

/// Where a command writes, and how it is stopped.
pub(crate) struct Session {
    /// Whether the output is JSON.
    pub(crate) json: bool,
    /// Standard output. Flushed at the end, and wherever somebody may be waiting for a line.
    pub(crate) out: BufWriter<io::Stdout>,
    /// Ctrl-C and SIGTERM.
    pub(crate) signals: Signals,
    force_progress: bool,
}

impl Session {
    /// Writes one JSON document on a line of its own.
    pub(crate) fn print_json(&mut self, document: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.out, document).map_err(io::Error::from)?;
        writeln!(self.out)?;
        self.out.flush()?;
        Ok(())
    }

    /// Progress of `total` steps, each one of `what`.
    pub(crate) fn progress(&self, what: &'static str, total: usize) -> Progress {
        Progress::on_stderr(what, Some(total), self.force_progress)
    }

    /// Does work that has no steps to count, and says `what` it is where it takes long.
    pub(crate) fn stage<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let _progress = Progress::on_stderr(what, None, self.force_progress);
        work()
    }

    /// Loads the model of a command.
    pub(crate) fn loading<T>(&self, work: impl FnOnce() -> T) -> T {
        self.stage("loading the model", work)
    }
}

/// Runs the command line and gives the exit code.
pub(crate) fn run(cli: Cli) -> ExitCode {
    logger::start(cli.global.verbose);
    let json = cli.global.json;
    let mut session = Session {
        json,
        out: BufWriter::new(io::stdout()),
        signals: Signals::listen(json),
        force_progress: cli.global.progress,
    };
    let result = execute(cli.command, &mut session);
    let flushed = session.out.flush().map_err(CliError::from);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(exit::report(&error, json)),
    }
}

fn execute(command: Command, session: &mut Session) -> Result<(), CliError> {
    match command {
        Command::Inspect(args) => commands::inspect::execute(&args, session),
        Command::Predict(args) => commands::predict::execute(&args, session),
        Command::Offload(args) => commands::offload::execute(&args, session),
        Command::Run(args) => commands::run::execute(&args, session),
        Command::Plan(args) => commands::plan::execute(&args, session),
        Command::Profile(args) => commands::profile::execute(&args, session),
        Command::Serve(args) => commands::serve::execute(&args, session),
        Command::Eval(args) => commands::eval::execute(&args, session),
        Command::Split(args) => commands::split::execute(&args, session),
    }
}
