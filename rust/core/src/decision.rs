//! Where a run happens, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Placement {
    /// On this device.
    OnDevice,
    /// On an endpoint.
    InCloud {
        /// Its name.
        endpoint: String,
    },
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnDevice => f.write_str("on device"),
            Self::InCloud { endpoint } => write!(f, "in cloud ({endpoint})"),
        }
    }
}

/// Why a placement was chosen or not. Stable in every language and over versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The mode asks for it.
    ModeRequires,
    /// The mode prefers it.
    ModePrefers,
    /// The mode forbids it.
    ModeForbids,
    /// The sensitivity label forbids it.
    SensitivityForbids,
    /// No rule prefers another.
    Default,
    /// Another candidate comes first.
    NotFirst,
    /// The endpoint could not be reached when it was last tried.
    Unreachable,
    /// The endpoint failed during this run, and the run went on here.
    Fallback,
}

impl Reason {
    /// The reason as text: `mode_requires`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModeRequires => "mode_requires",
            Self::ModePrefers => "mode_prefers",
            Self::ModeForbids => "mode_forbids",
            Self::SensitivityForbids => "sensitivity_forbids",
            Self::Default => "default",
            Self::NotFirst => "not_first",
            Self::Unreachable => "unreachable",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A placement that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where.
    pub placement: Placement,
    /// Whether mode and label allow it.
    pub allowed: bool,
    /// Why it was chosen or not.
    pub reason: Reason,
}

/// Where a run happened and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Where it happened.
    pub placement: Placement,
    /// Why there.
    pub reason: Reason,
    /// Everything that was considered, the chosen one included.
    pub candidates: Vec<Candidate>,
    /// What the endpoint said, where the run went on here because of it.
    pub fallback_cause: Option<String>,
}
