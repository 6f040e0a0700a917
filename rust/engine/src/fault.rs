//! What goes wrong inside, before it becomes a load or a run error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tandem_core::{Interrupt, LoadError, RunError};
use tract_core::prelude::TractError;

/// A failure of preparing or running a plan.
///
/// It travels through tract as the source of a `TractError`, so that what was known where it arose (the
/// node, the limit) is not lost in text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Interrupted(#[from] Interrupt),
    #[error("operator {operator} of node {node:?} is not supported: {detail}")]
    Unsupported { operator: String, node: String, detail: String },
    #[error("operator {operator} of node {node:?}: {detail}")]
    Contradiction { operator: String, node: String, detail: String },
    #[error("operator {operator} of node {node:?} failed: {detail}")]
    Node { operator: String, node: String, detail: String },
    #[error("{what}: {got}, the limit is {limit}")]
    Limit { what: &'static str, got: u64, limit: u64 },
    #[error("{0}")]
    Internal(String),
}

impl Fault {
    /// The fault inside `error`, or an internal one that tells the whole chain.
    pub(crate) fn from_tract(error: &TractError) -> Self {
        match error.downcast_ref::<Self>() {
            Some(fault) => fault.clone(),
            None => Self::Internal(chain(error)),
        }
    }
}

/// The messages of an error and its causes on one line.
pub(crate) fn chain(error: &TractError) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let text = causes.join(": ");
    // Some of tract's errors print whole tensors and models.
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Calls `work`; a panic inside becomes an internal error.
pub(crate) fn contain<T, E: From<Fault>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Fault::Internal(format!("a panic in the engine: {}", panic_text(panic.as_ref()))).into())
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unsupported { operator, node, detail } => {
                Self::UnsupportedOperator { operator, node, detail }
            }
            Fault::Limit { what, got, limit } => Self::ResourceLimit { what, got, limit },
            Fault::Internal(detail) => Self::Internal { detail },
            Fault::Interrupted(interrupt) => Self::Interrupted(interrupt),
            Fault::Contradiction { .. } | Fault::Node { .. } => Self::Invalid { detail: fault.to_string() },
        }
    }
}

impl From<Fault> for RunError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Interrupted(interrupt) => Self::Interrupted(interrupt),
            Fault::Unsupported { operator, node, detail } => {
                Self::UnsupportedOperator { operator, node, detail }
            }
            Fault::Contradiction { .. } => Self::Shapes { detail: fault.to_string() },
            Fault::Node { operator, node, detail } => Self::Node { operator, node, detail },
            Fault::Limit { what, got, limit } => Self::ResourceLimit { what, got, limit },
            Fault::Internal(detail) => Self::Internal { detail },
        }
    }
}
