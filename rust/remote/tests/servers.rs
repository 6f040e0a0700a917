//! The client against real servers: what they echo is bit for bit what was sent.
//!
//! `TANDEM_TEST_SERVERS` names them (`triton=http://127.0.0.1:8000,tandem=http://127.0.0.1:8001`). All serve the
//! models that `testkit-models` writes. Without it the tests say that they were skipped, and pass.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests, and a skip that is seen"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use half::f16;
use tandem_core::{
    Control, DType, Dimension, Endpoint, ModelInfo, NamedTensors, Remote, RemoteError, RemoteRequest, Tensor,
    TensorInfo, WireFormat,
};
use tandem_remote::HttpRemote;

/// The endpoints to test against, each under the name of its server.
fn servers() -> Vec<Endpoint> {
    let Ok(list) = std::env::var("TANDEM_TEST_SERVERS") else {
        println!("SKIPPED: TANDEM_TEST_SERVERS names no server; scripts/test starts some");
        return Vec::new();
    };
    let endpoint = |entry: &str| {
        let (name, url) = entry.split_once('=').expect("TANDEM_TEST_SERVERS is a list of name=url");
        Endpoint::new(name, url)
    };
    list.split(',').map(endpoint).collect()
}

/// Soon enough for a test, late enough for a server in Python.
fn control() -> Control {
    Control { deadline: Some(Instant::now() + Duration::from_mins(1)), ..Control::default() }
}

/// `identity_{dtype}`: `y` is `x`, of any number of rows and columns.
fn identity(dtype: DType) -> ModelInfo {
    let shape = ["rows", "columns"].map(|name| Dimension::Symbol(name.to_owned())).to_vec();
    let info = |name: &str| TensorInfo { name: name.to_owned(), dtype, shape: Some(shape.clone()) };
    let (inputs, outputs) = (vec![info("x")], vec![info("y")]);
    ModelInfo::new(format!("identity_{dtype}"), String::new(), 17, BTreeMap::new(), inputs, outputs)
}

/// Two rows of three, with the values that are easily lost on the way.
fn extremes(dtype: DType) -> Tensor {
    let shape = [2, 3];
    let tensor = match dtype {
        DType::Bool => Tensor::from_bools(shape, &[true, false, false, true, true, false]),
        DType::U8 => Tensor::from_vec(shape, vec![0, 1, 2, 127, 128, u8::MAX]),
        DType::U16 => Tensor::from_vec(shape, vec![0, 1, 2, 32_767, 32_768, u16::MAX]),
        DType::U32 => Tensor::from_vec(shape, vec![0, 1, 2, 1 << 24, (1 << 31) + 1, u32::MAX]),
        DType::U64 => Tensor::from_vec(shape, vec![0, 1, 2, (1 << 53) + 1, (1 << 63) + 1, u64::MAX]),
        DType::I8 => Tensor::from_vec(shape, vec![0, 1, -1, 2, i8::MIN, i8::MAX]),
        DType::I16 => Tensor::from_vec(shape, vec![0, 1, -1, 2, i16::MIN, i16::MAX]),
        DType::I32 => Tensor::from_vec(shape, vec![0, 1, -1, (1 << 24) + 1, i32::MIN, i32::MAX]),
        DType::I64 => Tensor::from_vec(shape, vec![0, 1, -1, (1 << 53) + 1, i64::MIN, i64::MAX]),
        DType::F16 => {
            Tensor::from_vec(shape, [0.0, -0.0, 0.1, 6e-8, -65_504.0, 1.0].map(f16::from_f32).to_vec())
        }
        DType::F32 => Tensor::from_vec(shape, vec![0.0, -0.0, 0.1, f32::MIN_POSITIVE, f32::MAX, f32::MIN]),
        DType::F64 => Tensor::from_vec(shape, vec![0.0, -0.0, 0.1, f64::MIN_POSITIVE, f64::MAX, f64::MIN]),
        _ => Tensor::from_strings(
            shape,
            ["", "a", "ü\u{1f600}", "\"q\"", "\\ \n", "[1,2]"].map(String::from).to_vec(),
        ),
    };
    tensor.unwrap()
}

