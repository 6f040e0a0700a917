//! One connection through the link: a socket on either side of it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::flight::Flight;
use super::gate::Over;
use super::shape::SEGMENT;
use super::state::Direction;

/// What the kernel keeps of a direction on its way into the relay, and out of it: little, so that what waits waits with
/// the sender.
const BUFFER: usize = 4 * 1024;

/// How often a blocked socket looks whether its connection is over.
const LOOK: Duration = Duration::from_millis(5);

/// A connection lives no longer than this.
const LIFETIME: Duration = Duration::from_mins(10);

/// A socket whose buffers are small, and whose peer sends packets as on Ethernet: with those of loopback, of 64 kB, its
/// kernel would take some megabytes before it lets the sender wait.
fn socket(address: &SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(4 * BUFFER)?;
    socket.set_tcp_mss(u32::try_from(SEGMENT).unwrap_or(u32::MAX))?;
    Ok(socket)
}

/// A listener on a port of loopback.
pub(super) fn listen() -> io::Result<TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = socket(&address)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// Lets the peer read a reset once the socket is let go of.
pub(super) fn refuse(stream: &TcpStream) {
    // Fails where the peer has gone, and is then not needed.
    drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}

/// The two ends of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    flights: [Flight; 2],
    over: AtomicBool,
    end: Instant,
}

impl Connection {
    /// Joins an accepted connection to a new one to the server.
    pub(super) fn new(client: TcpStream, server: SocketAddr) -> io::Result<Self> {
        // Until there is a server, whatever fails is told to the client.
        refuse(&client);
        let socket = socket(&server)?;
        socket.connect_timeout(&server.into(), Duration::from_secs(5))?;
        SockRef::from(&client).set_linger(None)?;
        let server = TcpStream::from(socket);
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LOOK))?;
            stream.set_write_timeout(Some(LOOK))?;
        }
        let (over, end) = (AtomicBool::new(false), Instant::now() + LIFETIME);
        Ok(Self { client, server, flights: Default::default(), over, end })
    }

    /// Whether nothing passes any more.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || Instant::now() > self.end
    }

    /// What is under way in that direction.
    pub(super) const fn flight(&self, direction: Direction) -> &Flight {
        &self.flights[direction.index()]
    }

    /// Ends the connection: once its threads have let go of it, which they do at once, both sides read a reset.
    pub(super) fn reset(&self) {
        self.over.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            refuse(stream);
            // Wakes who reads here, and tells the peer nothing. Fails where the peer has gone.
            drop(stream.shutdown(Shutdown::Read));
        }
        self.flights.iter().for_each(Flight::wake);
    }

    const fn sender(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::Up => &self.client,
            Direction::Down => &self.server,
        }
    }

    const fn receiver(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::Up => &self.server,
            Direction::Down => &self.client,
        }
    }

    /// Reads what the sender has written: nothing where it has closed.
    pub(super) fn read(&self, direction: Direction, buffer: &mut [u8]) -> Result<usize, Over> {
        self.patiently(|| self.sender(direction).read(buffer))
    }

    /// Writes to the receiver.
    pub(super) fn write(&self, direction: Direction, mut bytes: &[u8]) -> Result<(), Over> {
        while !bytes.is_empty() {
            let written = self.patiently(|| self.receiver(direction).write(bytes))?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Tells the receiver that no more comes.
    pub(super) fn close(&self, direction: Direction) {
        // Fails where the peer has gone, which is as well.
        drop(self.receiver(direction).shutdown(Shutdown::Write));
    }

    fn patiently(&self, mut operation: impl FnMut() -> io::Result<usize>) -> Result<usize, Over> {
        loop {
            if self.is_over() {
                return Err(Over);
            }
            match operation() {
                // A reset lets a read end as if the peer had closed.
                Ok(_) if self.is_over() => return Err(Over),
                Ok(count) => return Ok(count),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(_) => return Err(Over),
            }
        }
    }
}
