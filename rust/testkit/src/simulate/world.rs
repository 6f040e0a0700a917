//! One device, one link, one server, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::{CutCosts, EnergyModel, ModelCosts, NetworkKind, Placement, ProbeWork, RemoteTiming};

use crate::Random;
use crate::traces::{LinkState, Trace};

/// Payload of ten segments: the first window of a connection (RFC 6928).
const INITIAL_WINDOW: f64 = 14_600.0;
/// Bytes of a request's or answer's head.
const HEAD: f64 = 400.0;
/// What is added to the round trip for the retransmission time-out, in seconds: Linux's least.
const TIMEOUT_MARGIN: f64 = 0.2;
/// A connection that waits longer is closed.
const KEPT_OPEN: f64 = 30.0;

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The link over time.
    pub trace: Arc<Trace>,
    /// What the device believes it is connected by.
    pub kind: NetworkKind,
    /// How much longer the device takes than when idle.
    pub load: f64,
    /// Seconds of the whole model on the idle device.
    pub device_seconds: f64,
    /// Seconds of the whole model on the server.
    pub server_seconds: f64,
    /// Standard deviation of the logarithm of a computation's time.
    pub jitter: f64,
    /// Mean wait for a turn at the server, exponential, in seconds.
    pub queue: f64,
    /// Whether the server says what it took.
    pub server_timing: bool,
    /// Whether connections are secured: one round trip more.
    pub tls: bool,
    /// Seconds after which an exchange is given up.
    pub timeout: f64,
    /// What it makes its chance from.
    pub seed: u64,
}

/// What a run took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The whole run.
    pub total: Duration,
    /// Computing here: the model, a head, or both where the endpoint failed.
    pub device: Duration,
    /// The exchange, where there was one and it succeeded.
    pub remote: Option<RemoteTiming>,
    /// Whether the exchange failed, and the run ended here.
    pub failed: bool,
    /// Joules.
    pub energy: f64,
}

/// One device, one link, one server.
#[derive(Clone, Debug)]
pub struct World {
    options: WorldOptions,
    energy: EnergyModel,
    now: f64,
    random: Random,
    /// The connection, once there is one.
    connection: Option<Connection>,
}

/// A connection between exchanges.
#[derive(Clone, Copy, Debug)]
struct Connection {
    /// When the last exchange ended.
    used: f64,
    up: Flow,
    down: Flow,
}

/// One direction of a connection: when it last sent, and its window then.
#[derive(Clone, Copy, Debug)]
struct Flow {
    sent: f64,
    window: f64,
}

impl Flow {
    /// The window from which it sends at `now`: halved for each time-out of silence (RFC 2861, as the relay has it).
    fn window_at(self, now: f64, rtt: f64) -> f64 {
        let silences = ((now - self.sent) / (TIMEOUT_MARGIN + rtt)).clamp(0.0, 40.0).floor();
        (self.window * (-silences).exp2()).max(INITIAL_WINDOW)
    }
}

/// What an exchange took, part by part, in seconds.
struct Exchange {
    connect: f64,
    upload: f64,
    queue: f64,
    server: f64,
    wait: f64,
    download: f64,
}

impl World {
    /// The world at its beginning.
    pub fn new(options: WorldOptions) -> Self {
        let random = Random::new(options.seed);
        Self { options, energy: EnergyModel::default(), now: 0.0, random, connection: None }
    }

    /// The same over a network of that kind, whose radio may sleep.
    pub fn of_kind(mut self, kind: NetworkKind) -> Self {
        self.options.kind = kind;
        self
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        self.now += time.as_secs_f64();
    }

    /// Changes how much longer the device takes than when idle.
    pub fn set_load(&mut self, load: f64) {
        self.options.load = load;
    }

    /// Whether connections are secured.
    pub fn tls(&self) -> bool {
        self.options.tls
    }

    /// The link now.
    pub fn link(&self) -> LinkState {
        self.at(self.now)
    }

