//! The way to one endpoint over one network: round trip and rates, learned from what exchanges took.
//!
//! The time from a request's first byte to its answer's, less the server's, is `R + upload(N, R, B)`
//! ([`transfer`]): a small request tells of the round trip `R`, a large one of the rate `B`, and most tell of both. An
//! extended Kalman filter over `(ln R, ln B)` shares each surprise between the two by how uncertain each is and how much
//! of the time it made. Logarithms, because links differ by factors. The last byte of a request is written long before it
//! is sent, so that upload and wait cannot be told apart, and their sum is what is believed.

mod filter;
mod typical;

use serde::{Deserialize, Serialize};

use self::filter::Look;
use self::typical::{Typical, rate_drift, typical};
use super::scalar::{Drift, Gate, LogValue};
use super::snapshot::{Sane, past, within};
use crate::number::float;
use crate::planner::transfer;
use crate::{DeviceState, NetworkKind};

/// A cellular radio sleeps after this many seconds without traffic.
const RADIO_SLEEPS: f64 = 10.0;
/// How long it takes to wake, in seconds: measured on LTE (RRC-Probe of SIGCOMM21-5G), promotion and first grant.
pub(crate) const RADIO_WAKES: f64 = 0.35;
/// A connection that waits no longer than this, in seconds, is still open. As the client's pool has it.
const KEPT_OPEN: f64 = 30.0;
/// Variance of the logarithm of a time about what the model says, before anything was learned of it.
const NOISE: f64 = 0.0225;
/// An answer of fewer bytes says nothing of the rate at which answers arrive.
const TELLING_BYTES: f64 = 1024.0;
/// One that took fewer seconds to arrive came in one piece with its head: it says only that the rate is not lower.
const ONE_PIECE: f64 = 1e-3;
/// How far off the beginning of an answer is, in seconds: it arrives with its head in part.
const DOWNLOAD_EDGE: f64 = 5e-4;
/// Below this many bytes per second and above that many no rate is believed.
const RATES: (f64, f64) = (1e2, 2e10);
/// A rate that small looks have found to be so much greater than when it was measured, or than they found before, as a logarithm,
/// wants measuring.
const QUICKER: f64 = 0.3;
/// A round trip that a bare question has found to be so much another, as a logarithm, is that of another link.
const ANOTHER: f64 = 0.7;
/// The shortest and longest round trips that are believed, in seconds.
const ROUND_TRIPS: (f64, f64) = (2e-5, 30.0);

/// How the round trip drifts.
const RTT_DRIFT: Drift = Drift { ceiling: 0.25, tau: 60.0 };

/// What a link is believed to be at a moment, in seconds and bytes per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkNow {
    pub(crate) rtt: f64,
    pub(crate) up: f64,
    pub(crate) down: f64,
    /// Variances of the logarithms of round trip and upward rate, and their covariance.
    pub(crate) rtt_variance: f64,
    pub(crate) up_variance: f64,
    pub(crate) covariance: f64,
    /// Variance of the logarithm of the downward rate.
    pub(crate) down_variance: f64,
    /// Variance of the logarithm of a time about the model.
    pub(crate) noise: f64,
    /// The windows in which requests and answers ended last, upward and downward, in bytes.
    pub(crate) windows: [f64; 2],
    /// Whether a connection is open.
    pub(crate) connected: bool,
    /// Whether the radio has to be woken.
    pub(crate) asleep: bool,
    /// Seconds since the last traffic; infinite where there was none.
    pub(crate) idle: f64,
}

/// What an exchange took, in seconds and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// From the first byte of the request to the answer's head, less what the server says it took.
    pub(super) time: f64,
    /// What the server says it took.
    pub(super) said: f64,
    /// What the server is believed to have taken where it did not say, and the variance of its logarithm.
    pub(super) server: Option<(f64, f64)>,
    /// Whether it was nothing but a question: no noise makes it shorter than the link is, and it weighs nothing.
    pub(super) bare: bool,
    pub(super) bytes_up: f64,
    pub(super) connect: f64,
    pub(super) handshakes: f64,
    pub(super) download: f64,
    pub(super) bytes_down: f64,
}

