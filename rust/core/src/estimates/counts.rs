//! What a server counts of a model (Triton's statistics): its time, where it does not come with each answer.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::server::{Queue, Server};
use super::snapshot::{Sane, past, within};
use super::{Circuit, Estimates, moment, seconds};
use crate::number::float;
use crate::{CutCosts, ModelCosts, NetworkKind, Placement, Plan, PlanRequest, PlannerSettings, ServerCounts};

/// Part of an endpoint's counts that should be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsQuestion {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// The cut whose tail is served there; `None` is the whole model.
    pub cut: Option<Arc<str>>,
}

/// What was counted so far, of the part that was asked for last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    /// When it was last asked for.
    at: Option<f64>,
    /// How often.
    asked: u32,
    /// Whether the endpoint does not count.
    never: bool,
    /// The cut; empty is the whole model.
    cut: String,
    /// Requests, those that were computed, and the seconds of both.
    last: Option<[f64; 4]>,
}

/// The means of the requests between two looks at the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Means {
    pub(super) compute: Option<f64>,
    pub(super) queue: Option<f64>,
    /// Whether they are of all requests since the server's start, of which the first may have been slow.
    pub(super) all: bool,
}

impl Counted {
    fn is_due(&self, interval: f64, longest: f64, now: f64) -> bool {
        let doubled = interval * 2.0_f64.powi(self.asked.saturating_sub(1).min(20).cast_signed());
        !self.never && self.at.is_none_or(|at| now - at >= doubled.min(longest))
    }

    /// Takes note of an answer; `None` is that the endpoint does not count.
    pub(super) fn take(
        &mut self,
        cut: Option<&str>,
        counts: Option<&ServerCounts>,
        now: f64,
    ) -> Option<Means> {
        (self.at, self.asked) = (Some(now), self.asked.saturating_add(1));
        let Some(counts) = counts else {
            self.never = true;
            return None;
        };
        let counted = [
            float(counts.requests),
            float(counts.computed),
            counts.queue.as_secs_f64(),
            counts.compute.as_secs_f64(),
        ];
        let cut = cut.unwrap_or_default();
        // Counts that went down are those of a server that was started again.
        let same =
            self.cut == cut && self.last.is_some_and(|last| last.iter().zip(counted).all(|(a, b)| *a <= b));
        let before = self.last.filter(|_| same);
        (self.cut, self.last) = (cut.to_owned(), Some(counted));
        let from = before.unwrap_or_default();
        let [requests, computed, queue, compute] = std::array::from_fn(|index| counted[index] - from[index]);
        let mean = |seconds: f64, count: f64| (count >= 1.0).then(|| seconds / count);
        Some(Means { compute: mean(compute, computed), queue: mean(queue, requests), all: before.is_none() })
    }
}

impl Estimates {
    /// What an endpoint should be asked of its counts beside the run that follows `plan`: where runs use it, and their answers
    /// do not say what the server took. Half a minute to half an hour apart, and paid for as probes are. To be told with
    /// [`Estimates::observe_counts`].
    pub fn counts_due(
        &self,
        settings: &PlannerSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<CountsQuestion> {
        let probes = &settings.probes;
        let (device, now) = (request.device, moment(request.now));
        let wanted = probes.enabled
            && device.network != NetworkKind::None
            && device.low_power_mode != Some(true)
            && self.budget.allows(probes, 1.0);
        let (endpoint, cut) = match plan.order.first()? {
            Placement::InCloud { endpoint } => (endpoint, None),
            Placement::Split { cut, endpoint } => (endpoint, Some(cut.clone())),
            _ => return None,
        };
        let server = self.servers.get(endpoint, &request.costs.model)?;
        let (interval, longest) = (seconds(probes.interval), seconds(probes.longest));
        let due = wanted
            && server.is_silent()
            && server.counted.is_due(interval, longest, now)
            && self.circuit(endpoint, device, now) == Circuit::Closed;
        due.then(|| CountsQuestion { endpoint: endpoint.clone(), cut })
    }

    /// Learns what an endpoint has counted; `None` is that it does not count. An answer that did not come is not told.
    pub fn observe_counts(
        &mut self,
        question: &CountsQuestion,
        costs: &ModelCosts,
        counts: Option<&ServerCounts>,
        now: Duration,
    ) {
        let now = moment(now);
        self.budget.probe();
        let here = self.latest_speed(costs);
        let new = || Server::prior(costs, here, now);
        let server = self.servers.entry(&question.endpoint, &costs.model, now, new);
        let cut = question.cut.as_deref();
        let Some(means) = server.counted.take(cut, counts, now) else { return };
        let share = cut.and_then(|id| costs.cut(id)).map_or(1.0, CutCosts::tail_share);
        if let Some(compute) = means.compute {
            server.learn_mean(share, cut, compute, means.all, now);
        }
        if let Some(queue) = means.queue.filter(|_| !means.all) {
            self.queues.entry(&question.endpoint, "", now, Queue::default).learn(queue);
        }
    }
}

impl Sane for Counted {
    fn is_sane(&self, now: f64) -> bool {
        past([self.at], now) && self.last.is_none_or(|last| within(last, (0.0, 1e20)))
    }
}

#[cfg(test)]
mod tests;
