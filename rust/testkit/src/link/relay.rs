//! The relay that stands between client and server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::connection::{Connection, listen, refuse};
use super::gate::{Death, Gate, Over};
use super::pipe::Pipe;
use super::shape::{Departure, Lane};
use super::state::{Direction, LinkOptions, Schedule};
use super::wire::Wire;
use crate::traces::LinkState;

/// What the connections of a relay share.
pub(super) struct Link {
    pub(super) options: LinkOptions,
    pub(super) gate: Gate,
    pub(super) wire: Wire,
    pub(super) started: Instant,
    /// The schedule, and when it began.
    schedule: Mutex<(Schedule, Duration)>,
    lanes: [Mutex<Lane>; 2],
    connections: Mutex<Vec<Weak<Connection>>>,
    opened: AtomicUsize,
}

impl Link {
    fn new(options: LinkOptions) -> Self {
        Self {
            gate: Gate::default(),
            wire: Wire::new(options.record),
            started: Instant::now(),
            schedule: Mutex::new((options.schedule.clone(), Duration::ZERO)),
            lanes: Default::default(),
            connections: Mutex::default(),
            opened: AtomicUsize::new(0),
            options,
        }
    }

    /// The time since the relay started.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn schedule(&self) -> (Schedule, Duration) {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the link is like at `time`.
    pub(super) fn state(&self, time: Duration) -> LinkState {
        let (schedule, begin) = self.schedule();
        schedule(time.saturating_sub(begin))
    }

    /// Sends `bytes` that are there at `ready` after all that is being sent.
    pub(super) fn send(&self, direction: Direction, ready: Duration, bytes: usize) -> Departure {
        let (schedule, begin) = self.schedule();
        let lane = &self.lanes[direction.index()];
        let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        lane.send(&|time| schedule(time.saturating_sub(begin)), direction, ready, bytes)
    }

    fn register(&self, connection: &Arc<Connection>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|known| known.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
    }

    pub(super) fn kill(&self, death: Death) {
        self.gate.die(death);
        if death == Death::Reset {
            self.reset_all();
        }
    }

    /// Ends every connection.
    fn reset_all(&self) {
        let connections =
            std::mem::take(&mut *self.connections.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in connections.iter().filter_map(Weak::upgrade) {
            connection.reset();
        }
        self.gate.wake();
    }

    /// Carries a connection until both directions are at their end.
    fn carry(&self, client: TcpStream, server: SocketAddr, number: usize) {
        let made = self.now();
        // Over a silent link nothing comes of an attempt to connect; over a dead one it is refused.
        match self.gate.voiced() {
            Err(Over) => return,
            Ok(Some(_)) => return refuse(&client),
            Ok(None) => {}
        }
        let Ok(connection) = Connection::new(client, server) else { return };
        let connection = Arc::new(connection);
        self.register(&connection);
        if self.gate.death() == Some(Death::Reset) {
            return connection.reset();
        }
        let round_trip = self.state(made).rtt;
        let made = made + if self.options.slow_start { round_trip } else { Duration::ZERO };
        let [up, down] =
            [Direction::Up, Direction::Down].map(|direction| Pipe::new(self, &connection, direction, made));
        let seed = self.options.seed.wrapping_add(2 * number as u64);
        std::thread::scope(|scope| {
            scope.spawn(|| up.take(seed));
            scope.spawn(|| up.give());
            scope.spawn(|| down.take(seed + 1));
            down.give();
        });
    }
}

/// A link between clients and a server. Dropping it ends every connection and waits for its threads.
pub struct Relay {
    address: SocketAddr,
    link: Arc<Link>,
    acceptor: Option<JoinHandle<()>>,
}

impl Relay {
    /// A link to `server`.
    pub fn start(server: SocketAddr, options: LinkOptions) -> Self {
        let listener = listen().unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link::new(options));
        let shared = link.clone();
        let acceptor = Some(std::thread::spawn(move || accept(&listener, server, &shared)));
        Self { address, link, acceptor }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients connect, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where clients connect when the server speaks TLS, as `https://127.0.0.1:PORT`.
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Changes what the link is like, from now on. The schedule's time begins anew; what is under way stays so.
    pub fn set_schedule(&self, schedule: Schedule) {
        let now = self.link.now();
        *self.link.schedule.lock().unwrap_or_else(PoisonError::into_inner) = (schedule, now);
    }

    /// Lets the link die now. It stays dead until [`Relay::heal`].
    pub fn kill(&self, death: Death) {
        self.link.kill(death);
    }

    /// Lets the link die once exactly so many more bytes have been delivered in that direction, over all connections.
    pub fn kill_after(&self, direction: Direction, bytes: usize, death: Death) {
        if bytes == 0 {
            self.kill(death);
        } else {
            self.link.gate.set_trap(direction, bytes, death);
        }
    }

    /// Brings a dead link back to life. Points set by [`Relay::kill_after`] that were not reached stay set.
    pub fn heal(&self) {
        self.link.gate.heal();
    }

    /// How the link is dead, if it is.
    pub fn death(&self) -> Option<Death> {
        self.link.gate.death()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.link.opened.load(Ordering::SeqCst)
    }

    /// How many bytes have left their sender in that direction, whether they arrived or not.
    pub fn sent(&self, direction: Direction) -> u64 {
        self.link.wire.bytes_sent(direction)
    }

    /// How many bytes have been delivered in that direction.
    pub fn delivered(&self, direction: Direction) -> u64 {
        self.link.wire.bytes_delivered(direction)
    }

    /// Every byte that has left its sender in that direction; empty where [`LinkOptions::record`] is not set. The
    /// connections' bytes stand in the order in which they were read, piece by piece.
    pub fn recorded(&self, direction: Direction) -> Vec<u8> {
        self.link.wire.recorded(direction)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.link.gate.stop();
        self.link.reset_all();
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, link: &Arc<Link>) {
    std::thread::scope(|scope| {
        for client in listener.incoming() {
            if link.gate.is_stopped() {
                return;
            }
            let Ok(client) = client else { continue };
            let number = link.opened.fetch_add(1, Ordering::SeqCst);
            scope.spawn(move || link.carry(client, server, number));
        }
    });
}
