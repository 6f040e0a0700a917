//! An endpoint that was left alone and may be tried again: by one run, however many there are.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use support::{EngineRemote, Fate, deployed, inputs};
use tandem::split::WireForm;
use tandem::{
    DeviceState, Endpoint, InferenceMode, LoadOptions, ModelSource, NetworkKind, Placement, RemoteError,
    RunOptions, Runtime, RuntimeBuilder,
};

const RUNS: usize = 16;

/// With a predicted link, and, without the host's word on it, with none.
fn builder(remote: &Arc<EngineRemote>, network: NetworkKind) -> RuntimeBuilder {
    let endpoint = Endpoint { trusted: true, ..Endpoint::new("cloud", "https://127.0.0.1:1") };
    let device = DeviceState { network, ..DeviceState::default() };
    Runtime::builder().endpoint(endpoint).remote(remote.clone()).device_state_provider(Arc::new(device))
}

fn preferred() -> RunOptions {
    RunOptions { mode: InferenceMode::PreferInCloud, ..RunOptions::default() }
}

/// What a runtime has learned whose endpoint failed three times in a row, taken as if half a minute ago.
fn opened(network: NetworkKind) -> String {
    let deployed = deployed(&[("f32", WireForm::Native, None)]);
    let detail = "broken".to_owned();
    let failed = RemoteError::ServerFailed { endpoint: "cloud".into(), status: 500, detail };
    let runtime = builder(&EngineRemote::new(&deployed, Fate::Fail(failed)), network).build().unwrap();
    let model = runtime.load(ModelSource::Bytes(deployed.file.clone()), &LoadOptions::default()).unwrap();
    for _ in 0..3 {
        model.offload(&inputs(), &RunOptions::default()).unwrap_err();
    }
    let mut json: serde_json::Value = serde_json::from_str(&runtime.estimates().unwrap()).unwrap();
    json["taken"] = (json["taken"].as_f64().unwrap() - 30.0).into();
    json.to_string()
}

#[test]
fn of_many_runs_at_once_one_tries_the_endpoint_and_closes_its_circuit_for_all() {
    for network in [NetworkKind::Wifi, NetworkKind::Unknown] {
        one_tries(network);
    }
}

fn one_tries(network: NetworkKind) {
    let deployed = deployed(&[("f32", WireForm::Native, None)]);
    let answers = Arc::new(AtomicBool::new(false));
    let remote = EngineRemote::new(&deployed, Fate::AnswerWhen(answers.clone()));
    let runtime = builder(&remote, network).estimates(&opened(network)).unwrap().build().unwrap();
    let model = runtime.load(ModelSource::Bytes(deployed.file.clone()), &LoadOptions::default()).unwrap();
    let (here, there) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..RUNS {
            scope.spawn(|| match model.run(&inputs(), &preferred()).unwrap().decision.placement {
                Placement::OnDevice => here.fetch_add(1, Ordering::SeqCst),
                _ => there.fetch_add(1, Ordering::SeqCst),
            });
        }
        // The one that tries waits for its answer, and nobody waits for it.
        while here.load(Ordering::SeqCst) < RUNS - 1 && remote.seen().len() < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        answers.store(true, Ordering::SeqCst);
    });
    assert_eq!((here.load(Ordering::SeqCst), there.load(Ordering::SeqCst)), (RUNS - 1, 1));
    assert_eq!(remote.seen().len(), 1);
    for _ in 0..2 {
        assert!(model.run(&inputs(), &preferred()).unwrap().decision.placement.endpoint().is_some());
    }
}
