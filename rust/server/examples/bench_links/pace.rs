//! A device and a server of other speeds than this machine's: both are slowed, by waiting, after the real work.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tandem::{DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, Runtime, Tensor, TensorError};
use tandem_testkit::fakes::slow_model;

/// The engine, each run of which takes `factor` times as long.
pub(crate) struct PacedEngine {
    pub(crate) runtime: Runtime,
    pub(crate) factor: f64,
}

impl Engine for PacedEngine {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        let factor = self.factor;
        Ok(slow_model(self.runtime.engine().load(source, options)?, move |took| rest(took, factor)))
    }

    fn tensor(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, TensorError> {
        self.runtime.engine().tensor(dtype, shape, bytes)
    }
}

/// What is to be waited until something that took so long has taken `factor` times as long.
fn rest(took: Duration, factor: f64) -> Duration {
    took.mul_f64((factor - 1.0).max(0.0))
}

/// A hop before `server` that holds each answer back until it has taken `factor` times as long. It lives as long as the
/// process.
pub(crate) fn slowed(server: SocketAddr, factor: f64) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || carry(client, server, factor));
        }
    });
    Ok(address)
}

fn carry(client: TcpStream, server: SocketAddr, factor: f64) -> io::Result<()> {
    let upstream = TcpStream::connect(server)?;
    upstream.set_nodelay(true)?;
    client.set_nodelay(true)?;
    // When the last bytes of a request went on.
    let asked = Arc::new(Mutex::new(None));
    let (mut from, mut to, note) = (client.try_clone()?, upstream.try_clone()?, asked.clone());
    thread::spawn(move || {
        let passed = pass(&mut from, &mut to, || {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        });
        to.shutdown(Shutdown::Write).and(passed)
    });
    let (mut from, mut to) = (upstream, client);
    let passed = pass(&mut from, &mut to, || {
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(asked) = asked {
            thread::sleep(rest(asked.elapsed(), factor));
        }
    });
    to.shutdown(Shutdown::Both).and(passed)
}

/// Passes on what comes until the end; `each` is told before every piece.
fn pass(from: &mut TcpStream, to: &mut TcpStream, mut each: impl FnMut()) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        each();
        to.write_all(&buffer[..count])?;
    }
}
