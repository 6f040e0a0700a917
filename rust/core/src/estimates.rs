//! What was learned from the runs so far.

mod breaker;
mod calibration;
mod counts;
mod device;
mod heads;
mod here;
mod incumbent;
mod link;
mod observation;
mod probing;
mod scalar;
mod server;
mod snapshot;
mod statistics;
mod table;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use breaker::Breaker;
pub(crate) use breaker::Circuit;
use calibration::Calibration;
pub(crate) use calibration::Ends;
pub use counts::CountsQuestion;
pub(crate) use device::DeviceNow;
use device::Speed;
use heads::Heads;
pub(crate) use incumbent::Incumbent;
use link::{Exchange, Link};
pub(crate) use link::{LinkNow, RADIO_WAKES};
pub use observation::{
    DeviceObservation, ExchangeFailure, Part, Probe, ProbeCharge, ProbeObservation, ProbeWork,
    ProfileObservation, RemoteObservation,
};
use probing::{Budget, Probing};
pub(crate) use server::ServerNow;
use server::{Queue, Server};
pub use snapshot::{EstimatesSnapshot, SnapshotError};
pub use statistics::Statistics;
use table::Table;

use crate::number::float;
use crate::planner::transfer;
use crate::{CutCosts, DeviceState, ModelCosts, Placement, Plan, RemoteTiming};

/// What was learned from the runs so far: of links, of servers, of this device, and of the planner itself.
///
/// Plain data that only the `observe_` methods change. It has no clock: `now` is the time since the runtime's start, and
/// never goes back. It can be cloned, written and read by serde, and takes a bounded amount of memory however many
/// endpoints, networks and models it meets: what was not used for longest is forgotten. Observations that make no sense
/// (a time of nothing or of hours) are bounded or dropped, never believed as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimates {
    /// By endpoint and network.
    links: Table<Link>,
    /// By endpoint and model.
    servers: Table<Server>,
    /// By endpoint.
    queues: Table<Queue>,
    /// By endpoint and network.
    breakers: Table<Breaker>,
    /// By model and state of the device.
    speeds: Table<Speed>,
    /// By model.
    heads: Table<Heads>,
    /// By model.
    incumbents: Table<Option<Incumbent>>,
    /// By endpoint and network.
    probing: Table<Probing>,
    budget: Budget,
    local: Calibration,
    remote: Calibration,
    statistics: Statistics,
}

impl Estimates {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns that a run of `model` follows `plan`. To be called once for each planned run, before it starts.
    pub fn observe_decision(&mut self, model: &str, device: &DeviceState, plan: &Plan, now: Duration) {
        let now = moment(now);
        let joules = plan.chosen().and_then(|one| one.predicted).map_or(0.0, |one| one.energy_joules);
        self.budget.request(joules);
        let before = self.incumbent(model);
        let moved = before.map(|before| &before.placement) != plan.order.first();
        let after = Incumbent::after(before, plan);
        let endpoint = plan.order.first().and_then(Placement::endpoint);
        if let Some(after) = after {
            *self.incumbents.entry(model, "", now, || None) = Some(after);
        }
        if let Some(endpoint) = endpoint {
            self.breakers.entry(endpoint, network(device), now, Breaker::default).try_once(now);
            if moved {
                self.probing.entry(endpoint, network(device), now, Probing::default).pay_off();
            }
        }
    }

    /// Learns from an exchange with an endpoint that succeeded.
    pub fn observe_remote(&mut self, seen: &RemoteObservation<'_>, now: Duration) {
        let RemoteObservation { endpoint, costs, part, device, tls, timing } = *seen;
        self.learn_run(endpoint, costs, part, device, tls, timing, moment(now));
    }

