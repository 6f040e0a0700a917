//! One request and its answer, whatever they hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tandem_core::{Endpoint, Secret, TokenSource};
use tandem_wire::{HEADER_LENGTH, Payload};

use crate::body::{Chunks, read_start, read_whole};
use crate::connect;
use crate::connection::{Alarm, Connection};
use crate::failure::{Failure, Phase};
use crate::site::Site;

/// What is sent, and within which bounds.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) site: Arc<Site>,
    pub(crate) path: String,
    /// The body of a `POST`; `None` is a `GET`.
    pub(crate) payload: Option<Payload>,
    /// Bytes of nothing in the request's head.
    pub(crate) padding: usize,
    pub(crate) token: Option<Arc<dyn TokenSource>>,
    pub(crate) bounds: Bounds,
}

/// How long an exchange may take and how much may come back.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    connect_timeout: Duration,
    /// When the endpoint's own time is over; `None` where that is never.
    limit: Option<Instant>,
    timeout: Duration,
    max_answer_bytes: u64,
}

impl Bounds {
    /// The bounds of `endpoint` for a call that begins now.
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        Self {
            connect_timeout: endpoint.connect_timeout,
            limit: Instant::now().checked_add(endpoint.timeout),
            timeout: endpoint.timeout,
            max_answer_bytes: endpoint.max_answer_bytes,
        }
    }

    /// What is said when the endpoint's time is over.
    fn too_late(&self) -> String {
        format!("no answer within {:?}", self.timeout)
    }
}

/// An answer of any status.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Whole where the status is a success, the start of it otherwise.
    pub(crate) body: Bytes,
    /// The token that was sent, to be kept out of texts.
    pub(crate) secret: Option<Secret>,
    pub(crate) phases: Phases,
}

/// How long the parts of an exchange took on the connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Phases {
    pub(crate) connect: Duration,
    pub(crate) upload: Duration,
    pub(crate) wait: Duration,
    pub(crate) download: Duration,
}

/// An exchange that failed on its connection.
struct Broken {
    failure: Failure,
    /// The endpoint cannot have had the whole request.
    unsent: bool,
}

impl Call {
    /// Sends the request and reads the answer. A token that is refused is refreshed, once.
    ///
    /// `kept` is a connection from before, if there is one, and afterwards the one to keep.
    pub(crate) async fn perform(&self, kept: &mut Option<Connection>) -> Result<Reply, Failure> {
        let Some(source) = &self.token else {
            return self.send(kept, None).await;
        };
        let token = ask(source, false).await?.map_err(|error| Failure::Token(error.to_string()))?;
        let reply = self.send(kept, Some(token)).await?;
        if !is_refusal(reply.status) {
            return Ok(reply);
        }
        let token = ask(source, true).await?.map_err(|error| Failure::Unauthorized {
            status: reply.status.as_u16(),
            detail: error.to_string(),
        })?;
        self.send(kept, Some(token)).await
    }

    /// Sends the request on the connection that was kept, or on a new one where there is none or it turns out dead
    /// before the request was through.
    async fn send(&self, kept: &mut Option<Connection>, token: Option<Secret>) -> Result<Reply, Failure> {
        if let Some(connection) = kept.take()
            && connection.is_open().await
        {
            match self.send_on(connection, kept, token.clone(), Duration::ZERO).await {
                Err(Broken { unsent: true, failure: Failure::Lost(..) }) => {}
                done => return done.map_err(|broken| broken.failure),
            }
        }
        let begin = Instant::now();
        let connection = self.connect().await?;
        self.send_on(connection, kept, token, begin.elapsed()).await.map_err(|broken| broken.failure)
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let opening = connect::open(&self.site.address, self.site.tls.as_ref());
        let time = self.bounds.connect_timeout;
        let mut alarm = Alarm::default();
        alarm.set(self.bounds.limit);
        match alarm.within(tokio::time::timeout(time, opening)).await {
            Some(Ok(opened)) => Connection::start(opened?).await,
            Some(Err(_)) => Err(Failure::Unreachable(format!("no connection within {time:?}"))),
            None => Err(Failure::Unreachable(self.bounds.too_late())),
        }
    }