/// The way to one endpoint over one network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    kind: NetworkKind,
    rtt: f64,
    up: f64,
    /// Variances of `rtt` and `up`, and their covariance.
    p: [f64; 3],
    /// When those were true, in seconds since the runtime's start.
    at: f64,
    noise: f64,
    gate: Gate,
    down: Option<LogValue>,
    /// The logarithm of downward over upward rate, for as long as the former was not seen.
    down_ratio: f64,
    /// What the system said of the uplink when it was last measured.
    hint: Option<u64>,
    /// The windows in which requests and answers ended last, upward and downward, in bytes.
    windows: [f64; 2],
    /// When the last exchange ended; before the first, none did.
    pub(super) traffic: Option<f64>,
    /// When the rate was last measured by a large request.
    pub(super) weighed: Option<f64>,
    /// When the round trip was last measured by a small one.
    pub(super) timed: Option<f64>,
    /// When it was last found to be another link than it was.
    #[serde(default)]
    moved: Option<f64>,
    /// The rate when it was last measured, or the least that looks have found since, as a logarithm.
    #[serde(default)]
    weighed_up: Option<f64>,
}

impl Link {
    /// What can be said of a link before it was used; `None` where that is nothing.
    pub(super) fn prior(device: &DeviceState, now: f64) -> Option<Self> {
        let kind = device.network;
        let typical = typical(kind).or_else(|| {
            // The rate alone is something, where the kind says nothing.
            let up_bps = float(device.uplink_bps?);
            Some(Typical { rtt: 0.08, up_bps, down_bps: float(device.downlink_bps?), wander: 1.0 })
        })?;
        let (mut up, mut variance) = (bound(typical.up_bps / 8.0, RATES).ln(), 1.0);
        if let Some(hint) = device.uplink_bps {
            // The system sees the first hop only: worth two looks at what the whole path carries.
            let (trust, hint) = (0.5, bound(float(hint) / 8.0, RATES).ln());
            let gain = variance / (variance + trust);
            up += gain * (hint - up);
            variance *= 1.0 - gain;
        }
        Some(Self {
            kind,
            rtt: typical.rtt.ln(),
            up,
            p: [0.49, variance, 0.0],
            at: now,
            noise: NOISE,
            gate: Gate::default(),
            down: None,
            down_ratio: (typical.down_bps / typical.up_bps).max(1e-3).ln(),
            hint: device.uplink_bps,
            windows: [transfer::INITIAL_WINDOW; 2],
            traffic: None,
            weighed: None,
            timed: None,
            moved: None,
            weighed_up: None,
        })
    }

    /// A link of which nothing can be said, for the first look at it.
    pub(super) fn unknown(device: &DeviceState, now: f64) -> Self {
        let assumed = DeviceState { network: NetworkKind::Cellular4g, ..DeviceState::default() };
        let prior = Self::prior(&assumed, now).unwrap_or(Self {
            kind: device.network,
            rtt: -2.5,
            up: 13.5,
            p: [1.0, 4.0, 0.0],
            at: now,
            noise: NOISE,
            gate: Gate::default(),
            down: None,
            down_ratio: 0.0,
            hint: None,
            windows: [transfer::INITIAL_WINDOW; 2],
            traffic: None,
            weighed: None,
            timed: None,
            moved: None,
            weighed_up: None,
        });
        Self { kind: device.network, p: [1.0, 4.0, 0.0], hint: device.uplink_bps, ..prior }
    }

    /// Whether a cellular radio sleeps after `idle` seconds.
    fn asleep(&self, device: &DeviceState, idle: f64) -> bool {
        (device.network.is_cellular() || self.kind.is_cellular()) && idle > RADIO_SLEEPS
    }

    /// What the link is believed to be at `now`. Age widens it and moves nothing.
    pub(super) fn at(&self, device: &DeviceState, now: f64) -> LinkNow {
        let age = now - self.at;
        let [mut rtt_variance, mut up_variance, covariance] = self.p;
        rtt_variance = RTT_DRIFT.aged(rtt_variance, age);
        up_variance = rate_drift(self.kind).aged(up_variance, age);
        let mut up = self.up;
        if let Some(change) = self.hinted(device) {
            up += change;
            up_variance += 0.25;
            // A link of another rate has another round trip, and nobody says which.
            rtt_variance += 0.5;
        }
        let (down, down_variance) = match &self.down {
            Some(down) => (down.mean, down.variance_at(now, rate_drift(self.kind))),
            None => (up + self.down_ratio, up_variance + 0.25),
        };
        let idle = self.traffic.map_or(f64::INFINITY, |traffic| (now - traffic).max(0.0));
        let rtt = bound(self.rtt.exp(), ROUND_TRIPS);
        LinkNow {
            rtt,
            up: bound(up.exp(), RATES),
            down: bound(down.exp(), RATES),
            rtt_variance,
            up_variance,
            covariance,
            down_variance,
            noise: self.noise,
            windows: self.windows,
            connected: idle < KEPT_OPEN,
            asleep: self.asleep(device, idle),
            idle,
        }
    }

