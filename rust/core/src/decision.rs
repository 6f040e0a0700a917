//! Where a run happens, and why.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Predicted, Reason};

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
        #[serde(with = "crate::shared_name")]
        endpoint: Arc<str>,
    },
    /// The head of the graph on this device, its tail on an endpoint.
    Split {
        /// The cut's id in the manifest.
        #[serde(with = "crate::shared_name")]
        cut: Arc<str>,
        /// The endpoint's name.
        #[serde(with = "crate::shared_name")]
        endpoint: Arc<str>,
    },
}

impl Placement {
    /// The endpoint that takes part; none where everything stays on this device.
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            Self::OnDevice => None,
            Self::InCloud { endpoint } | Self::Split { endpoint, .. } => Some(endpoint),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnDevice => f.write_str("on device"),
            Self::InCloud { endpoint } => write!(f, "in cloud ({endpoint})"),
            Self::Split { cut, endpoint } => write!(f, "split at {cut} ({endpoint})"),
        }
    }
}

/// A placement that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where.
    pub placement: Placement,
    /// Whether mode, label and private tensors allow it.
    pub allowed: bool,
    /// Why it was chosen or not.
    pub reason: Reason,
    /// What it was expected to cost; `None` where too little is known to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
}

/// Where a run happened and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Where it happened.
    pub placement: Placement,
    /// Why there.
    pub reason: Reason,
    /// Everything that was considered, the chosen one included.
    pub candidates: Vec<Candidate>,
    /// What the endpoint said, where the run went on here because of it.
    pub fallback_cause: Option<String>,
    /// What the placement was expected to cost, to stand beside the measured [`Timing`](crate::Timing); `None` where
    /// too little was known to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
}