    /// Runs the model there. Time passes.
    pub fn run(&mut self, costs: &ModelCosts, placement: &Placement) -> Measured {
        // Drawn in every run, so that the same turn has the same luck wherever it runs.
        let luck = Luck::draw(&mut self.random, &self.options);
        let start = self.now;
        let whole = self.options.device_seconds * self.options.load * luck.device;
        let cut = match placement {
            Placement::Split { cut, .. } => costs.cut(cut),
            _ => None,
        };
        let (head, share) = match (placement, cut) {
            (Placement::OnDevice, _) => (whole, None),
            (_, None) => (0.0, Some(1.0)),
            (_, Some(cut)) => (whole * cut.head_fraction, Some(cut.tail_fraction)),
        };
        self.now += head;
        let mut joules = self.energy.compute_watts * head;
        let mut device = head;
        let mut remote = None;
        let mut failed = false;
        if let Some(share) = share {
            let bytes_up = cut.and_then(CutCosts::form).map_or(costs.request_bytes, |form| form.bytes_up);
            let server = self.options.server_seconds * share * luck.server;
            let gap = self.connection.map_or(f64::INFINITY, |one| self.now - one.used);
            if let Some(exchange) = self.exchange(bytes_up, costs.reply_bytes, server, &luck) {
                joules += self.joules(&exchange, gap, float(bytes_up), float(costs.reply_bytes));
                remote = Some(self.timing(&exchange, bytes_up, costs.reply_bytes));
            } else {
                // What is left is computed here.
                let radio = self.energy.radio(self.options.kind);
                joules += radio.active_watts * self.options.timeout;
                let rest = whole - head;
                (failed, device) = (true, whole);
                self.now += self.options.timeout + rest;
                joules += self.energy.compute_watts * rest;
                self.connection = None;
            }
        }
        Measured {
            total: Duration::from_secs_f64(self.now - start),
            device: Duration::from_secs_f64(device),
            remote,
            failed,
            energy: joules,
        }
    }

    /// Asks something of the endpoint beside whatever runs: no time passes. `None` where no answer came. The joules are the
    /// radio's.
    pub fn probe(&mut self, costs: &ModelCosts, work: &ProbeWork) -> (Option<RemoteTiming>, f64) {
        let (up, down, share) = match work {
            ProbeWork::Whole => (costs.request_bytes, costs.reply_bytes, 1.0),
            ProbeWork::Tail { cut } => {
                let cut = costs.cut(cut);
                let up = cut.and_then(CutCosts::form).map_or(0, |form| form.bytes_up);
                (up, costs.reply_bytes, cut.map_or(1.0, |cut| cut.tail_fraction))
            }
            ProbeWork::Look { padding } => (*padding, 0, 0.0),
            _ => (0, 0, 0.0),
        };
        let mut beside = self.clone();
        let luck = Luck::draw(&mut beside.random, &self.options);
        let gap = self.connection.map_or(f64::INFINITY, |one| self.now - one.used);
        let server = self.options.server_seconds * share * luck.server;
        let Some(exchange) = beside.exchange(up, down, server, &luck) else {
            return (None, self.energy.radio(self.options.kind).active_watts * self.options.timeout);
        };
        let joules = self.joules(&exchange, gap, float(up), float(down));
        self.connection = beside.connection;
        (Some(self.timing(&exchange, up, down)), joules)
    }

    fn at(&self, now: f64) -> LinkState {
        self.options.trace.at(Duration::from_secs_f64(now.max(0.0)))
    }

    /// One exchange from now on; time passes with it. `None` where it took longer than the time-out: then none passes.
    fn exchange(&mut self, up: u64, down: u64, server: f64, luck: &Luck) -> Option<Exchange> {
        let start = self.now;
        let done = self.try_exchange(up, down, server, luck);
        if done.is_none() {
            self.now = start;
        }
        done
    }

    fn try_exchange(&mut self, up: u64, down: u64, server: f64, luck: &Luck) -> Option<Exchange> {
        let start = self.now;
        let late = |now: f64| now - start > self.options.timeout;
        let idle = self.connection.map_or(f64::INFINITY, |one| start - one.used);
        let asleep = self.options.kind.is_cellular() && idle > 10.0;
        let mut now = start + if asleep { luck.wake } else { 0.0 };
        if idle > KEPT_OPEN {
            let trips = if self.options.tls { 2.0 } else { 1.0 };
            // Nothing is connected while nothing gets through.
            now = self.drained(0.0, true, now)?;
            now += trips * self.at(now).rtt.as_secs_f64();
        }
        let connect = if idle > KEPT_OPEN { now - start } else { 0.0 };
        let rtt = self.at(now).rtt.as_secs_f64();
        let open = self.connection.filter(|_| idle <= KEPT_OPEN);
        let window = |flow: Option<Flow>, now| flow.map_or(INITIAL_WINDOW, |flow| flow.window_at(now, rtt));
        let begun = now;
        let up = self.sent(float(up) + HEAD, window(open.map(|one| one.up), now), true, now)?;
        let sent = up.sent;
        let answered = sent + self.at(sent).rtt.as_secs_f64() + luck.queue + server;
        let window = window(open.map(|one| one.down), answered);
        let down = self.sent(float(down) + HEAD, window, false, answered)?;
        let received = down.sent;
        if late(received) {
            return None;
        }
        (self.now, self.connection) = (received, Some(Connection { used: received, up, down }));
        Some(Exchange {
            connect,
            upload: sent - begun,
            queue: luck.queue,
            server,
            wait: answered - sent,
            download: received - answered,
        })
    }

