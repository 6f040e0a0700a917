//! The model that is split.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tandem_onnx::ModelProto;

use crate::SplitError;
use crate::manifest::to_hex;

/// The model that is split: its name on the server, its file and what the file holds.
#[derive(Clone, Debug)]
pub struct Original {
    /// Name under which it is served.
    pub name: String,
    /// The ONNX file.
    pub file: Bytes,
    /// SHA-256 of the file, as 64 lower-case hexadecimal digits.
    pub digest: String,
    /// The file, decoded.
    pub model: ModelProto,
}

impl Original {
    /// Decodes an ONNX file.
    pub fn decode(name: impl Into<String>, file: Vec<u8>) -> Result<Self, SplitError> {
        let file = Bytes::from(file);
        let model = ModelProto::decode_bytes(file.clone())?;
        Ok(Self { name: name.into(), digest: sha256(&file), file, model })
    }
}

/// The SHA-256 of a file, as 64 lower-case hexadecimal digits.
pub(crate) fn sha256(file: &[u8]) -> String {
    to_hex(&Sha256::digest(file))
}
