//! A server that runs beside its caller.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::app::App;
use crate::listener::Connections;
use crate::routes::Routes;
use crate::{ServerConfig, ServerError, tls};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long cancelled runs are waited for once the grace is over.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A server that runs beside its caller, on threads of its own. Dropping it shuts it down.
///
/// All methods may be called from any thread, an asynchronous one included, and block as they say.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    ended: Arc<Ended>,
}

/// What a server says of one version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelStatus {
    /// The model's name.
    pub name: String,
    /// The version; `None` for a model that has none.
    pub version: Option<u64>,
    /// Why it is not served; `None` where it is.
    pub reason: Option<String>,
}

#[derive(Default)]
struct Ended {
    is: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    /// Starts a server. Blocks until its models are loaded and it listens.
    ///
    /// A model that cannot be loaded does not stop the others: [`Server::models`] names it and the reason.
    pub fn start(config: ServerConfig) -> Result<Self, ServerError> {
        config.check()?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.io_threads)
            .thread_name("tandem-io")
            .enable_all()
            .build()
            .map_err(ServerError::Threads)?;
        let listen = |source| ServerError::Listen { address: config.address, source };
        let listener = bind(&runtime, config.address).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let app = Arc::new(App::start(&config)?);
        let connections = Connections {
            routes: Arc::new(Routes::new(app.clone(), config.token)),
            tls,
            idle: config.idle_timeout,
            most: config.max_connections,
        };
        let (stop, stopped) = oneshot::channel();
        let ended = Arc::new(Ended::default());
        let (app_of_thread, ended_of_thread) = (app.clone(), ended.clone());
        thread::Builder::new()
            .name("tandem-server".to_owned())
            .spawn(move || {
                serve(runtime, connections, listener, stopped, &app_of_thread, config.shutdown_grace);
                ended_of_thread.tell();
            })
            .map_err(ServerError::Threads)?;
        log::info!("listening on {address}");
        Ok(Self { address, app, stop: Mutex::new(Some(stop)), ended })
    }

    /// Where the server listens: the port is the one that was taken where the configuration has 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every version of every model of the repository, those that are not served included.
    pub fn models(&self) -> Vec<ModelStatus> {
        let lines = self.app.repository.index().map(|line| ModelStatus {
            name: line.name.to_owned(),
            version: line.version,
            reason: line.reason.map(str::to_owned),
        });
        lines.collect()
    }

    /// Accepts no more connections, finishes what runs for at most the configured grace, cancels what is left, and
    /// returns once all has ended. Shutting down again waits too.
    pub fn shutdown(&self) {
        self.tell_to_stop();
        self.wait();
    }

    /// Blocks until the server has ended: until another thread has called [`Server::shutdown`].
    pub fn wait(&self) {
        self.ended.wait();
    }

    fn tell_to_stop(&self) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stop) = stop {
            self.app.begin_stopping();
            // Gone where the server has ended by itself.
            let _ended = stop.send(()).is_err();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Ended {
    fn tell(&self) {
        *self.is.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let ended = self.is.lock().unwrap_or_else(PoisonError::into_inner);
        let _ended = self.changed.wait_while(ended, |ended| !*ended).unwrap_or_else(PoisonError::into_inner);
    }
}

fn bind(runtime: &Runtime, address: SocketAddr) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port whose last connections are still being closed may be taken again.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn serve(
    runtime: Runtime,
    connections: Connections,
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
    app: &App,
    grace: Duration,
) {
    runtime.block_on(async {
        let open = connections.accept(listener, stopped).await;
        if timeout(grace, open.shutdown()).await.is_err() {
            log::warn!("cancelling what still runs {grace:?} after the shutdown");
        }
    });
    // Drops the connections that are left, and with their requests' handlers cancels the runs.
    runtime.shutdown_timeout(LAST_WAIT);
    if !app.pool.stop(LAST_WAIT) {
        log::warn!("a run goes on after the shutdown until it can be stopped");
    }
}
