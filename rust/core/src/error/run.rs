use crate::{DType, ErrorCode, Interrupt};

/// Inputs or wanted outputs do not fit the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The model has no such input.
    #[error("the model has no input {name:?}, it has {known}")]
    Unknown {
        /// The name that came.
        name: String,
        /// The model's inputs, joined by commas.
        known: String,
    },
    /// A tensor that the options call private is none of the model's.
    #[error("the model has no tensor {name:?} to be kept private; {known}")]
    UnknownPrivateTensor {
        /// The name that came.
        name: String,
        /// What is known of the model's tensors.
        known: String,
    },
    /// An input was not given.
    #[error("input {name:?} is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// An input was given twice.
    #[error("input {name:?} was given twice")]
    Duplicate {
        /// Its name.
        name: String,
    },
    /// An input is of another element type.
    #[error("input {name:?} is a tensor of {got}, expected {expected}")]
    DType {
        /// Its name.
        name: String,
        /// The declared type.
        expected: DType,
        /// The type that came.
        got: DType,
    },
    /// An input is of another shape.
    #[error("input {name:?} has shape {got:?}, expected {expected}")]
    Shape {
        /// Its name.
        name: String,
        /// The declared shape, as text.
        expected: String,
        /// The shape that came.
        got: Vec<usize>,
    },
    /// Two inputs give one symbol two sizes.
    #[error("symbol {symbol:?} is {first} in input {first_input:?} and {second} in input {second_input:?}")]
    Symbol {
        /// The symbol.
        symbol: String,
        /// The input that came first.
        first_input: String,
        /// Its size.
        first: usize,
        /// The input that differs.
        second_input: String,
        /// Its size.
        second: usize,
    },
    /// The model has no such output.
    #[error("the model has no output {name:?}, it has {known}")]
    UnknownOutput {
        /// The name that came.
        name: String,
        /// The model's outputs, joined by commas.
        known: String,
    },
    /// An output was asked for twice.
    #[error("output {name:?} was asked for twice")]
    DuplicateOutput {
        /// Its name.
        name: String,
    },
    /// The values of an input cannot be used: an axis out of range, a negative size.
    #[error("the value of input {name:?} cannot be used: {detail}")]
    Value {
        /// Its name.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// A model could not be run on this device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Inputs or wanted outputs do not fit the model.
    #[error(transparent)]
    Input(#[from] InputError),
    /// With these shapes or values the model uses a form of an operator that is not supported.
    #[error("operator {operator} of node {node:?} is not supported: {detail}")]
    UnsupportedOperator {
        /// The operator.
        operator: String,
        /// The node's name.
        node: String,
        /// What about it is not supported.
        detail: String,
    },
    /// With these shapes the model cannot be run: the sizes contradict each other somewhere inside.
    #[error("the model cannot take inputs of these shapes: {detail}")]
    Shapes {
        /// What contradicts what.
        detail: String,
    },
    /// The run would take more memory than the limits allow.
    #[error("{what} of the run: {got}, the limit is {limit}")]
    ResourceLimit {
        /// What is counted.
        what: &'static str,
        /// How much there is, at least.
        got: u64,
        /// How much may be.
        limit: u64,
    },
    /// The run was stopped from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupt),
    /// The model was closed.
    #[error("the model is closed")]
    Closed,
    /// A node failed while it ran.
    #[error("operator {operator} of node {node:?} failed: {detail}")]
    Node {
        /// The operator.
        operator: String,
        /// The node's name.
        node: String,
        /// What it said.
        detail: String,
    },
    /// A defect in the engine.
    #[error("internal error while running: {detail}")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl RunError {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            // A sound graph fails inside a node because of the values it was given.
            Self::Input(_) | Self::Shapes { .. } | Self::Node { .. } => ErrorCode::InvalidInput,
            Self::UnsupportedOperator { .. } => ErrorCode::UnsupportedOperator,
            Self::ResourceLimit { .. } => ErrorCode::ResourceLimit,
            Self::Interrupted(Interrupt::Cancelled) => ErrorCode::Cancelled,
            Self::Interrupted(Interrupt::DeadlineExceeded) => ErrorCode::DeadlineExceeded,
            Self::Closed => ErrorCode::Closed,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }
}