    /// Learns from an exchange with an endpoint that failed. Cancellations and wrong requests say nothing of the
    /// endpoint and are not told here.
    pub fn observe_failure(
        &mut self,
        endpoint: &str,
        device: &DeviceState,
        failure: ExchangeFailure,
        now: Duration,
    ) {
        let now = moment(now);
        self.statistics.failures += 1;
        let breaker = self.breakers.entry(endpoint, network(device), now, Breaker::default);
        match failure {
            ExchangeFailure::Busy { retry_after } => {
                breaker.busy(endpoint, seconds(retry_after.unwrap_or(Duration::from_secs(1))), now);
            }
            ExchangeFailure::Failed => breaker.fail(endpoint, now),
            ExchangeFailure::Unreachable | ExchangeFailure::Lost | ExchangeFailure::TimedOut { .. } => {
                breaker.fail(endpoint, now);
                let new = || Link::prior(device, now).unwrap_or_else(|| Link::unknown(device, now));
                self.links.entry(endpoint, network(device), now, new).fail(device, now);
            }
        }
    }

    /// Learns from a probe.
    pub fn observe_probe(&mut self, seen: &ProbeObservation<'_>, now: Duration) {
        self.statistics.probes += 1;
        let ProbeObservation { probe: Probe { endpoint, work, charge }, costs, device, tls, timing } = *seen;
        let at = moment(now);
        let bare = *work == ProbeWork::Ready;
        if self.probing.get(endpoint, network(device)).is_none() {
            self.budget.meet();
        }
        let probing = self.probing.entry(endpoint, network(device), at, Probing::default);
        match *charge {
            ProbeCharge::One => {
                probing.sent(bare, at);
                self.budget.probe();
            }
            ProbeCharge::Joules(joules) => {
                probing.look(self.budget.requests(), at);
                self.budget.look(joules);
            }
        }
        let Some(timing) = timing else {
            self.observe_failure(endpoint, device, ExchangeFailure::Unreachable, now);
            return;
        };
        match work {
            ProbeWork::Ready | ProbeWork::Look { .. } => {
                self.learn_exchange(endpoint, device, timing, tls, 0.0, None, true, at);
            }
            ProbeWork::Whole => {
                self.learn_run(endpoint, costs, Part::Whole, device, tls, timing, at);
            }
            ProbeWork::Tail { cut } => {
                self.learn_run(endpoint, costs, Part::Cut(cut), device, tls, timing, at);
            }
        }
    }

    /// Learns how a planned run ended: on `ended`, `total` after its start. Tells how good the prediction was where it
    /// ended as planned, and counts a fallback where not. A run that was cancelled is not told.
    pub fn observe_outcome(&mut self, plan: &Plan, ended: &Placement, total: Duration) {
        self.statistics.count(plan, ended, total);
        if plan.order.first() != Some(ended) {
            return;
        }
        if let Some(predicted) = plan.predicted(ended) {
            let calibration = match ended {
                Placement::OnDevice => &mut self.local,
                Placement::InCloud { .. } | Placement::Split { .. } => &mut self.remote,
            };
            calibration.learn(&predicted.latency, seconds(total));
        }
    }

    /// How runs were placed so far, and how good the predictions were.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Learns of server, queue, link and breaker from a run of `part` on an endpoint.
    #[expect(clippy::too_many_arguments, reason = "they are what a run on an endpoint is")]
    fn learn_run(
        &mut self,
        endpoint: &str,
        costs: &ModelCosts,
        part: Part<'_>,
        device: &DeviceState,
        tls: bool,
        timing: &RemoteTiming,
        now: f64,
    ) {
        let (share, cut) = match part {
            Part::Whole => (1.0, None),
            Part::Cut(id) => (costs.cut(id).map_or(1.0, CutCosts::tail_share), Some(id)),
        };
        // What the server says is believed only as far as there was time for it.
        let mut left = seconds(timing.upload) + seconds(timing.wait);
        let mut within = |said: Option<Duration>| {
            said.map(|said| {
                let believed = seconds(said).min(left);
                left -= believed;
                believed
            })
        };
        let (said, queued) = (within(timing.server), within(timing.queue));
        let here = self.latest_speed(costs);
        let server = self.servers.entry(endpoint, &costs.model, now, || Server::prior(costs, here, now));
        let believed = if said.is_some() { None } else { Some(server.part(share, cut, now)) };
        let of_server = said.unwrap_or(0.0) + queued.unwrap_or(0.0);
        let learned = self.learn_exchange(endpoint, device, timing, tls, of_server, believed, false, now);
        let server = self.servers.entry(endpoint, &costs.model, now, || Server::prior(costs, here, now));
        match (said, learned) {
            (Some(said), _) => server.learn(share, cut, said, true, now),
            (None, Some(rest)) => server.learn(share, cut, rest, false, now),
            (None, None) => {}
        }
        self.queues.entry(endpoint, "", now, Queue::default).learn(queued.unwrap_or(0.0));
    }

