//! Log lines on standard error, as many as `-v` asks for.

use std::io::Write as _;

use log::{LevelFilter, Log, Metadata, Record};

use crate::output::printable;

/// Our own crates' targets begin so.
const OURS: &str = "tandem";

struct StderrLogger {
    /// Whether what lies below our own crates speaks too.
    everybody: bool,
}

impl Log for StderrLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.everybody || metadata.target().starts_with(OURS)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (level, target, text) = (record.level(), record.target(), record.args().to_string());
            // A log line that cannot be written is lost.
            let _ = writeln!(std::io::stderr().lock(), "{level:<5} {target}: {}", printable(&text));
        }
    }

    fn flush(&self) {}
}

/// Starts logging: nothing for 0 (errors are reported once, at the end), then information, debug, and everything, that
/// of other libraries included.
pub(crate) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let everybody = verbosity > 2;
    if log::set_boxed_logger(Box::new(StderrLogger { everybody })).is_ok() {
        log::set_max_level(level);
    }
}
