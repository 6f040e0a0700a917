//! Where a model ran last: what keeps the planner from swinging between placements that are as good as each other.

use serde::{Deserialize, Serialize};

use super::snapshot::Sane;
use crate::{Placement, Plan, Reason};

/// Where a model ran last, and who would take its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incumbent {
    pub(crate) placement: Placement,
    /// For how many decisions in a row another placement was better, but not enough.
    pub(crate) challenged: u32,
}

impl Incumbent {
    /// What `plan` makes of it; `None` where the planner did not choose by cost.
    pub(super) fn after(before: Option<&Self>, plan: &Plan) -> Option<Self> {
        let chosen = plan.chosen()?;
        let challenged = match chosen.reason {
            Reason::Hysteresis => before.map_or(0, |before| before.challenged).saturating_add(1),
            Reason::Best | Reason::Deadline => 0,
            _ => return None,
        };
        Some(Self { placement: chosen.placement.clone(), challenged })
    }
}

impl Sane for Incumbent {
    fn is_sane(&self, _: f64) -> bool {
        true
    }
}
