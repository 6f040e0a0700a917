use crate::{ErrorCode, Interrupt};

/// A model could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no readable file.
    #[error("no model at {location}: {detail}")]
    NotFound {
        /// The path.
        location: String,
        /// What the system said.
        detail: String,
    },
    /// The bytes are not an ONNX model, or not one that makes sense.
    #[error("invalid model: {detail}")]
    Invalid {
        /// What is wrong, and where.
        detail: String,
    },
    /// The file is not the one that was expected.
    #[error("the model's SHA-256 is {got}, expected {expected}")]
    IntegrityMismatch {
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// The manifest of the model's cuts cannot be used: no manifest, or that of another model.
    #[error("{detail}")]
    Manifest {
        /// What is wrong.
        detail: String,
    },
    /// The manifest does not carry the signature that it must.
    #[error("{detail}")]
    Signature {
        /// What is wrong.
        detail: String,
    },
    /// The model uses an operator, or a form of one, that is not supported.
    #[error("operator {operator} of node {node:?} is not supported: {detail}")]
    UnsupportedOperator {
        /// The operator, with its domain where it is not ONNX's own.
        operator: String,
        /// The node's name, or its first output where it has none.
        node: String,
        /// What about it is not supported.
        detail: String,
    },
    /// The model is larger than the limits of the load allow.
    #[error("{what} of the model: {got}, the limit is {limit}")]
    ResourceLimit {
        /// What is counted: `bytes`, `nodes`, `tensor bytes`, `inputs`.
        what: &'static str,
        /// How much there is, at least.
        got: u64,
        /// How much may be.
        limit: u64,
    },
    /// The caller stopped the load, or its time was over.
    #[error(transparent)]
    Interrupted(#[from] Interrupt),
    /// A defect in the engine.
    #[error("internal error while loading: {detail}")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl LoadError {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } => ErrorCode::ModelNotFound,
            Self::Invalid { .. } | Self::Manifest { .. } => ErrorCode::InvalidModel,
            Self::Signature { .. } | Self::IntegrityMismatch { .. } => ErrorCode::IntegrityMismatch,
            Self::UnsupportedOperator { .. } => ErrorCode::UnsupportedOperator,
            Self::ResourceLimit { .. } => ErrorCode::ResourceLimit,
            Self::Interrupted(Interrupt::Cancelled) => ErrorCode::Cancelled,
            Self::Interrupted(Interrupt::DeadlineExceeded) => ErrorCode::DeadlineExceeded,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }
}
