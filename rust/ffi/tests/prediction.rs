//! Calls through the facade as a host makes them, with the real engine.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use tandem::DType as CoreDType;
use tandem_ffi::{
    CancelToken, DType, DenseInput, EndpointConfig, EndpointToken, FailureCode, HostFailure, LoadOptions,
    Model, NamedTensor, Placement, Prediction, Runtime, TandemFailure, Tensor, TensorSpec, TlsConfig,
    TokenProvider,
};
use tandem_testkit::models::arithmetic::mixed;

use support::{config, load_options, options, runtime};

fn model(runtime: &Runtime) -> Model {
    runtime.load_bytes(&mixed().unwrap().encode_bytes(), load_options(), &CancelToken::new()).unwrap()
}

const X: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
const COUNT: [i64; 4] = [10, 20, 30, 40];
const MASK: [u8; 4] = [1, 0, 0, 1];

fn input(name: &str, dtype: DType, shape: &[u64]) -> DenseInput {
    DenseInput { name: name.into(), dtype, shape: shape.to_vec() }
}

fn dense() -> (Vec<DenseInput>, Vec<u8>) {
    let inputs = vec![
        input("mask", DType::Bool, &[1, 4]),
        input("x", DType::F32, &[1, 4]),
        input("count", DType::I64, &[4]),
    ];
    let x = X.iter().flat_map(|value| value.to_ne_bytes());
    let count = COUNT.iter().flat_map(|value| value.to_ne_bytes());
    // The odd length of the mask leaves what follows unaligned.
    (inputs, MASK.into_iter().chain(x).chain(count).collect())
}

/// The outputs as bytes, read on this side of the boundary.
fn elements(prediction: &Prediction) -> HashMap<String, (DType, Vec<u64>, u64)> {
    let of = |output: &tandem_ffi::Output| {
        (output.name.clone(), (output.dtype, output.shape.clone(), output.byte_len))
    };
    prediction.outputs.iter().map(of).collect()
}

#[test]
fn inputs_in_one_buffer_and_inputs_as_handles_give_the_same() {
    let runtime = runtime();
    let model = model(&runtime);
    let (inputs, data) = dense();
    let packed = model.predict_bytes(inputs.clone(), &data, options(), &CancelToken::new()).unwrap();

    let mut rest = &data[..];
    let handles = inputs.into_iter().map(|input| {
        let bytes = CoreDType::from(input.dtype).size().unwrap() * 4;
        let (elements, behind) = rest.split_at(bytes);
        rest = behind;
        let spec = TensorSpec { dtype: input.dtype, shape: input.shape };
        NamedTensor { name: input.name, tensor: Arc::new(runtime.tensor(spec, elements).unwrap()) }
    });
    let handed = model.predict(handles.collect(), options(), &CancelToken::new()).unwrap();

    let expected = HashMap::from([
        ("chosen".to_owned(), (DType::F32, vec![1, 4], 16)),
        ("total".to_owned(), (DType::I64, vec![1], 8)),
        ("none".to_owned(), (DType::Bool, vec![1, 4], 4)),
    ]);
    assert_eq!(elements(&packed), expected);
    assert_eq!(elements(&handed), expected);
    assert_eq!(packed.decision.placement, Placement::OnDevice);
    for index in 0..3 {
        let view = packed.memory.tensor(index).unwrap().view().unwrap();
        assert_eq!(
            view.address,
            packed.outputs[usize::try_from(index).unwrap()].address,
            "it shares the memory"
        );
    }
}

#[test]
fn a_buffer_that_does_not_fit_its_inputs_is_refused() {
    let runtime = runtime();
    let model = model(&runtime);
    let (inputs, data) = dense();
    let code = |inputs: &[DenseInput], data: &[u8]| {
        let failure = model.predict_bytes(inputs.to_vec(), data, options(), &CancelToken::new()).unwrap_err();
        let TandemFailure::Failed { code, .. } = failure;
        code
    };
    assert_eq!(code(&inputs, &data[..data.len() - 1]), FailureCode::InvalidInput);
    assert_eq!(code(&inputs, &[&data[..], &[0]].concat()), FailureCode::InvalidArgument);
    assert_eq!(code(&[], &data), FailureCode::InvalidArgument);
    assert_eq!(code(&inputs, &[]), FailureCode::InvalidInput);
    assert_eq!(code(&[input("x", DType::String, &[1])], &data), FailureCode::InvalidInput);
    assert_eq!(code(&[input("x", DType::F64, &[u64::MAX / 4, 8])], &data), FailureCode::ResourceLimit);
    assert_eq!(code(&[inputs[0].clone(), inputs[0].clone()], &[0; 8]), FailureCode::InvalidInput);
}