    /// By how much the system's word for the uplink has changed since the link was measured, as a logarithm, where that
    /// is enough to mean something.
    pub(super) fn hinted(&self, device: &DeviceState) -> Option<f64> {
        let (before, after) = (float(self.hint?), float(device.uplink_bps?));
        let change = (after.max(1.0) / before.max(1.0)).ln();
        (change.abs() > f64::ln(1.5)).then_some(change)
    }

    /// Whether it was found to be another link, and how much it carries has not been measured since.
    pub(super) fn moved_since_weighed(&self) -> bool {
        let quicker = self.weighed_up.is_some_and(|weighed| self.up - weighed > QUICKER);
        quicker || self.moved.is_some_and(|moved| self.weighed.is_none_or(|weighed| weighed < moved))
    }

    /// Learns from an exchange that ended at `now`. Gives how long the server took, where it did not say and that could be
    /// told apart.
    pub(super) fn learn(&mut self, seen: &Exchange, device: &DeviceState, now: f64) -> Option<f64> {
        let total = seen.connect + seen.time + seen.said + seen.download;
        let state = self.at(device, now - total);
        (self.up, self.p) = (state.up.ln(), [state.rtt_variance, state.up_variance, state.covariance]);
        self.at = now;
        if self.hinted(device).is_some() {
            (self.weighed, self.timed) = (None, None);
        }
        self.hint = device.uplink_bps.or(self.hint);
        if seen.connect > 0.0 && seen.handshakes > 0.0 {
            // A handshake is a clean round trip, but for the processor's part and a name that was looked up.
            let woken = if state.asleep { RADIO_WAKES } else { 0.0 };
            let handshake = (seen.connect - woken).max(seen.connect * 0.1) / seen.handshakes;
            let noise = if state.asleep { 0.25 } else { 0.04 };
            self.update(handshake.ln(), |[rtt, _]| Look { log: rtt, slopes: [1.0, 0.0], noise });
        }
        let server = self.learn_time(seen, &state);
        if seen.bytes_down >= TELLING_BYTES {
            let idle = state.idle + total - seen.download;
            self.learn_download(seen, idle, now);
        }
        self.traffic = Some(now);
        server
    }

    fn learn_time(&mut self, seen: &Exchange, state: &LinkNow) -> Option<f64> {
        let before = [self.rtt, self.up];
        let window = transfer::starting_window(self.windows[0], state.idle, self.rtt.exp());
        let sent = |[rtt, up]: [f64; 2]| {
            transfer::upload(seen.bytes_up, bound(rtt.exp(), ROUND_TRIPS), bound(up.exp(), RATES), window)
        };
        // Woken by the handshake, if there was one.
        let woken = if state.asleep && seen.connect == 0.0 { RADIO_WAKES } else { 0.0 };
        let (server, server_variance) = seen.server.unwrap_or((0.0, 0.0));
        let learned = self.noise;
        let look = |at: [f64; 2]| {
            let (rtt, sent) = (bound(at[0].exp(), ROUND_TRIPS), sent(at));
            let expected = rtt + sent.seconds + server + woken;
            let part = |seconds: f64| seconds / expected;
            let own = part(server).powi(2) * server_variance + part(woken).powi(2) * 0.25;
            let slopes = [part(rtt + sent.waiting), -part(sent.flowing)];
            Look { log: expected.ln(), slopes, noise: learned + own }
        };
        let first = look(before);
        let expected = first.log.exp();
        self.windows[0] = sent(before).window;
        if seen.bare {
            self.gate.believe_lower();
        }
        let believed = self.update(seen.time.ln(), look);
        if seen.bare && (self.rtt - before[0]).abs() > ANOTHER {
            self.moved = Some(self.at);
        }
        let spread = believed.variance + first.noise;
        if !believed.outlier {
            // What part of the surprise was noise, by the shares of the variances. A change is none.
            let surprise = believed.error.powi(2) * learned / spread;
            self.noise = bound(0.9 * learned + 0.1 * surprise, (9e-4, 0.25));
        } else if self.moved == Some(self.at) {
            // Another link, of whose noise nothing is known.
            self.noise = self.noise.min(NOISE);
        }
        // By what is believed now: a rate that was believed far too high would have had no part in the time.
        let sent = sent([self.rtt, self.up]);
        let weighs = !seen.bare && sent.flowing > 0.25 * (sent.seconds + self.rtt.exp() + server + woken);
        if weighs {
            (self.weighed, self.weighed_up) = (Some(self.at), Some(self.up));
        } else {
            self.timed = Some(self.at);
            // What was measured too high is no measure for what looks find.
            self.weighed_up = self.weighed_up.map(|weighed| weighed.min(self.up));
        }
        // The server's share of what the link does not explain.
        let part = server / expected;
        let gain = part * part * server_variance / spread;
        (server > 0.0).then(|| server * (gain * believed.error / part.max(1e-6)).clamp(-3.0, 3.0).exp())
    }

