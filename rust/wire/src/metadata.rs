//! What servers say about themselves and their models.

use serde::{Deserialize, Serialize};
use tandem_core::{Dimension, TensorInfo};

use crate::{BINARY_EXTENSION, datatype_name};

/// The answer of `GET /v2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMetadata {
    /// The server's name.
    #[serde(default)]
    pub name: String,
    /// The server's version.
    #[serde(default)]
    pub version: String,
    /// What it can do beyond the protocol.
    #[serde(default)]
    pub extensions: Vec<String>,
}

impl ServerMetadata {
    /// Whether the server lists the binary tensor extension.
    pub fn lists_binary(&self) -> bool {
        self.extensions.iter().any(|extension| extension == BINARY_EXTENSION)
    }
}

/// The answer of `GET /v2/models/{model}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The model's name.
    pub name: String,
    /// Its versions; absent, null or empty on some servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Vec<String>>,
    /// What runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its inputs.
    #[serde(default)]
    pub inputs: Vec<TensorMetadata>,
    /// Its outputs.
    #[serde(default)]
    pub outputs: Vec<TensorMetadata>,
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// The protocol's name of its element type, [`parse_datatype`](crate::parse_datatype).
    pub datatype: String,
    /// Its sizes, -1 where any may be.
    pub shape: Vec<i64>,
}

impl From<&TensorInfo> for TensorMetadata {
    /// A shape that is not declared at all is given as `[-1]`: the protocol has no form for it.
    fn from(info: &TensorInfo) -> Self {
        let size = |dimension: &Dimension| match dimension {
            Dimension::Fixed(size) => i64::try_from(*size).unwrap_or(i64::MAX),
            Dimension::Symbol(_) | Dimension::Unknown => -1,
        };
        Self {
            name: info.name.clone(),
            datatype: datatype_name(info.dtype).to_owned(),
            shape: info.shape.as_ref().map_or_else(|| vec![-1], |shape| shape.iter().map(size).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::DType;

    use super::*;

    #[test]
    fn the_dialects_of_three_servers_parse() {
        let triton =
            r#"{"name":"triton","version":"2.51.0","extensions":["classification","binary_tensor_data"]}"#;
        assert!(serde_json::from_str::<ServerMetadata>(triton).unwrap().lists_binary());
        let mlserver = r#"{"name":"mlserver","version":"1.7.1","extensions":[]}"#;
        assert!(!serde_json::from_str::<ServerMetadata>(mlserver).unwrap().lists_binary());
        let kserve = r#"{"name":"m","versions":null,"platform":"","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],"outputs":[]}"#;
        let metadata: ModelMetadata = serde_json::from_str(kserve).unwrap();
        assert_eq!(metadata.versions, None);
        assert_eq!(metadata.inputs[0].shape, [-1, 4]);
    }

    #[test]
    fn open_sizes_are_told_as_minus_one() {
        let shape = vec![Dimension::Symbol("batch".into()), Dimension::Fixed(8), Dimension::Unknown];
        let info = TensorInfo { name: "x".into(), dtype: DType::String, shape: Some(shape) };
        let metadata = TensorMetadata::from(&info);
        assert_eq!((metadata.datatype.as_str(), metadata.shape), ("BYTES", vec![-1, 8, -1]));
        let metadata = TensorMetadata::from(&TensorInfo { shape: None, ..info });
        assert_eq!(metadata.shape, [-1]);
    }
}
