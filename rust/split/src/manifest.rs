//! The manifest: what a repository offers a device, and how the device checks it.

mod check;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tandem_core::TensorError;

use crate::boundary::Boundary;
use crate::wire_form::WireForm;

pub(crate) use check::is_model_name;
pub(crate) use signature::to_hex;
pub use signature::{PublicKey, SigningKey};

/// Why a manifest cannot be believed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file is larger than any manifest needs.
    #[error("the manifest has {got} bytes, the limit is {limit}")]
    TooLarge {
        /// Bytes of the file.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The file is no manifest: not JSON, or a field is missing, unknown or of another type.
    #[error("the manifest is malformed: {0}")]
    Malformed(String),
    /// The manifest is written in a version that is not known here.
    #[error("the manifest has version {got}, expected {expected}")]
    Version {
        /// The manifest's version.
        got: u64,
        /// The version that is read here.
        expected: u64,
    },
    /// A field holds what makes no sense.
    #[error("the manifest's {field} makes no sense: {detail}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The manifest belongs to another model.
    #[error("the manifest is for the model of sha-256 {expected}, got {got}")]
    Digest {
        /// The manifest's model.
        expected: String,
        /// The model at hand.
        got: String,
    },
    /// A key was given, and the manifest carries no signature.
    #[error("the manifest is not signed, and a signature is required")]
    Unsigned,
    /// The signature is not that of the key over this manifest.
    #[error("the manifest's signature is not that of the given key")]
    BadSignature,
    /// A key could not be read.
    #[error("the {kind} key cannot be read: {detail}")]
    BadKey {
        /// `public` or `signing`.
        kind: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// A cut that the manifest does not have.
    #[error("the manifest has no cut {0:?}")]
    UnknownCut(String),
    /// A tensor could not be made.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// What a repository offers: one model, and the cuts whose tails are deployed.
///
/// The file is `NAME.tandem.json` beside the models: a JSON object with two fields. `manifest` holds this
/// structure, its fields under these names; `signature` is `null`, or an object with `algorithm` (`"ed25519"`)
/// and `value` (128 hexadecimal digits). Signed are the bytes `tandem manifest 1\n` followed by the bytes of the
/// value of `manifest` exactly as they stand in the file, from its `{` to its `}`. Spaces outside of these are
/// free, inside they count.
///
/// ```
/// use tandem_split::{Manifest, ManifestError, ModelEntry};
///
/// let model = ModelEntry { name: "digits".into(), sha256: "0".repeat(64) };
/// let manifest = Manifest { version: Manifest::VERSION, model, sizes: Default::default(), cuts: vec![] };
/// let file = manifest.to_bytes(None)?;
/// assert_eq!(Manifest::parse(&file, None)?, manifest);
/// # Ok::<(), ManifestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this structure: [`Manifest::VERSION`].
    pub version: u64,
    /// The model that was cut.
    pub model: ModelEntry,
    /// The sizes of the model's symbols for which bytes, multiply-adds and times below hold.
    pub sizes: BTreeMap<String, usize>,
    /// The cuts, by compute of the head. One whose crossing tensors are the model's inputs has no head: the whole
    /// model in the cloud, behind wire forms of its inputs.
    pub cuts: Vec<CutEntry>,
}

/// The model that was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Name under which the repository serves the whole model.
    pub name: String,
    /// SHA-256 of its ONNX file, as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A cut and the tails that are deployed for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutEntry {
    /// Hash of model and boundary, as 16 lower-case hexadecimal digits.
    pub id: String,
    /// What crosses, and what the head answers.
    pub boundary: Boundary,
    /// The compute on both sides.
    pub multiply_adds: MultiplyAdds,
    /// Measured time of both sides on the machine that split the model, as fractions of the whole model's; `null`
    /// where it was not measured.
    pub time: Option<TimeShares>,
    /// Bytes of the tail's outputs.
    pub reply_bytes: u64,
    /// How the crossing tensors may travel: at least one way.
    pub forms: Vec<FormEntry>,
}

/// Estimated compute of both sides, in multiply-adds, by the table in `rust/split/src/cost.rs`: exact for
/// convolutions and matrix products, an element for an element elsewhere. Constant nodes count nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiplyAdds {
    /// On the device.
    pub head: u64,
    /// Behind it.
    pub tail: u64,
}

/// Measured time of both sides as fractions of the whole model's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeShares {
    /// The head's.
    pub head: f64,
    /// The tail's, its crossing tensors as they are.
    pub tail: f64,
    /// The whole model's time in milliseconds, which the fractions are of.
    pub full_ms: f64,
}