    /// Learns from an answer that began `idle` seconds after the last one had ended.
    fn learn_download(&mut self, seen: &Exchange, idle: f64, now: f64) {
        let drift = rate_drift(self.kind);
        let ratio = self.down_ratio;
        let up = self.up;
        let down = self.down.get_or_insert_with(|| LogValue::prior(up + ratio, 1.0, now));
        let rate = bound(down.mean.exp(), RATES);
        let rtt = bound(self.rtt.exp(), ROUND_TRIPS);
        let window = transfer::starting_window(self.windows[1], idle, rtt);
        let expected = transfer::upload(seen.bytes_down, rtt, rate, window);
        self.windows[1] = expected.window;
        let took = seen.download.max(ONE_PIECE);
        if seen.download < ONE_PIECE && expected.seconds <= took {
            return;
        }
        let share = (expected.flowing / expected.seconds).max(0.05);
        // The look at the rate that would explain the time, as uncertain as the rate's share in it is small.
        let look = down.mean - (took / expected.seconds).ln() / share;
        let noise = NOISE + (DOWNLOAD_EDGE / took).powi(2);
        down.look(look, noise / (share * share), now, drift);
    }

    /// One step of the filter: `log` is the logarithm of what was seen, `look` says of a state what would be.
    fn update(&mut self, log: f64, look: impl Fn([f64; 2]) -> Look) -> Believed {
        let before = [self.rtt, self.up];
        let first = look(before);
        let error = log - first.log;
        if !error.is_finite() {
            return Believed { error: 0.0, variance: 0.0, outlier: true };
        }
        let passed = self.gate.pass(error, (first.variance(self.p) + first.noise).sqrt());
        if passed.moved {
            self.moved = Some(self.at);
        }
        let spread = self.p.map(|entry| entry * passed.inflate);
        let ([rtt, up], p) = filter::step(before, spread, first.log + passed.error, look);
        self.rtt = rtt.clamp(ROUND_TRIPS.0.ln(), ROUND_TRIPS.1.ln());
        self.up = up.clamp(RATES.0.ln(), RATES.1.ln());
        let keep = |entry: f64| bound(entry, (1e-6, 16.0));
        self.p = [keep(p[0]), keep(p[1]), p[2]];
        // A covariance that the variances cannot carry is rounding.
        let most = 0.999 * (self.p[0] * self.p[1]).sqrt();
        self.p[2] = self.p[2].clamp(-most, most);
        Believed { error: passed.error, variance: first.variance(spread), outlier: passed.inflate > 1.0 }
    }

    /// Learns that an exchange failed: the connection is gone, and the link less sure.
    pub(super) fn fail(&mut self, device: &DeviceState, now: f64) {
        let state = self.at(device, now);
        (self.p, self.at) = ([state.rtt_variance + 0.1, state.up_variance + 0.25, state.covariance], now);
        self.traffic = None;
    }
}

impl Link {
    /// The connection is gone.
    pub(super) fn hang_up(&mut self) {
        (self.traffic, self.windows) = (None, [transfer::INITIAL_WINDOW; 2]);
    }
}

impl Sane for Link {
    fn is_sane(&self, now: f64) -> bool {
        let [rr, bb, rb] = self.p;
        past([Some(self.at), self.traffic, self.weighed, self.timed, self.moved], now)
            && within([self.rtt, self.up, self.down_ratio], (-50.0, 50.0))
            && within([rr, bb], (0.0, 100.0))
            && within([rb * rb], (0.0, rr * bb))
            && within([self.noise], (1e-6, 1.0))
            && within(self.windows, (1.0, 1e15))
            && self.down.is_sane(now)
    }
}

/// What a step of the filter believed.
struct Believed {
    error: f64,
    /// The variance that the states gave to the expected logarithm.
    variance: f64,
    /// Whether the look lay further off than noise would explain.
    outlier: bool,
}

fn bound(value: f64, (least, most): (f64, f64)) -> f64 {
    // A number that is none becomes the least.
    value.max(least).min(most)
}

#[cfg(test)]
mod tests;
