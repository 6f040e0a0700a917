//! Why a model cannot be cut, or a cut cannot be used.

use tandem_core::{DType, InputError, LoadError, RunError, TensorError};

/// Why a model cannot be cut, or a cut cannot be used. Names the tensor, node or output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The model holds no graph.
    #[error("the model has no graph")]
    NoGraph,
    /// A node or an output takes a value that nothing gives.
    #[error("{user:?} takes the value {value:?}, which nothing gives")]
    Undefined {
        /// Name of the node, or of the output.
        user: String,
        /// Name of the value.
        value: String,
    },
    /// Two inputs, constants or results have one name.
    #[error("the value {0:?} is defined twice")]
    DefinedTwice(String),
    /// A node depends on its own result.
    #[error("node {0:?} depends on its own result")]
    Cyclic(String),
    /// A tensor of the cut is not a value of the graph.
    #[error("the graph has no value {0:?}")]
    UnknownTensor(String),
    /// An output of the cut is not one of the model.
    #[error("the model has no output {0:?}")]
    UnknownOutput(String),
    /// A constant stands on both sides anyway and does not cross.
    #[error("the value {0:?} is a constant, which does not cross a cut")]
    Constant(String),
    /// A name stands twice in a cut.
    #[error("{0:?} stands twice in the cut")]
    Duplicate(String),
    /// The crossing tensors do not separate the tail from the inputs.
    #[error("the tail needs the input {input:?} for {output:?}, and {input:?} does not cross")]
    NotSeparating {
        /// The model's input.
        input: String,
        /// An output of the tail.
        output: String,
    },
    /// An output of the model crosses, but is not among those that the head answers.
    #[error("the output {0:?} crosses the cut, so the head answers it, and the cut does not say so")]
    OutputCrosses(String),
    /// A tensor crosses, and the tail needs the node that gives it for another of its results.
    #[error("{tensor:?} crosses, and the tail needs another result of node {node:?}, which gives it")]
    HalfANode {
        /// The crossing tensor.
        tensor: String,
        /// The node.
        node: String,
    },
    /// A side of the cut would compute nothing.
    #[error("the {side} of the cut would have nothing to compute")]
    NothingLeft {
        /// `head` or `tail`.
        side: &'static str,
    },
    /// A crossing tensor depends on other inputs than the cut says.
    #[error("{tensor:?} depends on the inputs {got:?}, the cut says {stated:?}")]
    WrongDependencies {
        /// The crossing tensor.
        tensor: String,
        /// The inputs that it depends on.
        got: Vec<String>,
        /// The inputs that the cut states.
        stated: Vec<String>,
    },
    /// The type of a value is not known, or it is no tensor.
    #[error("the type of {0:?} is not known, or it is no tensor")]
    UnknownType(String),
    /// A value has another element type than the one stated.
    #[error("{tensor:?} has elements of {got}, the cut says {stated}")]
    WrongType {
        /// The value.
        tensor: String,
        /// Its element type.
        got: DType,
        /// What the cut states.
        stated: DType,
    },
    /// A dimension is neither fixed nor one of the model's symbols.
    #[error("dimension {axis} of {tensor:?} is neither fixed nor a symbol of the inputs: {detail}")]
    Dimension {
        /// The value.
        tensor: String,
        /// Which dimension.
        axis: usize,
        /// The sizes that were seen.
        detail: String,
    },
    /// Elements of a constant lie in a file beside the model.
    #[error("the elements of {0:?} are in another file; put them into the model first")]
    ExternalData(String),
    /// The operator set is older than what the wire form needs.
    #[error("the {form} form needs operator set {needed}, the model has {got}")]
    OldOperatorSet {
        /// The form.
        form: &'static str,
        /// The least version.
        needed: i64,
        /// The model's version.
        got: i64,
    },
    /// A name that a wire form needs is taken.
    #[error("the graph has a value {0:?} already, a name that the wire form needs")]
    NameTaken(String),
    /// The number of wire forms is not that of the crossing tensors, or one does not fit its tensor.
    #[error("{tensor:?} of {dtype} cannot travel as {form}")]
    FormDoesNotFit {
        /// The crossing tensor.
        tensor: String,
        /// Its element type.
        dtype: DType,
        /// The form.
        form: &'static str,
    },
    /// There is not one wire form for each crossing tensor.
    #[error("{got} wire forms for {expected} crossing tensors")]
    FormCount {
        /// The crossing tensors.
        expected: usize,
        /// The forms.
        got: usize,
    },
    /// A tensor of a split run is missing.
    #[error("the crossing tensor {0:?} is neither an input nor a result of the head")]
    Missing(String),
    /// The model could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The model could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Inputs do not fit the model.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A tensor could not be made or read.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A constant could not be made or read.
    #[error(transparent)]
    Constants(#[from] tandem_onnx::TensorError),
    /// A wire form makes outputs that are not finite where the whole model's are.
    #[error("the {0} form makes outputs that are not finite")]
    NotFinite(String),
    /// The file is no ONNX model.
    #[error(transparent)]
    Decode(#[from] tandem_onnx::DecodeError),
    /// The manifest would not be believed.
    #[error(transparent)]
    Manifest(#[from] crate::ManifestError),
    /// The name cannot be a folder of a model repository.
    #[error(
        "{0:?} cannot be a model's name: letters, digits, '-', '_' and '.', not at the beginning, and 128 at most"
    )]
    ModelName(String),
    /// A cut that was asked for does not exist.
    #[error("there is no cut {0:?}")]
    UnknownCut(String),
    /// A tensor could not be put into its wire form.
    #[error(transparent)]
    Encode(#[from] crate::EncodeError),
}
