//! Probes: sent beside runs that nobody sends anywhere, over zeros, and only where they are allowed.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tandem::{
    Control, Endpoint, InferenceMode, LoadOptions, Model, ModelInfo, NamedTensors, PlannerSettings, Remote,
    RemoteAnswer, RemoteError, RemoteRequest, RemoteTiming, RunOptions, Runtime, Sensitivity, ServerCounts,
    Tensor,
};
use tandem_testkit::conformance;

/// Answers every question, and keeps what came.
#[derive(Default)]
struct Recording {
    ready: Mutex<usize>,
    inputs: Mutex<Vec<NamedTensors>>,
    /// The models whose counts were asked for.
    counted: Mutex<Vec<String>>,
    /// What answers say of the server's time.
    server: Option<Duration>,
}

impl Remote for Recording {
    fn infer(&self, request: &RemoteRequest<'_>, _: &Control) -> Result<RemoteAnswer, RemoteError> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).push(request.inputs.clone());
        let y = request.inputs.iter().next().unwrap().1.clone();
        Ok(RemoteAnswer {
            outputs: NamedTensors::new([("y", y)])?,
            timing: RemoteTiming {
                wait: Duration::from_millis(1),
                server: self.server,
                ..RemoteTiming::default()
            },
        })
    }

    fn is_ready(&self, _: &Endpoint, _: &Control) -> Result<bool, RemoteError> {
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(true)
    }

    fn counts(
        &self,
        _: &Endpoint,
        model: &ModelInfo,
        _: &Control,
    ) -> Result<Option<ServerCounts>, RemoteError> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).push(model.name.clone());
        Ok(Some(ServerCounts { requests: 1, computed: 1, ..ServerCounts::default() }))
    }
}

fn model(remote: &Arc<Recording>, settings: &PlannerSettings) -> (Runtime, Model) {
    let runtime = Runtime::builder()
        .endpoint(Endpoint::new("a", "http://127.0.0.1:1"))
        .remote(remote.clone())
        .planner_settings(*settings)
        .build()
        .unwrap();
    let file = conformance::folder().join("repository/identity_f32/1/model.onnx");
    let model = runtime.load(file, &LoadOptions::default()).unwrap();
    (runtime, model)
}

fn inputs() -> NamedTensors {
    NamedTensors::new([("x", Tensor::from_vec([1, 1], vec![7.0_f32]).unwrap())]).unwrap()
}

/// Runs until `enough` or five seconds are over; whether it was enough.
fn run_until(model: &Model, options: &RunOptions, enough: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        model.run(&inputs(), options).unwrap();
        if enough() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn an_endpoint_that_nobody_uses_is_asked_and_never_hears_of_the_inputs() {
    let remote = Arc::new(Recording::default());
    let (runtime, model) = model(&remote, &PlannerSettings::default());
    assert!(run_until(&model, &RunOptions::default(), || *remote.ready.lock().unwrap() > 0));
    assert!(run_until(&model, &RunOptions::default(), || runtime.statistics().probes > 0));
    for sent in remote.inputs.lock().unwrap().iter() {
        let (_, tensor) = sent.iter().next().unwrap();
        // A run that the planner moved there carries the input; a probe carries nought.
        assert!([0.0, 7.0].contains(&tensor.to_vec::<f32>().unwrap()[0]));
    }
}

#[test]
fn a_server_that_does_not_say_what_it_took_is_asked_what_it_counted() {
    let options = RunOptions { mode: InferenceMode::OnlyInCloud, ..RunOptions::default() };
    let silent = Arc::new(Recording::default());
    let (_runtime, quiet) = model(&silent, &PlannerSettings::default());
    assert!(run_until(&quiet, &options, || !silent.counted.lock().unwrap().is_empty()));
    assert_eq!(silent.counted.lock().unwrap()[0], "model");

    let telling = Arc::new(Recording { server: Some(Duration::from_micros(10)), ..Recording::default() });
    let (_runtime, told) = model(&telling, &PlannerSettings::default());
    (0..200).for_each(|_| drop(told.run(&inputs(), &options).unwrap()));
    thread::sleep(Duration::from_millis(50));
    assert!(telling.counted.lock().unwrap().is_empty());
}

#[test]
fn probes_that_are_turned_off_and_runs_that_may_go_nowhere_send_nothing() {
    let mut off = PlannerSettings::default();
    off.probes.enabled = false;
    let private = RunOptions { sensitivity: Sensitivity::Private, ..RunOptions::default() };
    for (settings, options) in [(off, RunOptions::default()), (PlannerSettings::default(), private)] {
        let remote = Arc::new(Recording::default());
        let (runtime, model) = model(&remote, &settings);
        for _ in 0..200 {
            model.run(&inputs(), &options).unwrap();
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(*remote.ready.lock().unwrap(), 0);
        assert_eq!(runtime.statistics().probes, 0);
    }
}