#[test]
fn a_cancelled_token_and_a_model_that_was_shut_down_end_the_call() {
    let runtime = runtime();
    let model = model(&runtime);
    let (inputs, data) = dense();
    let token = CancelToken::new();
    token.cancel().unwrap();
    let TandemFailure::Failed { code, .. } =
        model.predict_bytes(inputs.clone(), &data, options(), &token).unwrap_err();
    assert_eq!(code, FailureCode::Cancelled);

    model.shut_down().unwrap();
    model.shut_down().unwrap();
    let TandemFailure::Failed { code, .. } =
        model.predict_bytes(inputs, &data, options(), &CancelToken::new()).unwrap_err();
    assert_eq!(code, FailureCode::Closed);
    assert_eq!(model.info().unwrap().inputs.len(), 3);
}

#[test]
fn a_cancelled_token_and_a_timeout_end_a_load() {
    let runtime = runtime();
    let token = CancelToken::new();
    token.cancel().unwrap();
    let file = mixed().unwrap().encode_bytes();
    let code = |options: LoadOptions, token: &CancelToken| {
        let TandemFailure::Failed { code, .. } =
            runtime.load_bytes(&file, options, token).err().expect("the load ends");
        code
    };
    assert_eq!(code(load_options(), &token), FailureCode::Cancelled);
    let over = LoadOptions { timeout_ns: Some(0), ..load_options() };
    assert_eq!(code(over, &CancelToken::new()), FailureCode::DeadlineExceeded);
    assert_eq!(model(&runtime).info().unwrap().inputs.len(), 3);
}

#[test]
fn strings_go_in_and_come_out() {
    let tensor = Tensor::from_strings(vec![2], vec!["a".into(), "ü".into()]).unwrap();
    assert_eq!(tensor.strings().unwrap(), ["a", "ü"]);
    assert_eq!(tensor.view().unwrap().byte_len, 0);
    assert!(Tensor::from_strings(vec![3], vec!["a".into()]).is_err());
    let spec = TensorSpec { dtype: DType::U8, shape: vec![1] };
    assert!(Tensor::from_bytes(spec, &[7]).unwrap().strings().is_err());
}

struct Provider;

impl TokenProvider for Provider {
    fn token(&self, _refresh: bool) -> Result<String, HostFailure> {
        Ok("abc".to_owned())
    }
}

#[test]
fn a_runtime_that_was_shut_down_lets_go_of_its_token_provider_even_while_a_model_lives() {
    let provider = Arc::new(Provider);
    let weak = Arc::downgrade(&provider);
    let endpoint = EndpointConfig {
        name: "cloud".into(),
        url: "http://127.0.0.1:1".into(),
        trusted: false,
        wire: tandem::WireFormat::Auto,
        token: Some(EndpointToken::Provided { provider }),
        tls: TlsConfig { trust_anchors_pem: None, client_certificate_pem: None, client_key_pem: None },
        models: HashMap::new(),
        max_request_bytes: None,
        max_answer_bytes: None,
        connect_timeout_ms: None,
        timeout_ms: None,
    };
    let runtime = Runtime::new(config(vec![endpoint])).unwrap();
    let model = model(&runtime);
    assert!(weak.upgrade().is_some());
    runtime.shut_down().unwrap();
    assert!(weak.upgrade().is_none());
    let TandemFailure::Failed { code, .. } =
        model.offload(Vec::new(), options(), &CancelToken::new()).unwrap_err();
    assert_eq!(code, FailureCode::Closed);
}
