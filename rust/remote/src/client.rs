//! The client: from a call to its outputs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tandem_core::{
    Control, Endpoint, InputError, ModelInfo, NamedTensors, Remote, RemoteAnswer, RemoteError, RemoteRequest,
    RemoteTiming, ServerCounts, WireFormat,
};
use tandem_wire::{
    COMPUTE_METRIC, EncodeError, Form, InferRequest, InferResponse, Payload, QUEUE_METRIC, RequestedOutput,
    ServerMetadata, parse_server_timing, parse_statistics, scalar_as_row,
};

use crate::address::model_path;
use crate::answer;
use crate::connection::Connection;
use crate::exchange::{Bounds, Call, Reply};
use crate::failure::Failure;
use crate::lane::Stopped;
use crate::site::{Site, Sites};
use crate::status::{is_overload, refusal};

/// Padding that a question may carry, in bytes: half of what servers let a request's head be.
const MOST_PADDING: usize = 4 << 10;

/// Runs models on endpoints over HTTP/1.1.
///
/// Create one and share it: it keeps connections, TLS sessions and what it learned of each endpoint. Any number of
/// threads may call it at once, those of an async runtime included. It has no thread of its own: a call drives its
/// connection on the thread that makes it. Dropping the client closes every connection and waits for nothing.
///
/// Errors are those of [`RemoteError`]; none of them, and no line of the log, repeats tensors or credentials.
pub struct HttpRemote {
    sites: Sites,
    /// Together they make a request's `id` where the caller gives none.
    ids: (u64, AtomicU64),
}

impl HttpRemote {
    /// A client with no connection yet.
    pub fn new() -> Self {
        Self { sites: Sites::default(), ids: (RandomState::new().hash_one(0), AtomicU64::new(0)) }
    }

    fn site(&self, endpoint: &Endpoint) -> Result<Arc<Site>, RemoteError> {
        self.sites.of(endpoint).map_err(|detail| Failure::Configuration(detail).at(&endpoint.name))
    }

    fn encode(
        &self,
        request: &RemoteRequest<'_>,
        wanted: &[String],
        form: Form,
    ) -> Result<Payload, RemoteError> {
        let inputs = request.inputs.iter().map(|(name, tensor)| (name, scalar_as_row(tensor)));
        let id = request.id.map_or_else(
            || format!("{:016x}-{}", self.ids.0, self.ids.1.fetch_add(1, Ordering::Relaxed)),
            str::to_owned,
        );
        let outputs = wanted.iter().map(|name| RequestedOutput { name: name.clone(), form });
        let message = InferRequest {
            id: Some(id),
            inputs: NamedTensors::new(inputs)?,
            outputs: outputs.collect(),
            default_form: Form::Json,
        };
        let payload = message.encode(form).map_err(encode_error)?;
        let (got, limit) = (payload.byte_len() as u64, request.endpoint.max_request_bytes);
        if got > limit {
            let endpoint = request.endpoint.name.clone();
            return Err(RemoteError::TooLarge { endpoint, what: "request", got, limit });
        }
        Ok(payload)
    }
}