    /// When `bytes` are on their way that begin at `now` with `window`, and the window at the end: a full window waits a
    /// round trip and doubles, until the link is full. What is sent last widens it once more.
    fn sent(&self, bytes: f64, window: f64, up: bool, now: f64) -> Option<Flow> {
        let (mut left, mut window, mut now) = (bytes, window, now);
        while left > window {
            let rtt = self.at(now).rtt.as_secs_f64();
            let drained = self.drained(window, up, now)?;
            if drained - now >= rtt {
                break;
            }
            now += rtt;
            left -= window;
            window *= 2.0;
        }
        if 2.0 * left > window {
            window += left.min(window);
        }
        Some(Flow { sent: self.drained(left, up, now)?, window })
    }

    /// When `bytes` that begin at `now` have left a link that changes. `None` where that takes longer than the time-out.
    fn drained(&self, bytes: f64, up: bool, now: f64) -> Option<f64> {
        let tick = self.options.trace.tick().as_secs_f64();
        let (mut left, mut at) = (bytes, now);
        loop {
            let state = self.at(at);
            let rate = if up { state.up_bps } else { state.down_bps } / 8.0;
            // A hair over the edge, so that rounding does not hold the time still.
            let end = ((at / tick).floor() + 1.0) * tick + 1e-9;
            if rate > 0.0 && left <= rate * (end - at) {
                return Some(at + left / rate);
            }
            left -= rate * (end - at);
            at = end;
            if at - now > self.options.timeout {
                return None;
            }
        }
    }

    fn timing(&self, exchange: &Exchange, up: u64, down: u64) -> RemoteTiming {
        let time = Duration::from_secs_f64;
        let said = |seconds: f64| self.options.server_timing.then(|| time(seconds));
        RemoteTiming {
            connect: time(exchange.connect),
            // The last byte is written long before it is sent: a client sees next to nothing of the upload.
            upload: time(0.1 * exchange.upload),
            wait: time(0.9 * exchange.upload + exchange.wait),
            download: time(exchange.download),
            server: said(exchange.server),
            queue: said(exchange.queue),
            request_bytes: up,
            answer_bytes: down,
            ..RemoteTiming::default()
        }
    }

    /// Joules of the radio and of waiting, by the documented numbers of [`EnergyModel`].
    fn joules(&self, exchange: &Exchange, gap: f64, up: f64, down: f64) -> f64 {
        let radio = self.energy.radio(self.options.kind);
        let active = exchange.connect + exchange.upload + exchange.wait + exchange.download;
        let asleep = self.options.kind.is_cellular() && gap > 10.0;
        let promotion = if asleep { radio.promotion_seconds * radio.promotion_watts } else { 0.0 };
        let sent = 8e-6 * (radio.up_watts_per_mbps * (up + HEAD) + radio.down_watts_per_mbps * (down + HEAD));
        promotion
            + (radio.active_watts + self.energy.wait_watts) * active
            + sent
            + radio.tail_watts * radio.tail_seconds.min(gap)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no request has 2^53 bytes")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

/// The chance of one turn.
struct Luck {
    device: f64,
    server: f64,
    queue: f64,
    wake: f64,
}

impl Luck {
    fn draw(random: &mut Random, options: &WorldOptions) -> Self {
        Self {
            device: (options.jitter * random.normal()).exp(),
            server: (options.jitter * random.normal()).exp(),
            queue: if options.queue > 0.0 { random.exponential(options.queue) } else { 0.0 },
            wake: 0.35 * (0.4 * random.normal()).exp(),
        }
    }
}