    /// Learns of link and breaker from an exchange. Gives what the server is found to have taken where it did not say.
    #[expect(clippy::too_many_arguments, reason = "they are what an exchange is")]
    fn learn_exchange(
        &mut self,
        endpoint: &str,
        device: &DeviceState,
        timing: &RemoteTiming,
        tls: bool,
        of_server: f64,
        believed: Option<(f64, f64)>,
        bare: bool,
        now: f64,
    ) -> Option<f64> {
        self.breakers.entry(endpoint, network(device), now, Breaker::default).succeed();
        let measured = seconds(timing.upload) + seconds(timing.wait);
        if measured <= 0.0 {
            return None;
        }
        let exchange = Exchange {
            time: (measured - of_server).max(0.02 * measured),
            said: of_server,
            server: believed,
            bare,
            bytes_up: float(timing.request_bytes),
            connect: seconds(timing.connect),
            handshakes: transfer::handshakes(tls),
            download: seconds(timing.download),
            bytes_down: float(timing.answer_bytes),
        };
        let new = || Link::prior(device, now).unwrap_or_else(|| Link::unknown(device, now));
        self.links.entry(endpoint, network(device), now, new).learn(&exchange, device, now)
    }

    /// What the way to `endpoint` is believed to be; `None` where nothing can be said.
    pub(crate) fn link(&self, endpoint: &str, device: &DeviceState, now: f64) -> Option<LinkNow> {
        match self.links.get(endpoint, network(device)) {
            Some(link) => Some(link.at(device, now)),
            None => Link::prior(device, now).map(|link| link.at(device, now)),
        }
    }

    /// What the whole model is believed to take on `endpoint`.
    pub(crate) fn server(&self, endpoint: &str, costs: &ModelCosts, now: f64) -> ServerNow {
        match self.servers.get(endpoint, &costs.model) {
            Some(server) => server.at(now),
            None => Server::prior(costs, self.latest_speed(costs), now).at(now),
        }
    }

    /// By what the tails of cuts on `endpoint` differ from their shares; `None` where that is not known of any.
    pub(crate) fn cut_factors(&self, endpoint: &str, costs: &ModelCosts) -> Option<impl Fn(&str) -> f64> {
        let server = self.servers.get(endpoint, &costs.model).filter(|server| server.knows_cuts())?;
        Some(move |cut: &str| server.cut_factor(cut))
    }

    /// How long requests wait at `endpoint` for their turn, in seconds.
    pub(crate) fn queue(&self, endpoint: &str) -> f64 {
        self.queues.get(endpoint, "").map_or(0.0, |queue| queue.seconds)
    }

    /// Whether requests may go to `endpoint` over the network that is in use.
    pub(crate) fn circuit(&self, endpoint: &str, device: &DeviceState, now: f64) -> Circuit {
        self.breakers.get(endpoint, network(device)).map_or(Circuit::Closed, |breaker| breaker.state(now))
    }

    /// Where `model` ran last.
    pub(crate) fn incumbent(&self, model: &str) -> Option<&Incumbent> {
        self.incumbents.get(model, "").and_then(Option::as_ref)
    }

    /// Where the ends of the band lie for runs on this device, or for others.
    pub(crate) fn ends(&self, local: bool) -> Ends {
        if local { self.local.ends() } else { self.remote.ends() }
    }
}

/// The network in use, as a name: the host's, else its kind.
fn network(device: &DeviceState) -> &str {
    device.network_id.as_deref().unwrap_or(device.network.as_str())
}

/// A moment, in seconds since the runtime's start.
pub(crate) fn moment(now: Duration) -> f64 {
    now.as_secs_f64()
}

/// A time that can be believed, in seconds: an hour at most.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().min(3600.0)
}

#[cfg(test)]
mod tests;
