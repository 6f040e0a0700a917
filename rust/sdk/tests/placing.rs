//! Where a call runs, and what happens when it fails there.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tandem::{
    DType, Endpoint, Engine, Error, ErrorCode, InferenceMode, InputError, Interrupt, LoadOptions, Model,
    ModelInfo, ModelSource, NamedTensors, OfflineBehavior, Placement, Reason, RemoteError, RunError,
    RunOptions, Runtime, Sensitivity, Tensor, TensorInfo,
};
use tandem_testkit::conformance;
use tandem_testkit::fakes::{FakeEngine, ScriptedRemote};

type Answer = Result<NamedTensors, RemoteError>;

fn named(name: &str) -> NamedTensors {
    NamedTensors::new([(name, Tensor::from_vec([1, 1], vec![7.0_f32]).unwrap())]).unwrap()
}

fn cloud(endpoint: &str) -> Placement {
    Placement::InCloud { endpoint: endpoint.into() }
}

fn unreachable(endpoint: &str) -> RemoteError {
    RemoteError::Unreachable { endpoint: endpoint.into(), detail: "refused".into() }
}

/// A model `y = x` in a runtime with the endpoints `a` and `b` that answer from a script.
fn scripted(script: Vec<Answer>, engine: Option<Arc<dyn Engine>>) -> (Model, Arc<ScriptedRemote>) {
    let remote = ScriptedRemote::new(script);
    let mut builder = Runtime::builder()
        .endpoint(Endpoint::new("a", "http://127.0.0.1:1"))
        .endpoint(Endpoint { trusted: true, ..Endpoint::new("b", "https://127.0.0.1:1") })
        .remote(remote.clone());
    if let Some(engine) = engine {
        builder = builder.engine(engine);
    }
    let file = conformance::folder().join("repository/identity_f32/1/model.onnx");
    let model = builder.build().unwrap().load(file, &LoadOptions::default()).unwrap();
    (model, remote)
}

fn in_mode(mode: InferenceMode) -> RunOptions {
    RunOptions { mode, ..RunOptions::default() }
}

#[test]
fn predict_never_calls_an_endpoint() {
    let (model, remote) = scripted(vec![], None);
    let prediction = model.predict(&named("x"), &in_mode(InferenceMode::OnlyInCloud)).unwrap();
    assert_eq!(prediction.outputs, named("y"));
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert!(prediction.timing.device.unwrap() <= prediction.timing.total);
    assert!(prediction.timing.remote.is_none());
    assert!(remote.called().is_empty());
}

#[test]
fn offload_goes_to_the_first_endpoint_or_the_named_one_and_nowhere_else() {
    for (endpoint, expected) in [(None, "a"), (Some("b".to_owned()), "b")] {
        let (model, remote) = scripted(vec![Ok(named("y"))], None);
        let prediction =
            model.offload(&named("x"), &RunOptions { endpoint, ..RunOptions::default() }).unwrap();
        assert_eq!(prediction.decision.placement, cloud(expected));
        assert_eq!(remote.called(), [expected]);
    }
    let (model, remote) = scripted(vec![Err(unreachable("a")), Ok(named("y"))], None);
    let error = model.offload(&named("x"), &RunOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Offline);
    assert_eq!(remote.called(), ["a"]);
}

#[test]
fn a_run_falls_back_from_the_cloud_unless_the_caller_stopped_it_or_the_input_is_wrong() {
    let text = String::new;
    let cases = [
        (unreachable("a"), true),
        (RemoteError::Tls { endpoint: text(), detail: text() }, true),
        (RemoteError::ConnectionLost { endpoint: text(), phase: "wait", detail: text() }, true),
        (RemoteError::ModelNotFound { endpoint: text(), model: text(), detail: text() }, true),
        (RemoteError::Rejected { endpoint: text(), status: 400, detail: text() }, true),
        (RemoteError::Unauthorized { endpoint: text(), status: 401, detail: text() }, true),
        (RemoteError::Overloaded { endpoint: text(), status: 503, retry_after: None, detail: text() }, true),
        (RemoteError::ServerFailed { endpoint: text(), status: 500, detail: text() }, true),
        (RemoteError::InvalidAnswer { endpoint: text(), detail: text() }, true),
        (RemoteError::TooLarge { endpoint: text(), what: "request", got: 2, limit: 1 }, true),
        (RemoteError::Interrupted(Interrupt::Cancelled), false),
        (RemoteError::Interrupted(Interrupt::DeadlineExceeded), false),
        (RemoteError::Input(InputError::Missing { name: "x".into() }), false),
    ];
    for (error, falls_back) in cases {
        let (model, remote) = scripted(vec![Err(error.clone())], None);
        let options = RunOptions { endpoint: Some("a".into()), ..in_mode(InferenceMode::PreferInCloud) };
        let result = model.run(&named("x"), &options);
        assert_eq!(result.is_ok(), falls_back, "{error}");
        assert_eq!(remote.called(), ["a"]);
        if let Ok(prediction) = result {
            assert_eq!(prediction.decision.placement, Placement::OnDevice);
            assert_eq!(prediction.decision.reason, Reason::Fallback);
            assert_eq!(prediction.decision.fallback_cause, Some(error.to_string()));
        }
    }
}

#[test]
fn a_second_endpoint_takes_over_before_the_device_does() {
    let (model, remote) = scripted(vec![Err(unreachable("a")), Ok(named("y"))], None);
    let prediction = model.run(&named("x"), &in_mode(InferenceMode::PreferInCloud)).unwrap();
    assert_eq!(prediction.decision.placement, cloud("b"));
    assert_eq!(remote.called(), ["a", "b"]);
}

