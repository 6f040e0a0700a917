//! Where a run happened, and why.

use crate::TandemFailure;
use crate::dtype::mirror;

/// Where a run happens.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Placement {
    /// On this device.
    OnDevice,
    /// On an endpoint.
    InCloud {
        /// Its name.
        endpoint: String,
    },
}

impl TryFrom<tandem::Placement> for Placement {
    type Error = TandemFailure;

    fn try_from(placement: tandem::Placement) -> Result<Self, TandemFailure> {
        match placement {
            tandem::Placement::OnDevice => Ok(Self::OnDevice),
            tandem::Placement::InCloud { endpoint } => Ok(Self::InCloud { endpoint }),
            placement => {
                Err(TandemFailure::internal(format!("the facade has no name for a run {placement}")))
            }
        }
    }
}

mirror! {
    /// Why a placement was chosen or not.
    enum Reason of tandem::Reason {
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
        /// The endpoint failed during this run, and the run went on elsewhere.
        Fallback,
    }
}

/// A placement that was considered.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Candidate {
    /// Where.
    pub placement: Placement,
    /// Whether mode and label allow it.
    pub allowed: bool,
    /// Why it was chosen or not.
    pub reason: Reason,
}

impl TryFrom<tandem::Candidate> for Candidate {
    type Error = TandemFailure;

    fn try_from(candidate: tandem::Candidate) -> Result<Self, TandemFailure> {
        Ok(Self {
            placement: candidate.placement.try_into()?,
            allowed: candidate.allowed,
            reason: candidate.reason.try_into()?,
        })
    }
}

/// Where a run happened and why.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Decision {
    /// Where it happened.
    pub placement: Placement,
    /// Why there.
    pub reason: Reason,
    /// Everything that was considered, the chosen one included.
    pub candidates: Vec<Candidate>,
    /// What the endpoint said, where the run went on elsewhere because of it.
    pub fallback_cause: Option<String>,
}

impl TryFrom<tandem::Decision> for Decision {
    type Error = TandemFailure;

    fn try_from(decision: tandem::Decision) -> Result<Self, TandemFailure> {
        Ok(Self {
            placement: decision.placement.try_into()?,
            reason: decision.reason.try_into()?,
            candidates: all(decision.candidates)?,
            fallback_cause: decision.fallback_cause,
        })
    }
}

/// The decision without the work.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Plan {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    pub order: Vec<Placement>,
    /// Everything that was considered.
    pub candidates: Vec<Candidate>,
}

impl TryFrom<tandem::Plan> for Plan {
    type Error = TandemFailure;

    fn try_from(plan: tandem::Plan) -> Result<Self, TandemFailure> {
        Ok(Self { order: all(plan.order)?, candidates: all(plan.candidates)? })
    }
}

pub(crate) fn all<T, U: TryFrom<T>>(items: Vec<T>) -> Result<Vec<U>, U::Error> {
    items.into_iter().map(U::try_from).collect()
}
