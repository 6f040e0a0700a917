//! Where a run happened, and why.

use crate::dtype::mirror;
use crate::prediction::nanos;
use crate::{Predicted, TandemFailure};

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
    /// The head of the graph on this device, its tail on an endpoint.
    Split {
        /// The cut's id in the manifest.
        cut: String,
        /// The endpoint's name.
        endpoint: String,
    },
}

impl TryFrom<tandem::Placement> for Placement {
    type Error = TandemFailure;

    fn try_from(placement: tandem::Placement) -> Result<Self, TandemFailure> {
        match placement {
            tandem::Placement::OnDevice => Ok(Self::OnDevice),
            tandem::Placement::InCloud { endpoint } => Ok(Self::InCloud { endpoint: endpoint.to_string() }),
            tandem::Placement::Split { cut, endpoint } => {
                Ok(Self::Split { cut: cut.to_string(), endpoint: endpoint.to_string() })
            }
            placement => {
                Err(TandemFailure::internal(format!("the facade has no name for a run {placement}")))
            }
        }
    }
}

mirror! {
    /// Why a placement was chosen or not.
    enum Reason of tandem::Reason {
        /// The call or the mode asks for it.
        ModeRequires,
        /// The mode prefers it.
        ModePrefers,
        /// The mode forbids it.
        ModeForbids,
        /// The sensitivity label forbids it.
        SensitivityForbids,
        /// What would leave the device is a private tensor or computed from one.
        PrivateTensor,
        /// The endpoint does not serve this tail.
        NotDeployed,
        /// No rule prefers another place.
        Default,
        /// Another place comes first.
        NotFirst,
        /// The network is metered and the request is large.
        Metered,
        /// The device has no network.
        Offline,
        /// The endpoint did not answer when it was last tried.
        Unreachable,
        /// The endpoint failed several times and is left alone for a while.
        CircuitOpen,
        /// The device is short of memory.
        LowMemory,
        /// It would probably miss the deadline.
        Deadline,
        /// Too little is known of it to predict its cost.
        Unpredicted,
        /// It is predicted to serve the objective best.
        Best,
        /// It ran here last, and another place is not enough better to switch.
        Hysteresis,
        /// It is predicted to take longer.
        Slower,
        /// The endpoint is predicted to start cold and to take longer for it.
        Cold,
        /// It is predicted to take more energy.
        MoreEnergy,
        /// It would move more bytes over the network.
        MoreData,
        /// Time, energy and bytes together are predicted to be worse.
        WorseBalance,
        /// The place that was chosen first failed.
        Fallback,
        /// This device was begun beside the endpoint and answered first.
        Hedge,
    }
}

/// A placement that was considered.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Candidate {
    /// Where.
    pub placement: Placement,
    /// Whether mode, label and private tensors allow it.
    pub allowed: bool,
    /// Why it was chosen or not.
    pub reason: Reason,
    /// What it was expected to cost; `None` where too little is known to say.
    pub predicted: Option<Predicted>,
}

impl TryFrom<tandem::Candidate> for Candidate {
    type Error = TandemFailure;

    fn try_from(candidate: tandem::Candidate) -> Result<Self, TandemFailure> {
        Ok(Self {
            placement: candidate.placement.try_into()?,
            allowed: candidate.allowed,
            reason: candidate.reason.try_into()?,
            predicted: candidate.predicted.map(Into::into),
        })
    }
}

/// Where a run happened and why.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Decision {
    /// Where it happened.
    pub placement: Placement,
    /// Why there.
    pub reason: Reason,
    /// Everything that was considered, the chosen one included.
    pub candidates: Vec<Candidate>,
    /// What the endpoint said, where the run went on elsewhere because of it.
    pub fallback_cause: Option<String>,
    /// What the placement was expected to cost; `None` where too little was known to say.
    pub predicted: Option<Predicted>,
}

impl TryFrom<tandem::Decision> for Decision {
    type Error = TandemFailure;

    fn try_from(decision: tandem::Decision) -> Result<Self, TandemFailure> {
        Ok(Self {
            placement: decision.placement.try_into()?,
            reason: decision.reason.try_into()?,
            candidates: all(decision.candidates)?,
            fallback_cause: decision.fallback_cause,
            predicted: decision.predicted.map(Into::into),
        })
    }
}

/// The decision without the work.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Plan {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    pub order: Vec<Placement>,
    /// Everything that was considered.
    pub candidates: Vec<Candidate>,
    /// When a run that hedges begins on this device too; `None` where there is nothing to gain.
    pub hedge_after_ns: Option<u64>,
    /// All of it as text for people.
    pub explanation: String,
    /// All of it as JSON.
    pub json: String,
}

impl TryFrom<tandem::Plan> for Plan {
    type Error = TandemFailure;

    fn try_from(plan: tandem::Plan) -> Result<Self, TandemFailure> {
        let json = serde_json::to_string(&plan)
            .map_err(|error| TandemFailure::internal(format!("a plan that is no JSON: {error}")))?;
        Ok(Self {
            explanation: plan.explain(),
            json,
            order: all(plan.order)?,
            candidates: all(plan.candidates)?,
            hedge_after_ns: plan.hedge_after.map(nanos),
        })
    }
}

pub(crate) fn all<T, U: TryFrom<T>>(items: Vec<T>) -> Result<Vec<U>, U::Error> {
    items.into_iter().map(U::try_from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_core_keeps_its_name() {
        for &reason in tandem::Reason::ALL {
            let mirrored = Reason::try_from(reason).unwrap();
            assert_eq!(format!("{mirrored:?}"), format!("{reason:?}"));
        }
    }

    #[test]
    fn a_plan_keeps_what_it_predicts_and_reads_as_text_and_json() {
        let placement = tandem::Placement::Split { cut: "c1".into(), endpoint: "cloud".into() };
        let predicted =
            tandem::Predicted { energy_joules: 0.25, bytes_up: 7, ..tandem::Predicted::default() };
        let candidate = tandem::Candidate {
            placement: placement.clone(),
            allowed: true,
            reason: tandem::Reason::Best,
            predicted: Some(predicted),
        };
        let hedge_after = Some(std::time::Duration::from_millis(3));
        let plan = tandem::Plan { order: vec![placement], candidates: vec![candidate], hedge_after };
        let plan = Plan::try_from(plan).unwrap();
        assert_eq!(plan.order, [Placement::Split { cut: "c1".into(), endpoint: "cloud".into() }]);
        assert_eq!(plan.hedge_after_ns, Some(3_000_000));
        let kept = plan.candidates[0].predicted.unwrap();
        assert_eq!((kept.energy_joules, kept.bytes_up), (0.25, 7));
        assert!(plan.explanation.contains("split at c1 (cloud)"), "{}", plan.explanation);
        let json: serde_json::Value = serde_json::from_str(&plan.json).unwrap();
        assert_eq!(json["candidates"][0]["reason"], "best");
    }
}
