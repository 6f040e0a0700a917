//! When a hedged run begins on this device too (Dean and Barroso, "The Tail at Scale", CACM 2013).

use std::time::Duration;

use super::PlanRequest;
use crate::{Candidate, Placement};

/// How long an endpoint of which nothing is known is waited for, where nothing is known of this device either: a new
/// connection with TLS and an answer take four round trips, on a usual 4G network half a second.
const UNKNOWN: Duration = Duration::from_millis(500);
/// Of the time that is left: the part that is waited for where nothing is known of how long this device takes.
const PART: u32 = 3;

/// When this device, `here`, begins beside the chosen endpoint; `None` where it may not, or is chosen itself.
///
/// When the endpoint has taken longer than nineteen times of twenty, or, where nothing is known of it, as long as this
/// device takes: then the run takes at most twice as long as it would have here. Earlier where what is left to do here
/// would otherwise come too late for the deadline.
pub(super) fn after(request: &PlanRequest<'_>, chosen: &Candidate, here: &Candidate) -> Option<Duration> {
    chosen.placement.endpoint()?;
    if !here.allowed {
        return None;
    }
    let rest = match &chosen.placement {
        Placement::Split { cut, .. } => {
            let head = request.costs.cut(cut).map(|cut| request.estimates.head_share(request.costs, cut));
            1.0 - head.unwrap_or(0.0).clamp(0.0, 1.0)
        }
        _ => 1.0,
    };
    let there = chosen.predicted.map(|predicted| predicted.latency.p95());
    let here = here.predicted.map(|predicted| predicted.latency.p90());
    let usual = there.or(here).unwrap_or(UNKNOWN);
    let in_time = request
        .remaining
        .map(|left| here.map_or(left / PART, |here| left.saturating_sub(here.mul_f64(rest))));
    Some(in_time.map_or(usual, |in_time| in_time.min(usual)))
}

#[cfg(test)]
mod tests;