/// Runs the identity model of the tensor's type and gives what came back.
fn echo(remote: &HttpRemote, endpoint: &Endpoint, tensor: &Tensor) -> Result<Tensor, RemoteError> {
    let model = identity(tensor.dtype());
    let inputs = NamedTensors::new([("x", tensor.clone())])?;
    let request = RemoteRequest { endpoint, model: &model, inputs: &inputs, wanted: &[], id: None };
    let answer = remote.infer(&request, &control())?;
    Ok(answer.outputs.get("y").unwrap().clone())
}

/// `MLServer` has no binary extension; the others do, listed or not.
fn speaks_binary(endpoint: &Endpoint) -> bool {
    endpoint.name != "mlserver"
}

#[test]
fn every_type_comes_back_bit_for_bit() {
    let remote = HttpRemote::new();
    for server in servers() {
        for wire in [WireFormat::Binary, WireFormat::Json, WireFormat::Auto] {
            if wire == WireFormat::Binary && !speaks_binary(&server) {
                continue;
            }
            let endpoint = Endpoint { wire, ..server.clone() };
            for dtype in DType::ALL {
                let sent = extremes(dtype);
                let at = format!("{} {dtype} {wire:?}", server.name);
                match echo(&remote, &endpoint, &sent) {
                    Ok(received) => assert_eq!(received, sent, "{at}: {received:?}"),
                    // Half precision has no form in JSON, and that is found out here.
                    Err(RemoteError::Input(_)) if dtype == DType::F16 && wire != WireFormat::Binary => {}
                    Err(error) => panic!("{at}: {error}"),
                }
            }
        }
    }
}

#[test]
fn nan_and_infinities_come_back_in_binary_form() {
    let remote = HttpRemote::new();
    let tensor = Tensor::from_vec([1, 4], vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0]).unwrap();
    for server in servers().into_iter().filter(speaks_binary) {
        let endpoint = Endpoint { wire: WireFormat::Binary, ..server };
        assert_eq!(echo(&remote, &endpoint, &tensor).unwrap(), tensor, "{}", endpoint.name);
    }
}

#[test]
fn a_large_tensor_comes_back_whole() {
    let remote = HttpRemote::new();
    let values = (0..=u16::MAX).cycle().take(150_528).map(|i| f32::from(i).sin()).collect();
    let tensor = Tensor::from_vec([3, 50_176], values).unwrap();
    for server in servers() {
        assert_eq!(echo(&remote, &server, &tensor).unwrap(), tensor, "{}", server.name);
    }
}

#[test]
fn what_a_server_counted_grows_with_its_answers() {
    let remote = HttpRemote::new();
    let model = identity(DType::F32);
    for server in servers() {
        let counts = || remote.counts(&server, &model, &control()).unwrap();
        echo(&remote, &server, &extremes(DType::F32)).unwrap();
        let Some(before) = counts() else {
            // An extension of Triton, which ours has too.
            assert!(!["triton", "tandem"].contains(&server.name.as_str()), "{}", server.name);
            continue;
        };
        for _ in 0..3 {
            echo(&remote, &server, &extremes(DType::F32)).unwrap();
        }
        let after = counts().unwrap();
        assert!(after.requests >= before.requests + 3, "{}: {before:?}, {after:?}", server.name);
        assert!(after.computed > before.computed && after.compute > before.compute, "{after:?}");
        assert!(after.queue >= before.queue, "{}: {before:?}, {after:?}", server.name);
        let models = BTreeMap::from([(model.name.clone(), "no_such_model".to_owned())]);
        let unknown = Endpoint { models, ..server.clone() };
        assert_eq!(remote.counts(&unknown, &model, &control()).unwrap(), None, "{}", server.name);
    }
}

#[test]
fn a_ready_server_says_so_and_an_unknown_model_is_not_found() {
    let remote = HttpRemote::new();
    for server in servers() {
        assert!(remote.is_ready(&server, &control()).unwrap(), "{}", server.name);
        let look = remote.look(&server, 4096, &control()).unwrap().unwrap();
        assert!(look.wait > Duration::ZERO, "{}: {look:?}", server.name);
        let models = BTreeMap::from([("identity_f32".to_owned(), "no_such_model".to_owned())]);
        let endpoint = Endpoint { models, ..server };
        let error = echo(&remote, &endpoint, &extremes(DType::F32)).unwrap_err();
        assert!(matches!(error, RemoteError::ModelNotFound { .. }), "{}: {error:?}", endpoint.name);
    }
}
