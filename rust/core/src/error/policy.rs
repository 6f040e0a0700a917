use crate::{ErrorCode, Sensitivity};

/// The sensitivity label leaves nothing that may run. Never a reason to run somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Data of this label may not go where the call sends it.
    #[error("data labelled {sensitivity} may not leave the device, and the call is {operation}")]
    StaysOnDevice {
        /// The label.
        sensitivity: Sensitivity,
        /// What was called.
        operation: &'static str,
    },
    /// Data of this label may go to trusted endpoints over TLS only, and there is none.
    #[error(
        "data labelled {sensitivity} may go to trusted endpoints over TLS only, endpoint {endpoint:?} is not one"
    )]
    EndpointNotTrusted {
        /// The label.
        sensitivity: Sensitivity,
        /// The endpoint.
        endpoint: String,
    },
    /// A tensor that the options call private, or what is computed from it, would leave the device.
    #[error("tensor {name:?} is private and may not leave the device, and the call is {operation}")]
    PrivateTensor {
        /// The tensor.
        name: String,
        /// What was called.
        operation: &'static str,
    },
}

impl PolicyError {
    /// The stable class of this error.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::PolicyDenied
    }
}
