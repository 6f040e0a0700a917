//! A link of a given rate and delay on real sockets: a loopback relay between a client and a server.
//!
//! [`Relay`] accepts on a port of its own, opens a connection to the server for each that it accepts, and passes bytes on
//! as the link would: at its rate, which all connections share in the order in which their bytes come; half a round trip
//! later; with jitter and stalls; not at all during an outage. It never drops, changes or reorders a byte. What the link has not
//! taken yet stays with the sender, whose writes block, but for what its kernel holds (some 100 kB).
//!
//! Loopback TCP starts at full speed, TCP over a real distance does not. With [`LinkOptions::slow_start`] the relay
//! accounts for that: a connection begins with ten segments of 1,460 bytes in flight (RFC 6928), may have twice as many
//! after each round trip (RFC 5681, section 3.1), and halves for each time-out of silence (RFC 2861). The round trip
//! that it takes to connect is added before the first byte, because the kernel of loopback accepts at once: over TLS a client
//! measures it as part of connecting, as it should; over plain TCP as part of its first request.
//!
//! ```
//! use std::net::TcpListener;
//! use std::time::Duration;
//! use tandem_testkit::link::{Death, Direction, LinkOptions, Relay};
//! use tandem_testkit::traces::LinkState;
//!
//! let server = TcpListener::bind("127.0.0.1:0").unwrap();
//! let link = LinkState::new(10e6, Duration::from_millis(80));
//! let relay = Relay::start(server.local_addr().unwrap(), LinkOptions::constant(link));
//! println!("the server behind the link: {}", relay.url());
//! relay.kill_after(Direction::Up, 100_000, Death::Silence);
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what cannot be set up fails the test that wants it"
)]

mod connection;
mod flight;
mod gate;
mod pipe;
mod relay;
mod shape;
mod state;
mod wire;

pub use gate::Death;
pub use relay::Relay;
pub use state::{Direction, LinkOptions, Schedule, Stalls};
