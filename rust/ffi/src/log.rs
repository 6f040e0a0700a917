//! Where log records go: to the system's log, or to the host.

use std::sync::Arc;

use log::{Log, Metadata, Record};

use crate::{HostFailure, TandemFailure};

/// How much a log record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be, and went on.
    Warn,
    /// What happens, seldom.
    Info,
    /// What happens, in detail.
    Debug,
    /// What happens, in every detail.
    Trace,
}

impl From<LogLevel> for log::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

impl From<log::Level> for LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warn,
            log::Level::Info => Self::Info,
            log::Level::Debug => Self::Debug,
            log::Level::Trace => Self::Trace,
        }
    }
}

/// Takes log records. Implemented by the host.
#[uniffi::export(foreign)]
pub trait LogSink: Send + Sync {
    /// Takes one record: its level, the module that it comes from, and its text. Called on any thread.
    fn log(&self, level: LogLevel, target: String, message: String) -> Result<(), HostFailure>;
}

/// Sends records of `level` and above to the host. Fails where a destination was already chosen.
#[uniffi::export]
pub fn log_to_host(sink: Arc<dyn LogSink>, level: LogLevel) -> Result<(), TandemFailure> {
    install(Box::new(HostLog { sink }), level)
}

/// Sends records of `level` and above to the system's log: logcat on Android, the unified log on Apple's systems.
/// Fails elsewhere, and where a destination was already chosen.
#[uniffi::export]
pub fn log_to_system(level: LogLevel) -> Result<(), TandemFailure> {
    install(system_log()?, level)
}

struct HostLog {
    sink: Arc<dyn LogSink>,
}

impl Log for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (target, message) = (record.target().to_owned(), record.args().to_string());
            // There is nowhere left to say that saying it failed.
            let _ = self.sink.log(record.level().into(), target, message);
        }
    }

    fn flush(&self) {}
}

fn install(logger: Box<dyn Log>, level: LogLevel) -> Result<(), TandemFailure> {
    log::set_boxed_logger(logger)
        .map_err(|_| TandemFailure::invalid_argument("log records already have a destination".to_owned()))?;
    log::set_max_level(log::Level::from(level).to_level_filter());
    Ok(())
}

#[cfg(target_os = "android")]
fn system_log() -> Result<Box<dyn Log>, TandemFailure> {
    let config = android_logger::Config::default().with_tag("Tandem");
    Ok(Box::new(android_logger::AndroidLogger::new(config)))
}

#[cfg(target_vendor = "apple")]
fn system_log() -> Result<Box<dyn Log>, TandemFailure> {
    Ok(Box::new(oslog::OsLogger::new("dev.tandem")))
}

#[cfg(not(any(target_os = "android", target_vendor = "apple")))]
fn system_log() -> Result<Box<dyn Log>, TandemFailure> {
    Err(TandemFailure::invalid_argument("this platform has no system log that is supported".to_owned()))
}