    async fn send_on(
        &self,
        mut connection: Connection,
        kept: &mut Option<Connection>,
        token: Option<Secret>,
        connect: Duration,
    ) -> Result<Reply, Broken> {
        let whole = |failure| Broken { failure, unsent: false };
        let request = self.request(token.as_ref()).map_err(whole)?;
        let body_bytes = self.payload.as_ref().map_or(0, Payload::byte_len) as u64;
        connection.meter.begin();
        connection.alarm.set(self.bounds.limit);
        let sending = connection.alarm.within(connection.sender.try_send_request(request)).await;
        let marks = connection.meter.marks();
        // The head takes bytes too: with no more than the body's written, the body's end was not.
        let unsent = marks.written <= body_bytes;
        let phase = if unsent { Phase::Upload } else { Phase::Wait };
        let response = match sending {
            Some(Ok(response)) => response,
            Some(Err(error)) => {
                return Err(Broken { failure: Failure::of_http(error.error(), phase), unsent });
            }
            None => return Err(whole(Failure::Lost(phase, self.bounds.too_late()))),
        };
        let (status, headers, body, ended) =
            self.read(response, &mut connection.alarm).await.map_err(whole)?;
        let end = Instant::now();
        let head = marks.first_read.unwrap_or(end);
        let last_write = marks.last_write.unwrap_or(head);
        let phases = Phases {
            connect,
            upload: last_write.saturating_duration_since(marks.first_write.unwrap_or(last_write)),
            wait: head.saturating_duration_since(last_write),
            download: end.saturating_duration_since(head),
        };
        if ended && connection.settle().await {
            *kept = Some(connection);
        }
        Ok(Reply { status, headers, body, secret: token, phases })
    }

    fn request(&self, token: Option<&Secret>) -> Result<Request<Chunks>, Failure> {
        let mut request =
            Request::new(Chunks::new(self.payload.as_ref().map_or_else(Vec::new, |it| it.chunks.clone())));
        *request.uri_mut() =
            self.path.parse().map_err(|error| Failure::Internal(format!("path {:?}: {error}", self.path)))?;
        let host = HeaderValue::from_str(self.site.address.authority.as_str())
            .map_err(|error| Failure::Configuration(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tandem/", env!("CARGO_PKG_VERSION"))));
        if self.padding > 0 {
            let nothing = HeaderValue::from_bytes(&vec![b'0'; self.padding]);
            headers.insert("x-padding", nothing.map_err(|error| Failure::Internal(error.to_string()))?);
        }
        if let Some(payload) = &self.payload {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(payload.content_type()));
            if let Some(length) = payload.header_length {
                headers.insert(HEADER_LENGTH, length.into());
            }
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(|_| {
                Failure::Configuration("the bearer token has characters that a header cannot hold".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if self.payload.is_some() {
            *request.method_mut() = Method::POST;
        }
        Ok(request)
    }

    /// Reads the body of an answer; says whether it was read to its end.
    async fn read(
        &self,
        response: Response<Incoming>,
        alarm: &mut Alarm,
    ) -> Result<(StatusCode, HeaderMap, Bytes, bool), Failure> {
        /// The text of a failure is not waited for any longer: its status is already known.
        const TEXT_TIME: Duration = Duration::from_secs(1);
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            let reading = read_whole(body, self.bounds.max_answer_bytes);
            let Some(body) = alarm.within(reading).await else {
                return Err(Failure::Lost(Phase::Download, self.bounds.too_late()));
            };
            return Ok((head.status, head.headers, body?, true));
        }
        let mut start = Vec::new();
        let ended = tokio::time::timeout(TEXT_TIME, read_start(body, &mut start)).await.unwrap_or(false);
        Ok((head.status, head.headers, start.into(), ended))
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Asks for the token on a thread that may block.
async fn ask(
    source: &Arc<dyn TokenSource>,
    refresh: bool,
) -> Result<Result<Secret, tandem_core::TokenError>, Failure> {
    let source = source.clone();
    tokio::task::spawn_blocking(move || source.token(refresh))
        .await
        .map_err(|_| Failure::Internal("the token source panicked".to_owned()))
}
