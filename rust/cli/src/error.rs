//! What ends a command.

use std::io;

use tandem::ErrorCode;
use tandem::split::{RepositoryError, SplitError};
use tandem_server::ServerError;

use crate::exit;
use crate::input::InputFileError;
use crate::labels::LabelsError;

/// Anything that ends a command before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Options that contradict each other or the model.
    #[error("{0}")]
    Usage(String),
    /// The SDK refused or failed.
    #[error(transparent)]
    Sdk(#[from] tandem::Error),
    /// The server could not start or broke down.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// An input of the model could not be made from what was given.
    #[error(transparent)]
    Input(#[from] InputFileError),
    /// Class names or a labelled set could not be read.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// A model could not be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A model repository could not be written.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A file that an option names could not be read.
    #[error("cannot read {path} of {option}: {detail}")]
    OptionFile {
        /// The option.
        option: &'static str,
        /// The path.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// Standard output or a file of `--out` could not be written.
    #[error("cannot write {target}: {source}")]
    Output {
        /// Where to.
        target: String,
        /// What the system said.
        source: io::Error,
    },
    /// `offload --check` found a difference beyond the tolerance.
    #[error("device and endpoint differ: {detail}")]
    Disagreement {
        /// Which output, by how much.
        detail: String,
    },
}

impl CliError {
    /// The stable name of the class of this error.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Output { .. } | Self::Repository(RepositoryError::Io { .. }) => "output_failed",
            Self::Disagreement { .. } => "disagreement",
            _ => self.sdk_class().as_str(),
        }
    }

    /// The exit code of that class.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output { .. } | Self::Repository(RepositoryError::Io { .. }) => 1,
            Self::Usage(_) => 2,
            Self::Disagreement { .. } => 3,
            _ => exit::code_of(self.sdk_class()),
        }
    }

    fn sdk_class(&self) -> ErrorCode {
        match self {
            Self::Sdk(error) => error.code(),
            Self::Server(error) => server_class(error),
            Self::Input(error) => error.code(),
            Self::Labels(_) => ErrorCode::InvalidInput,
            Self::Split(error) => split_class(error),
            Self::OptionFile { .. } | Self::Repository(_) => ErrorCode::InvalidArgument,
            Self::Usage(_) | Self::Output { .. } | Self::Disagreement { .. } => ErrorCode::Internal,
        }
    }

    /// Whether the same command may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Sdk(error) if error.is_retryable())
    }

    /// Whether the reader of standard output has gone.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn split_class(error: &SplitError) -> ErrorCode {
    match error {
        SplitError::Load(error) => tandem::Error::from(error.clone()).code(),
        SplitError::Run(error) => tandem::Error::from(error.clone()).code(),
        SplitError::Input(error) => tandem::Error::from(error.clone()).code(),
        SplitError::Tensor(error) => tandem::Error::from(error.clone()).code(),
        SplitError::ModelName(_)
        | SplitError::UnknownCut(_)
        | SplitError::UnknownTensor(_)
        | SplitError::FormDoesNotFit { .. }
        | SplitError::Manifest(_) => ErrorCode::InvalidArgument,
        _ => ErrorCode::InvalidModel,
    }
}

fn server_class(error: &ServerError) -> ErrorCode {
    match error {
        ServerError::Runtime(error) => error.code(),
        ServerError::Threads(_) => ErrorCode::Internal,
        // What remains is what the options say: a folder, an address, a certificate, a number.
        _ => ErrorCode::InvalidArgument,
    }
}

impl From<io::Error> for CliError {
    /// Every unnamed I/O error of a command is one of its standard output.
    fn from(source: io::Error) -> Self {
        Self::Output { target: "standard output".to_owned(), source }
    }
}

impl From<tandem::InputError> for CliError {
    fn from(error: tandem::InputError) -> Self {
        Self::Sdk(error.into())
    }
}

impl From<tandem::TensorError> for CliError {
    fn from(error: tandem::TensorError) -> Self {
        Self::Sdk(error.into())
    }
}
