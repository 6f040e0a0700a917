//! What a placement is expected to cost: middles of the parts, a spread, energy.

use super::{EnergyModel, PlanRequest, RadioEnergy, energy::ExchangeEnergy, transfer};
use crate::estimates::{DeviceNow, Ends, LinkNow, RADIO_WAKES, ServerNow, moment};
use crate::number::float;
use crate::{CutCosts, EndpointView, LatencyBand, Predicted, PredictedParts};

/// Bytes a second at which tensors become a request: copied and, for a cut, converted.
const ENCODING: f64 = 1e9;
/// Bytes of a request's and an answer's head.
const HEAD: f64 = 400.0;
/// The least spread: no time is known better than within some percent.
const LEAST_SPREAD: f64 = 0.02;
/// The greatest: beyond it the quantiles mean nothing.
const GREATEST_SPREAD: f64 = 2.0;

/// What is known of this device at the moment of the request.
pub(super) struct LocalNow {
    speed: DeviceNow,
    ends: Ends,
    /// How much of the whole model the head of each cut takes.
    heads: Vec<f64>,
}

impl LocalNow {
    pub(super) fn of(request: &PlanRequest<'_>) -> Option<Self> {
        let speed = request.estimates.device(request.costs, request.device, moment(request.now))?;
        let heads = request.estimates.head_shares(request.costs);
        Some(Self { speed, ends: request.estimates.ends(true), heads })
    }

    /// Whether this rests on a run or a profile, not on a guess.
    pub(super) fn is_measured(&self) -> bool {
        self.speed.measured
    }

    /// The whole model here.
    pub(super) fn predict(&self, energy: &EnergyModel) -> Predicted {
        let whole = self.speed.whole;
        Predicted {
            latency: band(whole, self.speed.variance, self.ends),
            parts: PredictedParts { on_device: whole, ..PredictedParts::default() },
            energy_joules: energy.computing(whole),
            bytes_up: 0,
            bytes_down: 0,
        }
    }
}

/// What is known of an endpoint and the way there at the moment of the request: looked up once for all cuts.
pub(super) struct EndpointNow {
    link: LinkNow,
    pub(super) server: ServerNow,
    queue: f64,
    setup: f64,
    ends: Ends,
}

/// What runs on an endpoint.
pub(super) struct Work {
    /// Seconds of the head on this device, and the variance of their logarithm.
    head: (f64, f64),
    /// Seconds on the server, once it has started.
    server: f64,
    bytes_up: u64,
    bytes_down: u64,
}

impl Work {
    /// The whole model on an endpoint.
    pub(super) fn whole(request: &PlanRequest<'_>, there: &EndpointNow) -> Self {
        Self {
            head: (0.0, 0.0),
            server: there.server.whole,
            bytes_up: request.costs.request_bytes,
            bytes_down: request.costs.reply_bytes,
        }
    }

    /// The head of `cut`, which stands at `place`, here and its tail there, which takes `factor` times its share; `None`
    /// where the cut has no form.
    pub(super) fn split(
        (place, cut): (usize, &CutCosts),
        here: &LocalNow,
        there: &EndpointNow,
        factor: f64,
    ) -> Option<Self> {
        let share = here.heads.get(place)?;
        Some(Self {
            head: (here.speed.whole * share, here.speed.variance),
            server: there.server.whole * cut.tail_share() * factor,
            bytes_up: cut.form()?.bytes_up,
            bytes_down: cut.bytes_down,
        })
    }
}

impl EndpointNow {
    /// `None` where nothing can be said of the way there.
    pub(super) fn of(request: &PlanRequest<'_>, endpoint: &EndpointView) -> Option<Self> {
        let (estimates, now) = (request.estimates, moment(request.now));
        let link = estimates.link(&endpoint.name, request.device, now)?;
        let handshakes = if link.connected { 0.0 } else { transfer::handshakes(endpoint.tls) };
        let waking = if link.asleep { RADIO_WAKES } else { 0.0 };
        let load = if request.server_load.is_nan() { 1.0 } else { request.server_load.clamp(1e-3, 1e3) };
        let server = estimates.server(&endpoint.name, request.costs, now);
        Some(Self {
            setup: handshakes * link.rtt + waking,
            link,
            server: ServerNow { whole: load * server.whole, ..server },
            queue: load * estimates.queue(&endpoint.name),
            ends: estimates.ends(false),
        })
    }

    /// What `work` is expected to cost.
    ///
    /// Middles of parts add up to the middle of the whole. Its variance is that of the sum to first order: round trip,
    /// rate, server and device each move it by the seconds that they make.
    #[inline]
    pub(super) fn predict(&self, work: &Work, model: &EnergyModel, radio: &RadioEnergy) -> Predicted {
        let link = &self.link;
        let (bytes_up, bytes_down) = (float(work.bytes_up) + HEAD, float(work.bytes_down) + HEAD);
        let encode = bytes_up / ENCODING;
        let server = work.server + self.server.cold.unwrap_or(0.0);
        let (head, head_variance) = work.head;
        let wait = link.rtt + self.queue;
        let idle = link.idle + head + encode + self.setup;
        let window = transfer::starting_window(link.windows[0], idle, link.rtt);
        let up = transfer::upload(bytes_up, link.rtt, link.up, window);
        let idle = idle + up.seconds + wait + server;
        let window = transfer::starting_window(link.windows[1], idle, link.rtt);
        let down = transfer::upload(bytes_down, link.rtt, link.down, window);
        let exchange = self.setup + up.seconds + wait + server + down.seconds;
        let whole = head + encode + exchange;

        let by_rtt = self.setup + up.waiting + link.rtt + down.waiting;
        let by_up = up.flowing;
        let cold = self.server.cold.map_or(0.0, |cold| 0.25 * cold * cold);
        let variance = by_rtt * by_rtt * link.rtt_variance + by_up * by_up * link.up_variance
            - 2.0 * by_rtt * by_up * link.covariance
            + down.flowing * down.flowing * link.down_variance
            + work.server * work.server * self.server.variance
            + self.queue * self.queue
            + head * head * head_variance
            + exchange * exchange * link.noise
            + cold;
        let spent = ExchangeEnergy {
            asleep: link.asleep,
            setup: self.setup,
            upload: up.seconds,
            wait: wait + server,
            download: down.seconds,
            bytes_up,
            bytes_down,
            gap: link.idle,
        };
        Predicted {
            latency: band(whole, variance.max(0.0) / (whole * whole), self.ends),
            parts: PredictedParts {
                on_device: 0.0,
                head,
                encode,
                setup: self.setup,
                upload: up.seconds,
                wait,
                server,
                download: down.seconds,
            },
            energy_joules: model.computing(head + encode) + spent.joules(model, radio),
            bytes_up: work.bytes_up,
            bytes_down: work.bytes_down,
        }
    }
}

/// The lognormal of middle `seconds` and relative variance `variance`, its ends where real times have put them.
fn band(seconds: f64, variance: f64, ends: Ends) -> LatencyBand {
    let spread = (1.0 + variance).ln().sqrt().clamp(LEAST_SPREAD, GREATEST_SPREAD);
    LatencyBand::new(seconds, spread, ends)
}