impl Remote for HttpRemote {
    fn infer(&self, request: &RemoteRequest<'_>, control: &Control) -> Result<RemoteAnswer, RemoteError> {
        control.check(Instant::now())?;
        let endpoint = request.endpoint;
        let bounds = Bounds::new(endpoint);
        request.model.check_inputs(request.inputs)?;
        let wanted = request.model.wanted_outputs(request.wanted)?;
        let misconfigured = |detail| Failure::Configuration(detail).at(&endpoint.name);
        let model = endpoint.model_name(&request.model.name);
        let path = model_path(model, "infer").map_err(misconfigured)?;
        let site = self.site(endpoint)?;
        let form = form(endpoint, control, &site, bounds)?;

        let begin = Instant::now();
        let payload = self.encode(request, &wanted, form)?;
        let encode = begin.elapsed();
        let request_bytes = payload.byte_len() as u64;
        control.check(Instant::now())?;

        let call = call(endpoint, &site, path, Some(payload), bounds);
        let reply = run(endpoint, control, &site, async |kept| call.perform(kept).await)?;
        log::debug!(
            "endpoint {:?}, model {model:?}: status {}, {request_bytes} bytes up, {} down",
            endpoint.name,
            reply.status.as_u16(),
            reply.body.len()
        );
        if !reply.status.is_success() {
            return Err(refusal(&endpoint.name, model, request_bytes, &reply));
        }

        let begin = Instant::now();
        let outputs = decode(&reply, request, &wanted)
            .map_err(|detail| Failure::InvalidAnswer(detail).at(&endpoint.name))?;
        let said = |metric| {
            let values = reply.headers.get_all("server-timing").iter();
            values
                .filter_map(|value| value.to_str().ok())
                .find_map(|value| parse_server_timing(value, metric))
        };
        let timing = RemoteTiming {
            encode,
            connect: reply.phases.connect,
            upload: reply.phases.upload,
            wait: reply.phases.wait,
            download: reply.phases.download,
            decode: begin.elapsed(),
            server: said(COMPUTE_METRIC),
            queue: said(QUEUE_METRIC),
            request_bytes,
            answer_bytes: reply.body.len() as u64,
        };
        Ok(RemoteAnswer { outputs, timing })
    }

    fn is_ready(&self, endpoint: &Endpoint, control: &Control) -> Result<bool, RemoteError> {
        control.check(Instant::now())?;
        let bounds = Bounds::new(endpoint);
        let site = self.site(endpoint)?;
        let call = call(endpoint, &site, "/v2/health/ready".to_owned(), None, bounds);
        let reply = run(endpoint, control, &site, async |kept| call.perform(kept).await)?;
        Ok(reply.status.is_success())
    }

    fn look(
        &self,
        endpoint: &Endpoint,
        padding: u64,
        control: &Control,
    ) -> Result<Option<RemoteTiming>, RemoteError> {
        control.check(Instant::now())?;
        let bounds = Bounds::new(endpoint);
        let site = self.site(endpoint)?;
        let padding = usize::try_from(padding).unwrap_or(usize::MAX).min(MOST_PADDING);
        let call = Call { padding, ..call(endpoint, &site, "/v2/health/ready".to_owned(), None, bounds) };
        let reply = run(endpoint, control, &site, async |kept| call.perform(kept).await)?;
        Ok(Some(RemoteTiming {
            connect: reply.phases.connect,
            upload: reply.phases.upload,
            wait: reply.phases.wait,
            download: reply.phases.download,
            request_bytes: padding as u64,
            answer_bytes: reply.body.len() as u64,
            ..RemoteTiming::default()
        }))
    }

    fn counts(
        &self,
        endpoint: &Endpoint,
        model: &ModelInfo,
        control: &Control,
    ) -> Result<Option<ServerCounts>, RemoteError> {
        control.check(Instant::now())?;
        let bounds = Bounds::new(endpoint);
        let misconfigured = |detail| Failure::Configuration(detail).at(&endpoint.name);
        let path = model_path(endpoint.model_name(&model.name), "stats").map_err(misconfigured)?;
        let site = self.site(endpoint)?;
        let call = call(endpoint, &site, path, None, bounds);
        let reply = run(endpoint, control, &site, async |kept| call.perform(kept).await)?;
        if is_overload(reply.status) {
            return Err(refusal(&endpoint.name, &model.name, 0, &reply));
        }
        Ok(reply.status.is_success().then(|| parse_statistics(&reply.body)).flatten())
    }
}

