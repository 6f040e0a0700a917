//! A model that echoes its input, a server that answers for it, and a call on it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tandem_core::{
    CancellationToken, Control, DType, Dimension, Endpoint, EndpointTls, ModelInfo, NamedTensors, Remote,
    RemoteAnswer, RemoteError, RemoteRequest, Tensor, TensorInfo,
};
use tandem_remote::HttpRemote;
use tandem_testkit::faults::{Act, Received, answer};
use tandem_wire::{HEADER_LENGTH, InferRequest, InferResponse, Payload, parse_header_length};

/// Longer than any test takes that does not hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A model whose output `y` is its input `x`: f32, any number of rows of `columns`.
pub(crate) fn echo_model(columns: usize) -> ModelInfo {
    let info = |name: &str| TensorInfo {
        name: name.to_owned(),
        dtype: DType::F32,
        shape: Some(vec![Dimension::Symbol("n".to_owned()), Dimension::Fixed(columns)]),
    };
    ModelInfo::new("echo".into(), String::new(), 17, BTreeMap::new(), vec![info("x")], vec![info("y")])
}

/// One row for [`echo_model`], its values all different.
pub(crate) fn row(columns: usize) -> NamedTensors {
    let values = (0..=u16::MAX).cycle().take(columns).map(|i| f32::from(i) * 0.5 - 1.0).collect();
    NamedTensors::new([("x", Tensor::from_vec([1, columns], values).unwrap())]).unwrap()
}

/// An endpoint of that URL that speaks binary without being asked.
pub(crate) fn endpoint(url: impl Into<String>) -> Endpoint {
    Endpoint { wire: tandem_core::WireFormat::Binary, ..Endpoint::new("cloud", url) }
}

/// An endpoint of that URL that is known by this certificate.
pub(crate) fn trusting(url: impl Into<String>, anchor: &str) -> Endpoint {
    let tls = EndpointTls { trust_anchors: Some(anchor.as_bytes().to_vec()), ..EndpointTls::default() };
    Endpoint { tls, ..endpoint(url) }
}

/// Stops after [`PATIENCE`], or with the token.
pub(crate) fn control(token: &CancellationToken) -> Control {
    Control { token: token.clone(), deadline: Some(Instant::now() + PATIENCE) }
}

/// Runs [`echo_model`] of four columns.
pub(crate) fn call(remote: &HttpRemote, endpoint: &Endpoint) -> Result<RemoteAnswer, RemoteError> {
    call_with(remote, endpoint, 4, &control(&CancellationToken::new()))
}

/// Runs [`echo_model`] of so many columns.
pub(crate) fn call_with(
    remote: &HttpRemote,
    endpoint: &Endpoint,
    columns: usize,
    control: &Control,
) -> Result<RemoteAnswer, RemoteError> {
    let (model, inputs) = (echo_model(columns), row(columns));
    let wanted = ["y".to_owned()];
    let request = RemoteRequest { endpoint, model: &model, inputs: &inputs, wanted: &wanted, id: Some("7") };
    let begin = Instant::now();
    let result = remote.infer(&request, control);
    assert!(begin.elapsed() < PATIENCE, "the call ended with its deadline, not before: {result:?}");
    result
}

/// The message that a request is.
pub(crate) fn parse(received: &Received) -> InferRequest {
    let header_length = received.header(HEADER_LENGTH).map(|text| parse_header_length(text).unwrap());
    InferRequest::decode(&Bytes::from(received.body.clone()), header_length).unwrap()
}

/// The answer of [`echo_model`].
pub(crate) fn echo(received: &Received) -> Payload {
    let request = parse(received);
    let outputs = NamedTensors::new([("y", request.inputs.get("x").unwrap().clone())]).unwrap();
    let response = InferResponse {
        model_name: Some("echo".into()),
        id: request.id.clone(),
        outputs,
        ..InferResponse::default()
    };
    response.encode(|name| request.form_of(name)).unwrap()
}

/// A payload as an answer with these headers besides its own.
pub(crate) fn ok(payload: &Payload, headers: &[(&str, &str)]) -> Vec<u8> {
    let length = payload.header_length.map(|length| length.to_string());
    let own = length.as_deref().map(|length| (HEADER_LENGTH, length));
    let headers: Vec<_> = own.into_iter().chain(headers.iter().copied()).collect();
    answer(200, &headers, &payload.to_bytes())
}

/// What a server does that works: echoes, and says of itself what `extensions` is.
pub(crate) fn serve(received: &Received, extensions: &str) -> Act {
    match (received.method.as_str(), received.path.as_str()) {
        ("GET", "/v2") => {
            let body = format!(r#"{{"name":"test","version":"1","extensions":{extensions}}}"#);
            Act::Send(answer(200, &[], body.as_bytes()))
        }
        ("GET", "/v2/health/ready") => Act::Send(answer(200, &[], b"")),
        ("POST", "/v2/models/echo/infer") => Act::Send(ok(&echo(received), &[])),
        _ => Act::Send(answer(404, &[], br#"{"error":"no such path"}"#)),
    }
}

/// The values of the answer.
pub(crate) fn values(answer: &RemoteAnswer) -> Vec<f32> {
    answer.outputs.get("y").unwrap().to_vec().unwrap()
}
