//! How the process ends: one exit code for each class of errors, the same over versions.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use tandem::ErrorCode;

use crate::error::CliError;

/// The command line itself is wrong. Clap's own choice.
const USAGE: u8 = 2;

/// What ends a command beside the SDK's classes: exit code, class, meaning.
const OWN: [(u8, &str, &str); 4] = [
    (0, "ok", "everything went well"),
    (1, "output_failed", "the output could not be written"),
    (USAGE, "usage", "the command line makes no sense"),
    (3, "disagreement", "device and endpoint differ by more than --tolerance"),
];

/// The exit code of every error class of the SDK. Never renumber: scripts depend on them.
const CODES: [(u8, ErrorCode, &str); 15] = [
    (10, ErrorCode::ModelNotFound, "there is no such model, here or on the endpoint"),
    (11, ErrorCode::InvalidModel, "the file is not a model that can be believed"),
    (12, ErrorCode::IntegrityMismatch, "the model is not the one that --sha256 names"),
    (13, ErrorCode::UnsupportedOperator, "the model uses an operator that is not supported"),
    (14, ErrorCode::InvalidInput, "an input cannot be read or does not fit the model"),
    (15, ErrorCode::InvalidArgument, "an option or a configuration makes no sense"),
    (16, ErrorCode::ResourceLimit, "a limit on size, count or memory would be passed"),
    (17, ErrorCode::Cancelled, "stopped by Ctrl-C or SIGTERM"),
    (18, ErrorCode::DeadlineExceeded, "--timeout has passed"),
    (19, ErrorCode::Offline, "no endpoint can be reached"),
    (20, ErrorCode::PolicyDenied, "the sensitivity label or the mode forbids it"),
    (21, ErrorCode::RemoteFailed, "an endpoint refused or failed"),
    (22, ErrorCode::QueueFull, "the queue of durable requests is full"),
    (23, ErrorCode::Closed, "the model or runtime was closed"),
    (24, ErrorCode::Internal, "a defect in Tandem or below it"),
];

/// The exit code of an error class of the SDK.
pub(crate) fn code_of(class: ErrorCode) -> u8 {
    // A class that a later core adds is a defect here until it has its row.
    CODES.iter().find(|(_, known, _)| *known == class).map_or(24, |(code, ..)| *code)
}

/// Every exit code with its class and meaning, in order.
fn table() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
    OWN.into_iter().chain(CODES.into_iter().map(|(code, class, meaning)| (code, class.as_str(), meaning)))
}

/// The part of `--help` that lists the exit codes.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, class, meaning) in table() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {code:>2}  {class:<20}  {meaning}");
    }
    text
}

/// Prints clap's message, which for `--help` and `--version` is no error, and gives the exit code.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Parsing failed, so that whether JSON was asked for is read from the raw words.
    let json = std::env::args_os().any(|word| word == "--json");
    if error.use_stderr() && json {
        let text = error.to_string();
        let sentence = text.lines().next().unwrap_or_default();
        let error = CliError::Usage(sentence.trim_start_matches("error: ").to_owned());
        return ExitCode::from(report(&error, true));
    }
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Says on standard error what went wrong, and gives the exit code.
pub(crate) fn report(error: &CliError, json: bool) -> u8 {
    if error.is_broken_pipe() {
        // Whoever reads has seen enough: `tandem inspect | head -1`.
        return 0;
    }
    let line = if json {
        serde_json::json!({ "error": {
            "code": error.class(),
            "message": error.to_string(),
            "exit_code": error.exit_code(),
            "retryable": error.is_retryable(),
        }})
        .to_string()
    } else {
        let message = crate::output::printable(&error.to_string()).into_owned();
        format!("error[{}]: {message}", error.class())
    };
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() {
        // A signal may end a command while its progress stands there.
        let _ = write!(stderr, "\r\x1b[K");
    }
    let _ = writeln!(stderr, "{line}");
    error.exit_code()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_error_class_has_one_exit_code_of_its_own() {
        for class in ErrorCode::ALL {
            let rows = CODES.iter().filter(|(_, known, _)| *known == class).count();
            assert_eq!(rows, 1, "{class}");
        }
        assert_eq!(CODES.len(), ErrorCode::ALL.len());
        let distinct: BTreeSet<u8> = table().map(|(code, ..)| code).collect();
        assert_eq!(distinct.len(), OWN.len() + CODES.len());
    }

    #[test]
    fn class_names_are_distinct_too() {
        let distinct: BTreeSet<&str> = table().map(|(_, class, _)| class).collect();
        assert_eq!(distinct.len(), OWN.len() + CODES.len());
    }

    #[test]
    fn the_readme_lists_the_same_codes() {
        let readme = include_str!("../README.md");
        for (code, class, meaning) in table() {
            let row = format!("| {code} | `{class}` | {meaning} |");
            assert!(readme.contains(&row), "the README lacks the row {row}");
        }
    }
}
