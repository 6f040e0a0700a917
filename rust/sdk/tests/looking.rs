//! A look that finds another link than was believed is followed at once by what weighs it, though nobody runs anything more.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use std::iter;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tandem::{
    Control, DeviceState, Endpoint, Engine, LoadError, LoadOptions, LocalModel, ModelSource, NamedTensors,
    NetworkKind, PlannerSettings, Remote, RemoteAnswer, RemoteError, RemoteRequest, RemoteTiming, RunOptions,
    Runtime, Tensor,
};
use tandem_engine::OnnxEngine;
use tandem_testkit::conformance;
use tandem_testkit::fakes::slow_model;

/// What a run takes on the device.
const HERE: Duration = Duration::from_millis(20);
/// A round trip that no run is worth, and one that every run is.
const FAR: Duration = Duration::from_millis(200);
const NEAR: Duration = Duration::from_millis(1);

/// Numbers of the input.
const SIZE: usize = 1 << 16;

/// The real engine, on a slow device.
struct SlowDevice;

impl Engine for SlowDevice {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        Ok(slow_model(OnnxEngine::new().load(source, options)?, |_| HERE))
    }
}

/// What an endpoint was asked.
#[derive(Debug, PartialEq)]
enum Asked {
    Look,
    /// For a run, over zeros or over something else.
    Run {
        zeros: bool,
    },
}

/// An endpoint that is as far as the test says.
struct Moving {
    asked: Sender<Asked>,
    /// Every bare question waits for the word what its round trip is; when there are no more words, it is near.
    trips: Mutex<Receiver<Duration>>,
}

impl Remote for Moving {
    fn infer(&self, request: &RemoteRequest<'_>, _: &Control) -> Result<RemoteAnswer, RemoteError> {
        let x = request.inputs.iter().next().unwrap().1.clone();
        let zeros = x.to_vec::<f32>().unwrap().iter().all(|&value| value == 0.0);
        let _ = self.asked.send(Asked::Run { zeros });
        let timing = RemoteTiming { wait: NEAR, server: Some(Duration::ZERO), ..RemoteTiming::default() };
        Ok(RemoteAnswer { outputs: NamedTensors::new([("y", x)])?, timing })
    }

    fn is_ready(&self, _: &Endpoint, _: &Control) -> Result<bool, RemoteError> {
        Ok(true)
    }

    fn look(&self, _: &Endpoint, padding: u64, _: &Control) -> Result<Option<RemoteTiming>, RemoteError> {
        let _ = self.asked.send(Asked::Look);
        let trips = self.trips.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = trips.recv().unwrap_or(NEAR);
        let timing = RemoteTiming { wait, request_bytes: padding, ..RemoteTiming::default() };
        Ok(Some(RemoteTiming { server: Some(Duration::ZERO), ..timing }))
    }
}

#[test]
fn what_a_look_makes_a_question_is_asked_before_the_next_run() {
    let (asked, questions) = mpsc::channel();
    let (answers, trips) = mpsc::channel();
    let mut settings = PlannerSettings::default();
    settings.probes.energy_share = 1e6;
    settings.probes.look_interval = Duration::ZERO;
    let runtime = Runtime::builder()
        .endpoint(Endpoint::new("a", "http://127.0.0.1:1"))
        .engine(Arc::new(SlowDevice))
        .remote(Arc::new(Moving { asked, trips: Mutex::new(trips) }))
        .device_state_provider(Arc::new(DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() }))
        .planner_settings(settings)
        .build()
        .unwrap();
    let file = conformance::folder().join("repository/identity_f32/1/model.onnx");
    let model = runtime.load(file, &LoadOptions::default()).unwrap();
    // So large that it is the rate that decides, of which a look tells little.
    let inputs =
        NamedTensors::new([("x", Tensor::from_vec([1, SIZE], vec![7.0_f32; SIZE]).unwrap())]).unwrap();
    // The first question is whether the endpoint is ready, the others are looks.
    for trip in [FAR, FAR, FAR, NEAR] {
        let question = (0..500).find_map(|_| {
            model.run(&inputs, &RunOptions::default()).unwrap();
            questions.try_recv().ok()
        });
        assert_eq!(question, Some(Asked::Look));
        answers.send(trip).unwrap();
    }
    // From here on nobody runs anything. While a question waited for its answer nothing else was asked.
    drop(answers);
    let mut followed = iter::from_fn(|| questions.recv_timeout(Duration::from_secs(30)).ok());
    assert_eq!(followed.find(|question| *question != Asked::Look), Some(Asked::Run { zeros: true }));
}
