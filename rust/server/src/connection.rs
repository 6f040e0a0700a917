//! One connection: HTTP/1.1, how long it may be idle, and how it ends when the server stops.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use http::header::EXPECT;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::activity::{Activity, Answering};
use crate::body::Lingering;
use crate::routes::Routes;
use crate::stall::Stall;

/// Bytes that a connection reads ahead.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;

/// How long an idle connection is listened to once the server stops: a request may be on its way.
const LAST_CALL: Duration = Duration::from_millis(50);

/// How long the rest of a head is waited for then.
const LAST_HEAD: Duration = Duration::from_secs(5);

/// Serves requests until the other side or `stop` ends the connection. A connection that brings no whole head for `idle` is
/// closed.
///
/// Once `stop` is told, a request that is being answered, or whose head has come in part, is answered, and the connection
/// closed after it.
pub(crate) async fn serve<S>(stream: S, routes: Arc<Routes>, idle: Duration, mut stop: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let seen = activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = Answering::begin(&seen);
        let routes = routes.clone();
        async move {
            // A client that waits for leave to send its body sends none after a refusal.
            let response = if request.headers().contains_key(EXPECT) {
                routes.answer(request).await
            } else {
                routes.answer(request.map(Lingering::new)).await
            };
            drop(answering);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    http.max_header_size(HEAD_BYTES).max_buf_size(BUFFER_BYTES);
    let stream = TokioIo::new(Stall::new(stream, idle, activity.clone()));
    let mut connection = pin!(http.serve_connection(stream, service));
    let mut stopping = pin!(stop.changed());
    let mut alarm = pin!(sleep(idle));
    let mut stage = Stage::Serving;
    let ended = poll_fn(|context| {
        // First of all, so that what has come is known.
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            return Poll::Ready(ended.map_err(|error| error.to_string()));
        }
        if stage == Stage::Serving && stopping.as_mut().poll(context).is_ready() {
            stage = Stage::LastCall;
            alarm.as_mut().reset(Instant::now() + LAST_CALL);
        }
        loop {
            let rang = alarm.as_mut().poll(context).is_ready();
            let in_a_head = activity.has_begun_a_head();
            let closes = match stage {
                Stage::Serving | Stage::Closing => false,
                Stage::LastCall => activity.is_answering() || (rang && !in_a_head),
                Stage::LastHead => !in_a_head,
            };
            if closes {
                stage = Stage::Closing;
                connection.as_mut().graceful_shutdown();
                return connection.as_mut().poll(context).map_err(|error| error.to_string());
            }
            let next = match stage {
                Stage::Serving if rang => match activity.idle_until(idle) {
                    Some(moment) => moment,
                    None => return Poll::Ready(Err(format!("no request came for {idle:?}"))),
                },
                Stage::LastCall if rang => {
                    stage = Stage::LastHead;
                    Instant::now() + LAST_HEAD
                }
                Stage::LastHead if rang => {
                    return Poll::Ready(Err("a head did not come to its end".to_owned()));
                }
                _ => return Poll::Pending,
            };
            alarm.as_mut().reset(next);
        }
    });
    if let Err(error) = ended.await {
        log::debug!("a connection ended: {error}");
    }
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// The server stops: a request may still come.
    LastCall,
    /// A part of one has come.
    LastHead,
    /// The connection ends once the request that it is at is answered.
    Closing,
}
