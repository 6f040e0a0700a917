//! Running a model.

mod chunks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tandem_core::CancellationToken;
use tandem_wire::{COMPUTE_METRIC, HEADER_LENGTH, QUEUE_METRIC, format_server_timing, parse_header_length};
use tokio::sync::oneshot;

use self::chunks::Chunks;
use super::model_path::ModelPath;
use crate::app::App;
use crate::execution::{Answered, Job};
use crate::pool::NotTaken;
use crate::refusal::Refusal;
use crate::served::Served;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const JSON_LENGTH: HeaderName = HeaderName::from_static(HEADER_LENGTH);

/// Bytes up to which an answer is copied into one piece.
const ONE_PIECE: usize = 16 << 10;

/// [`infer`] for paths that only the router can read.
pub(super) async fn routed(
    State(app): State<Arc<App>>,
    path: ModelPath,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    infer(&app, &path, &parts.headers, body).await
}

/// Runs a model and answers in the forms that the request asks for.
pub(super) async fn infer<B>(
    app: &App,
    path: &ModelPath,
    headers: &HeaderMap,
    body: B,
) -> Result<Response, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let started = Instant::now();
    let (lane, served) = app.repository.find(&path.model, path.version.as_deref())?;
    let result = run(app, lane, served, headers, body, started).await;
    let total = started.elapsed();
    let response = match result {
        Ok(answered) => respond(answered, total)?,
        Err(refusal) => refusal.into_response(),
    };
    served.stats.lock().answered(response.status().as_u16(), total);
    Ok(response)
}

async fn run<B>(
    app: &App,
    lane: usize,
    served: &Served,
    headers: &HeaderMap,
    body: B,
    started: Instant,
) -> Result<Answered, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    check_encoding(headers)?;
    let header_length = header_length(headers)?;
    let body = app.reader.read(body, started).await?;
    let waiting = CancelOnDrop(CancellationToken::new());
    let (reply, answer) = oneshot::channel();
    let job = Job { body, header_length, queued: Instant::now(), token: waiting.0.clone(), reply };
    app.submit(lane, served, job).map_err(|not_taken| match not_taken {
        NotTaken::Full => {
            let capacity = served.policy.capacity;
            Refusal::unavailable(format!(
                "{capacity} requests wait for model {:?}: its queue is full",
                served.name
            ))
        }
        NotTaken::Stopping => Refusal::unavailable("the server is stopping"),
    })?;
    answer
        .await
        .unwrap_or_else(|_| Err(Refusal::internal(format!("a run of model {:?} failed", served.name))))
}

/// Cancels a run once nobody waits for it: the handler is dropped when the client goes away.
struct CancelOnDrop(CancellationToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        None => Ok(()),
        Some(encoding) => {
            let message = format!("content encoding {encoding:?} is not supported, send the body as it is");
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
    let mut values = headers.get_all(JSON_LENGTH).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Refusal::bad_request(format!("the header {HEADER_LENGTH} comes twice")));
    }
    let length = first.map(|value| parse_header_length(&String::from_utf8_lossy(value.as_bytes())));
    length.transpose().map_err(Refusal::from)
}

fn respond(answered: Answered, total: Duration) -> Result<Response, Refusal> {
    let Answered { payload, times } = answered;
    let content_type = HeaderValue::from_static(payload.content_type());
    let header_length = payload.header_length.map(HeaderValue::from);
    let timing = timing([(QUEUE_METRIC, times.queue), (COMPUTE_METRIC, times.infer), ("total", total)])?;
    // Small pieces are sent faster in one than one by one.
    let body = if payload.byte_len() <= ONE_PIECE {
        Body::from(payload.to_bytes())
    } else {
        Body::new(Chunks::new(payload.chunks))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(SERVER_TIMING, timing);
    if let Some(length) = header_length {
        headers.insert(JSON_LENGTH, length);
    }
    Ok(response)
}

fn timing(metrics: [(&str, Duration); 3]) -> Result<HeaderValue, Refusal> {
    let value = HeaderValue::try_from(format_server_timing(&metrics));
    value.map_err(|error| Refusal::internal(format!("the server timing has no form: {error}")))
}
