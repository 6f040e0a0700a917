//! Cancelling, running out of time, and closing, while calls are under way.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tandem::{
    CancellationToken, Control, DType, Endpoint, Error, ErrorCode, LoadOptions, Model, ModelInfo,
    ModelSource, NamedTensors, Remote, RemoteAnswer, RemoteError, RemoteRequest, RunOptions, Runtime, Tensor,
    TensorInfo,
};
use tandem_testkit::fakes::{FakeEngine, Running};
use tandem_testkit::models::arithmetic::classifier;

fn info() -> ModelInfo {
    let tensor = |name: &str| TensorInfo { name: name.into(), dtype: DType::F32, shape: None };
    ModelInfo::new("m".into(), "0".repeat(64), 17, BTreeMap::new(), vec![tensor("x")], vec![tensor("y")])
}

fn inputs() -> NamedTensors {
    NamedTensors::new([("x", Tensor::from_vec([1], vec![0.0_f32]).unwrap())]).unwrap()
}

/// A runtime whose model runs until it is stopped.
fn endless() -> (Runtime, Model, Running) {
    let (engine, running) = FakeEngine::endless(info());
    let runtime = Runtime::builder().engine(engine).build().unwrap();
    let model = runtime.load("any.onnx", &LoadOptions::default()).unwrap();
    (runtime, model, running)
}

#[test]
fn a_cancelled_call_ends_and_the_model_stays_usable() {
    let (_runtime, model, running) = endless();
    for round in 1..=3 {
        let token = CancellationToken::new();
        let options = RunOptions { token: token.clone(), ..RunOptions::default() };
        let error = thread::scope(|scope| {
            let call = scope.spawn(|| model.predict(&inputs(), &options));
            assert!(running.wait_for(round));
            token.cancel();
            call.join().unwrap().unwrap_err()
        });
        assert_eq!(error.code(), ErrorCode::Cancelled);
    }
}

#[test]
fn cancelling_one_call_leaves_the_others_running() {
    let (_runtime, model, running) = endless();
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    thread::scope(|scope| {
        let start = |token: &CancellationToken| {
            let options = RunOptions { token: token.clone(), ..RunOptions::default() };
            let model = model.clone();
            scope.spawn(move || model.predict(&inputs(), &options))
        };
        let (one, two) = (start(&first), start(&second));
        assert!(running.wait_for(2));
        first.cancel();
        assert_eq!(one.join().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
        assert!(!two.is_finished());
        second.cancel();
        assert_eq!(two.join().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    });
}

#[test]
fn a_call_ends_when_its_time_is_over() {
    let (_runtime, model, _running) = endless();
    let options = RunOptions { timeout: Some(Duration::from_millis(20)), ..RunOptions::default() };
    for call in [Model::predict, Model::run] {
        assert_eq!(call(&model, &inputs(), &options).unwrap_err().code(), ErrorCode::DeadlineExceeded);
    }
    assert_eq!(model.profile(&inputs(), &options).unwrap_err().code(), ErrorCode::DeadlineExceeded);
    assert_eq!(model.warm_up(&inputs(), &options).unwrap_err().code(), ErrorCode::DeadlineExceeded);
}

#[test]
fn a_timeout_that_no_clock_can_hold_is_none() {
    let (_runtime, model, running) = endless();
    let token = CancellationToken::new();
    let options = RunOptions { token: token.clone(), timeout: Some(Duration::MAX), ..RunOptions::default() };
    thread::scope(|scope| {
        let call = scope.spawn(|| model.predict(&inputs(), &options));
        assert!(running.wait_for(1));
        token.cancel();
        assert_eq!(call.join().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    });
}

/// Starts 20 calls, closes while they run, and gives the codes that they ended with.
fn codes_after(close: impl FnOnce(&Runtime, &Model)) -> Vec<ErrorCode> {
    let (runtime, model, running) = endless();
    let codes = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..20).map(|_| scope.spawn(|| model.predict(&inputs(), &RunOptions::default()))).collect();
        assert!(running.wait_for(20));
        close(&runtime, &model);
        calls.into_iter().map(|call| call.join().unwrap().unwrap_err().code()).collect()
    });
    let after = model.predict(&inputs(), &RunOptions::default()).unwrap_err();
    assert_eq!(after.code(), ErrorCode::Closed);
    codes
}

#[test]
fn closing_the_model_ends_its_calls_and_closing_again_does_nothing() {
    let codes = codes_after(|_, model| {
        model.close();
        model.close();
    });
    assert_eq!(codes, [ErrorCode::Closed; 20]);
}