#[test]
fn an_endpoint_that_was_down_is_not_the_first_choice_of_the_next_run() {
    let (model, remote) = scripted(vec![Err(unreachable("a")), Ok(named("y")), Ok(named("y"))], None);
    for _ in 0..2 {
        model.run(&named("x"), &in_mode(InferenceMode::PreferInCloud)).unwrap();
    }
    assert_eq!(remote.called(), ["a", "b", "b"]);
}

#[test]
fn offline_that_is_to_fail_does_not_run_on_the_device() {
    let (model, remote) = scripted(vec![Err(unreachable("a")), Err(unreachable("a"))], None);
    let options = RunOptions {
        offline: OfflineBehavior::Fail,
        endpoint: Some("a".into()),
        ..in_mode(InferenceMode::PreferInCloud)
    };
    for _ in 0..2 {
        assert_eq!(model.run(&named("x"), &options).unwrap_err().code(), ErrorCode::Offline);
    }
    assert_eq!(remote.called(), ["a", "a"]);
}

#[test]
fn only_in_cloud_never_runs_on_the_device() {
    let (model, remote) = scripted(vec![Err(unreachable("a")), Err(unreachable("b"))], None);
    let error = model.run(&named("x"), &in_mode(InferenceMode::OnlyInCloud)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Offline);
    assert_eq!(remote.called(), ["a", "b"]);
}

#[test]
fn labelled_data_goes_only_where_its_label_lets_it() {
    let internal = RunOptions { sensitivity: Sensitivity::Internal, ..in_mode(InferenceMode::PreferInCloud) };
    let (model, remote) = scripted(vec![Ok(named("y"))], None);
    assert_eq!(model.run(&named("x"), &internal).unwrap().decision.placement, cloud("b"));
    assert_eq!(model.offload(&named("x"), &internal).unwrap_err().code(), ErrorCode::PolicyDenied);
    assert_eq!(remote.called(), ["b"]);

    let private = RunOptions { sensitivity: Sensitivity::Private, ..internal };
    let (model, remote) = scripted(vec![], None);
    assert_eq!(model.run(&named("x"), &private).unwrap().decision.placement, Placement::OnDevice);
    let only_in_cloud = RunOptions { mode: InferenceMode::OnlyInCloud, ..private };
    assert_eq!(model.run(&named("x"), &only_in_cloud).unwrap_err().code(), ErrorCode::PolicyDenied);
    assert!(remote.called().is_empty());
}

#[test]
fn a_device_that_cannot_leads_to_the_cloud_and_a_wrong_input_does_not() {
    let tensor = |name: &str| TensorInfo { name: name.into(), dtype: DType::F32, shape: None };
    let info =
        ModelInfo::new("m".into(), "0".repeat(64), 17, BTreeMap::new(), vec![tensor("x")], vec![tensor("y")]);
    let cases = [
        (RunError::ResourceLimit { what: "tensor bytes", got: 2, limit: 1 }, true),
        (
            RunError::UnsupportedOperator { operator: "X".into(), node: "n".into(), detail: String::new() },
            true,
        ),
        (RunError::Internal { detail: String::new() }, true),
        (RunError::Shapes { detail: String::new() }, false),
        (RunError::Interrupted(Interrupt::DeadlineExceeded), false),
    ];
    for (failure, falls_back) in cases {
        let engine = FakeEngine::failing(info.clone(), failure.clone());
        let (model, _remote) = scripted(vec![Ok(named("y"))], Some(engine));
        let result = model.run(&named("x"), &in_mode(InferenceMode::PreferOnDevice));
        assert_eq!(result.is_ok(), falls_back, "{failure}");
    }
}

#[test]
fn a_plan_says_what_a_run_would_do_without_calling_anything() {
    let (model, remote) = scripted(vec![], None);
    let plan = model.plan(&in_mode(InferenceMode::PreferInCloud)).unwrap();
    assert_eq!(plan.order, [cloud("a"), cloud("b"), Placement::OnDevice]);
    assert!(remote.called().is_empty());
}

#[test]
fn a_runtime_without_endpoints_answers_on_the_device_and_is_offline_in_the_cloud() {
    let runtime = Runtime::builder().build().unwrap();
    let file = std::fs::read(conformance::folder().join("repository/identity_f32/1/model.onnx")).unwrap();
    let model = runtime.load(ModelSource::Bytes(file.into()), &LoadOptions::default()).unwrap();
    let options =
        RunOptions { timeout: Some(Duration::from_mins(1)), ..in_mode(InferenceMode::PreferInCloud) };
    assert_eq!(model.run(&named("x"), &options).unwrap().outputs, named("y"));
    assert_eq!(model.offload(&named("x"), &options).unwrap_err(), Error::Remote(RemoteError::NoEndpoint));
    assert!(runtime.is_ready("a", &tandem::Control::default()).is_err());
}

#[test]
fn a_private_tensor_never_leaves_the_device_and_must_exist() {
    let (model, remote) = scripted(vec![], None);
    let private = |mode, name: &str| RunOptions { private_tensors: vec![name.into()], ..in_mode(mode) };
    let prediction = model.run(&named("x"), &private(InferenceMode::PreferInCloud, "x")).unwrap();
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert!(prediction.decision.candidates[1..].iter().all(|candidate| !candidate.allowed));
    for error in [
        model.run(&named("x"), &private(InferenceMode::OnlyInCloud, "x")).unwrap_err(),
        model.offload(&named("x"), &private(InferenceMode::Auto, "x")).unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::PolicyDenied, "{error}");
    }
    for error in [
        model.run(&named("x"), &private(InferenceMode::Auto, "z")).unwrap_err(),
        model.offload(&named("x"), &private(InferenceMode::Auto, "z")).unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{error}");
    }
    assert!(remote.called().is_empty());
}
