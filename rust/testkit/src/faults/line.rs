//! One connection of the server, plain or TLS, that ends when the server does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

/// How often a blocked socket looks whether the server stops.
const LOOK: Duration = Duration::from_millis(50);

/// A connection lives no longer than this.
const LIFETIME: Duration = Duration::from_mins(1);

/// A socket whose reads and writes end when the server stops.
struct Socket<'a> {
    stream: TcpStream,
    stop: &'a AtomicBool,
    end: Instant,
}

impl Socket<'_> {
    fn patiently(
        &mut self,
        mut operation: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match operation(&mut self.stream) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.check()?;
                }
                done => return done,
            }
        }
    }

    /// An error once the server stops or the connection is too old.
    fn check(&self) -> io::Result<()> {
        if self.stop.load(Ordering::SeqCst) || Instant::now() > self.end {
            return Err(io::Error::other("the server stops"));
        }
        Ok(())
    }
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.read(buffer))
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection.
pub(super) struct Line<'a>(Kind<'a>);

enum Kind<'a> {
    Plain(Socket<'a>),
    Tls(Box<StreamOwned<ServerConnection, Socket<'a>>>),
}

impl<'a> Line<'a> {
    /// Takes over an accepted connection. The handshake, if there is one, happens with the first read.
    pub(super) fn new(
        stream: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        stop: &'a AtomicBool,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(LOOK))?;
        let socket = Socket { stream, stop, end: Instant::now() + LIFETIME };
        Ok(Self(match tls {
            None => Kind::Plain(socket),
            Some(config) => {
                let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                Kind::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        }))
    }

    fn socket(&mut self) -> &mut Socket<'a> {
        match &mut self.0 {
            Kind::Plain(socket) => socket,
            Kind::Tls(stream) => &mut stream.sock,
        }
    }

    /// Ends the connection without a word: the other side reads a reset.
    pub(super) fn reset(mut self) -> io::Result<()> {
        SockRef::from(&self.socket().stream).set_linger(Some(Duration::ZERO))
    }

    /// Closes this side of the connection in order: what was sent arrives.
    pub(super) fn close(mut self) -> io::Result<Self> {
        if let Kind::Tls(stream) = &mut self.0 {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        self.socket().stream.shutdown(Shutdown::Write)?;
        Ok(self)
    }

    /// Reads whatever still comes until the other side is closed too.
    pub(super) fn drain(mut self) -> io::Result<()> {
        io::copy(self.socket(), &mut io::sink()).map(drop)
    }

    /// Neither reads nor writes until the other side has gone.
    pub(super) fn wait_until_gone(mut self) -> io::Result<()> {
        // A peek sees the end of the stream only once all before it is read, and an error at once.
        let socket = self.socket();
        loop {
            socket.check()?;
            match socket.stream.take_error()? {
                Some(error) => return Err(error),
                None => std::thread::sleep(LOOK),
            }
            if matches!(socket.stream.peek(&mut [0]), Ok(0)) {
                return Ok(());
            }
        }
    }

    /// Waits, unless the server stops.
    pub(super) fn pause(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.socket().check()?;
            std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

impl Read for Line<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.read(buffer),
            Kind::Tls(stream) => {
                let read = stream.read(buffer);
                if read.is_err() {
                    // The alert that says why goes out before the connection ends.
                    while stream.conn.wants_write() && stream.conn.write_tls(&mut stream.sock).is_ok() {}
                    stream.sock.stream.shutdown(Shutdown::Write)?;
                    io::copy(&mut stream.sock, &mut io::sink())?;
                }
                read
            }
        }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.write(bytes),
            Kind::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.flush(),
            Kind::Tls(stream) => stream.flush(),
        }
    }
}