impl Default for HttpRemote {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs an exchange on a lane of the endpoint.
fn run<T: Send>(
    endpoint: &Endpoint,
    control: &Control,
    site: &Site,
    work: impl AsyncFnOnce(&mut Option<Connection>) -> Result<T, Failure> + Send,
) -> Result<T, RemoteError> {
    let internal = |detail| RemoteError::Internal { detail };
    let mut lane = site.lanes.take().map_err(|error| internal(format!("no runtime: {error}")))?;
    let result = lane.run(control, work);
    site.lanes.put(lane);
    match result {
        Ok(done) => done.map_err(|failure| failure.at(&endpoint.name)),
        Err(Stopped::Interrupted(interrupt)) => Err(interrupt.into()),
        Err(Stopped::Broken) => Err(internal("the exchange was dropped".to_owned())),
    }
}

fn call(
    endpoint: &Endpoint,
    site: &Arc<Site>,
    path: String,
    payload: Option<Payload>,
    bounds: Bounds,
) -> Call {
    Call { site: site.clone(), path, payload, padding: 0, token: endpoint.token.clone(), bounds }
}

/// The form in which tensors travel to `endpoint`: what is configured, else what the endpoint was found to
/// speak.
fn form(
    endpoint: &Endpoint,
    control: &Control,
    site: &Arc<Site>,
    bounds: Bounds,
) -> Result<Form, RemoteError> {
    match endpoint.wire {
        WireFormat::Binary => return Ok(Form::Binary),
        WireFormat::Json => return Ok(Form::Json),
        WireFormat::Auto => {}
    }
    if let Some(form) = site.form.get() {
        return Ok(*form);
    }
    let call = call(endpoint, site, "/v2".to_owned(), None, bounds);
    let found = run(endpoint, control, site, async |kept| {
        // Only one caller asks; the others wait for what it learns.
        let learned = site.form.get_or_try_init(|| probe(&call, kept)).await;
        learned.copied().map_or_else(ProbeError::settled, |form| Ok(Ok(form)))
    })?;
    found.map_err(|reply| refusal(&endpoint.name, "", 0, &reply))
}

/// A question that taught nothing that lasts.
enum ProbeError {
    /// No answer.
    Failed(Failure),
    /// An answer that says to come back later.
    Later(Box<Reply>),
    /// An answer that says nothing of the extension, and may say more another time.
    Unclear,
}

impl ProbeError {
    /// What it means for the call that asked.
    fn settled(self) -> Result<Result<Form, Box<Reply>>, Failure> {
        match self {
            Self::Failed(failure) => Err(failure),
            Self::Later(reply) => Ok(Err(reply)),
            Self::Unclear => Ok(Ok(Form::Json)),
        }
    }
}

/// Asks the endpoint what it can do. A server that answers without listing the binary extension is sent JSON.
async fn probe(call: &Call, kept: &mut Option<Connection>) -> Result<Form, ProbeError> {
    let reply = call.perform(kept).await.map_err(ProbeError::Failed)?;
    if reply.status.is_success() {
        let metadata = serde_json::from_slice::<ServerMetadata>(&reply.body);
        let binary = metadata.is_ok_and(|metadata| metadata.lists_binary());
        return Ok(if binary { Form::Binary } else { Form::Json });
    }
    match reply.status.as_u16() {
        404 | 405 | 501 => Ok(Form::Json),
        _ if is_overload(reply.status) => Err(ProbeError::Later(Box::new(reply))),
        _ => Err(ProbeError::Unclear),
    }
}

fn encode_error(error: EncodeError) -> RemoteError {
    let detail = error.to_string();
    match error {
        EncodeError::NoJsonForm { name, .. }
        | EncodeError::NotFinite { name, .. }
        | EncodeError::StringTooLong { name, .. } => InputError::Value { name, detail }.into(),
        _ => RemoteError::Internal { detail },
    }
}

fn decode(reply: &Reply, request: &RemoteRequest<'_>, wanted: &[String]) -> Result<NamedTensors, String> {
    let header_length = answer::header_length(&reply.headers)?;
    let response = InferResponse::decode(&reply.body, header_length).map_err(|error| error.to_string())?;
    answer::check(&response, request.model, request.inputs, wanted)
}