/// One way in which the crossing tensors of a cut travel, and the deployed model that takes them so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormEntry {
    /// `f32` where all travel as they are in the graph, `f16`, `u8`, or `u8_per_request`. Unique within its cut.
    pub name: String,
    /// Name under which the repository serves the tail that takes this form.
    pub model: String,
    /// SHA-256 of that tail's ONNX file.
    pub sha256: String,
    /// How each crossing tensor travels, in the boundary's order.
    pub tensors: Vec<WireForm>,
    /// Bytes that are sent.
    pub request_bytes: u64,
    /// How far the outputs are from those of the whole model; `null` where no samples were given.
    pub error: Option<FormError>,
}

/// How far split outputs are from those of the whole model, over all outputs of floating-point numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormError {
    /// How many samples were run.
    pub samples: u64,
    /// The largest absolute difference of an element.
    pub max_abs: f64,
    /// Root of the mean squared difference, over the root of the mean square of the whole model's elements.
    pub relative_rms: f64,
    /// Whether classes were right; `null` without a labelled set.
    pub accuracy: Option<Accuracy>,
}

/// The share of right classes over a labelled set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// How many labelled samples were run.
    pub samples: u64,
    /// Of the whole model.
    pub whole: f64,
    /// Of the split one.
    pub split: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    manifest: &'a RawValue,
    signature: Option<signature::Signature>,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

impl Manifest {
    /// The version that is written and read here.
    pub const VERSION: u64 = 1;
    /// Bytes that a manifest may have.
    pub const MAX_BYTES: usize = 4 << 20;

    /// Reads the file `NAME.tandem.json` and checks it: size, version, every field.
    ///
    /// With a `key`, a missing or wrong signature is an error; without one, a signature is not looked at. Whether
    /// the manifest is that of the model at hand is asked by [`Manifest::check_model`].
    pub fn parse(file: &[u8], key: Option<&PublicKey>) -> Result<Self, ManifestError> {
        if file.len() > Self::MAX_BYTES {
            return Err(ManifestError::TooLarge { got: file.len(), limit: Self::MAX_BYTES });
        }
        let malformed = |error: serde_json::Error| ManifestError::Malformed(error.to_string());
        let envelope: Envelope<'_> = serde_json::from_slice(file).map_err(malformed)?;
        let text = envelope.manifest.get();
        if let Some(key) = key {
            let signature = envelope.signature.ok_or(ManifestError::Unsigned)?;
            key.verify(text.as_bytes(), &signature)?;
        }
        let VersionOnly { version } = serde_json::from_str(text).map_err(malformed)?;
        if version != Self::VERSION {
            return Err(ManifestError::Version { got: version, expected: Self::VERSION });
        }
        let manifest: Self = serde_json::from_str(text).map_err(malformed)?;
        check::check(&manifest)?;
        Ok(manifest)
    }

    /// The file's bytes, signed where a key is given. Refuses what [`Manifest::parse`] would refuse.
    pub fn to_bytes(&self, key: Option<&SigningKey>) -> Result<Vec<u8>, ManifestError> {
        check::check(self)?;
        let malformed = |error: serde_json::Error| ManifestError::Malformed(error.to_string());
        let text = serde_json::to_string_pretty(self).map_err(malformed)?;
        let signature = key.map(|key| key.sign(text.as_bytes()));
        let signature = serde_json::to_string(&signature).map_err(malformed)?;
        let file = format!("{{\n\"signature\": {signature},\n\"manifest\": {text}\n}}\n");
        if file.len() > Self::MAX_BYTES {
            return Err(ManifestError::TooLarge { got: file.len(), limit: Self::MAX_BYTES });
        }
        Ok(file.into_bytes())
    }

    /// Fails where the manifest is not that of the model whose file has the SHA-256 `digest`, in hexadecimal.
    pub fn check_model(&self, digest: &str) -> Result<(), ManifestError> {
        if self.model.sha256.eq_ignore_ascii_case(digest) {
            return Ok(());
        }
        let (expected, got) = (self.model.sha256.clone(), digest.to_owned());
        Err(ManifestError::Digest { expected, got })
    }

    /// The cut of that id.
    pub fn cut(&self, id: &str) -> Result<&CutEntry, ManifestError> {
        self.cuts.iter().find(|cut| cut.id == id).ok_or_else(|| ManifestError::UnknownCut(id.to_owned()))
    }
}

impl CutEntry {
    /// The form of that name.
    pub fn form(&self, name: &str) -> Option<&FormEntry> {
        self.forms.iter().find(|form| form.name == name)
    }

    /// Whether there is nothing to compute on the device, because only inputs cross.
    pub fn is_at_the_inputs(&self) -> bool {
        self.boundary.head_outputs.is_empty()
            && self.boundary.crossing.iter().all(|tensor| tensor.depends_on == [tensor.name.clone()])
    }
}
