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
    /// The ONNX file that is served, with all its data.
    pub file: Bytes,
    /// SHA-256 of the file that devices load, as 64 lower-case hexadecimal digits: the same file, but for a model whose data
    /// lay beside it.
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

    /// The same with a file made of the decoded model, into which data was read that lay beside the file.
    pub fn self_contained(self) -> Self {
        Self { file: self.model.encode_bytes(), ..self }
    }
}

/// The SHA-256 of a file, as 64 lower-case hexadecimal digits.
pub(crate) fn sha256(file: &[u8]) -> String {
    to_hex(&Sha256::digest(file))
}