#[test]
fn closing_the_runtime_ends_the_calls_of_its_models() {
    let codes = codes_after(|runtime, _| {
        runtime.close();
        runtime.close();
        let error = runtime.load("any.onnx", &LoadOptions::default()).err().unwrap();
        assert_eq!(error, Error::Closed("runtime"));
    });
    assert_eq!(codes, [ErrorCode::Closed; 20]);
}

/// Starts a load that takes until it is stopped, stops it, and gives its error.
fn stopped_load(options: &LoadOptions, stop: impl FnOnce(&Runtime)) -> Error {
    let (engine, loading) = FakeEngine::loading(info());
    let runtime = Runtime::builder().engine(engine).build().unwrap();
    thread::scope(|scope| {
        let load = scope.spawn(|| runtime.load("any.onnx", options).err().unwrap());
        assert!(loading.wait_for(1));
        stop(&runtime);
        load.join().unwrap()
    })
}

#[test]
fn a_load_ends_when_it_is_cancelled_when_its_time_is_over_and_when_the_runtime_is_closed() {
    let options = LoadOptions::default();
    let error = stopped_load(&options, |_| options.token.cancel());
    assert_eq!(error.code(), ErrorCode::Cancelled);
    let short = LoadOptions { timeout: Some(Duration::from_millis(20)), ..LoadOptions::default() };
    assert_eq!(stopped_load(&short, |_| ()).code(), ErrorCode::DeadlineExceeded);
    let error = stopped_load(&LoadOptions::default(), Runtime::close);
    assert_eq!(error, Error::Closed("runtime"));
}

#[test]
fn a_runtime_goes_on_after_a_load_was_cancelled() {
    let runtime = Runtime::builder().build().unwrap();
    let bytes: Arc<[u8]> = classifier(1).unwrap().encode_bytes().as_ref().into();
    let options = LoadOptions::default();
    options.token.cancel();
    let error = runtime.load(ModelSource::Bytes(bytes.clone()), &options).err().unwrap();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    let model = runtime.load(ModelSource::Bytes(bytes), &LoadOptions::default()).unwrap();
    let x = Tensor::from_vec([1, 8], vec![0.5_f32; 8]).unwrap();
    assert!(model.predict(&NamedTensors::new([("x", x)]).unwrap(), &RunOptions::default()).is_ok());
}

#[test]
fn a_token_of_a_load_does_not_stop_the_model_that_it_loaded() {
    let (engine, running) = FakeEngine::endless(info());
    let runtime = Runtime::builder().engine(engine).build().unwrap();
    let options = LoadOptions::default();
    let model = runtime.load("any.onnx", &options).unwrap();
    options.token.cancel();
    let token = CancellationToken::new();
    let run = RunOptions { token: token.clone(), ..RunOptions::default() };
    thread::scope(|scope| {
        let call = scope.spawn(|| model.predict(&inputs(), &run));
        assert!(running.wait_for(1));
        token.cancel();
        assert_eq!(call.join().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    });
}

#[test]
fn a_closed_model_still_tells_what_it_was() {
    let (_runtime, model, _running) = endless();
    model.close();
    assert_eq!(model.info().name, "m");
}

#[test]
fn a_closed_model_makes_no_plan() {
    let (runtime, model, _running) = endless();
    assert!(model.plan(&RunOptions::default()).is_ok());
    runtime.close();
    assert_eq!(model.plan(&RunOptions::default()), Err(Error::Closed("model")));
}

/// A client whose every question waits until it is stopped.
struct Waiting(Barrier);

impl Remote for Waiting {
    fn infer(&self, _: &RemoteRequest<'_>, _: &Control) -> Result<RemoteAnswer, RemoteError> {
        Err(RemoteError::NoEndpoint)
    }

    fn is_ready(&self, _: &Endpoint, control: &Control) -> Result<bool, RemoteError> {
        self.0.wait();
        loop {
            control.check(Instant::now())?;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_question_to_an_endpoint_ends_with_the_runtime_or_its_token() {
    for by_token in [false, true] {
        let remote = Arc::new(Waiting(Barrier::new(2)));
        let runtime = Runtime::builder()
            .endpoint(Endpoint::new("a", "http://127.0.0.1:1"))
            .remote(remote.clone())
            .build()
            .unwrap();
        let control = Control::default();
        let error = thread::scope(|scope| {
            let asking = scope.spawn(|| runtime.is_ready("a", &control).unwrap_err());
            remote.0.wait();
            if by_token {
                control.token.cancel();
            } else {
                runtime.close();
            }
            asking.join().unwrap()
        });
        assert_eq!(error.code(), if by_token { ErrorCode::Cancelled } else { ErrorCode::Closed });
    }
}
