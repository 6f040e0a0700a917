//! Hedged runs: when this device begins beside the endpoint, and how the slower one ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Deployed, EngineRemote, Fate, Fixed, deployed, inputs, runtime, split};
use tandem::split::WireForm;
use tandem::{
    Control, Endpoint, Engine, InferenceMode, Interrupt, LoadError, LoadOptions, LocalModel, ModelInfo,
    ModelSource, NamedTensors, Placement, Profile, Reason, RunError, RunOptions, Runtime,
};
use tandem_engine::OnnxEngine;

fn native() -> Deployed {
    deployed(&[("f32", WireForm::Native, None)])
}

fn hedged() -> RunOptions {
    RunOptions { hedge: true, ..RunOptions::default() }
}

/// What a tail that never ends has seen.
#[derive(Default)]
struct Seen {
    begun: Arc<AtomicBool>,
    ended: Mutex<Option<Interrupt>>,
}

/// The real engine, whose third model (the tail, behind the whole and the head) runs until it is stopped.
struct EndlessTail {
    engine: OnnxEngine,
    loads: AtomicUsize,
    seen: Arc<Seen>,
}

struct Endless {
    model: Arc<dyn LocalModel>,
    seen: Arc<Seen>,
}

impl Engine for EndlessTail {
    fn load(&self, source: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        let model = self.engine.load(source, options)?;
        if self.loads.fetch_add(1, Ordering::SeqCst) < 2 {
            return Ok(model);
        }
        Ok(Arc::new(Endless { model, seen: self.seen.clone() }))
    }
}

impl LocalModel for Endless {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn run(&self, _: &NamedTensors, _: &[String], control: &Control) -> Result<NamedTensors, RunError> {
        self.seen.begun.store(true, Ordering::SeqCst);
        loop {
            if let Err(interrupt) = control.check(Instant::now()) {
                *self.seen.ended.lock().unwrap() = Some(interrupt);
                return Err(interrupt.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn profile(&self, inputs: &NamedTensors, control: &Control) -> Result<Profile, RunError> {
        self.model.profile(inputs, control)
    }

    fn warm_up(&self, inputs: &NamedTensors, control: &Control) -> Result<(), RunError> {
        self.model.warm_up(inputs, control)
    }
}

#[test]
fn a_tail_that_has_begun_here_is_cancelled_when_the_endpoint_answers() {
    let (deployed, seen) = (native(), Arc::new(Seen::default()));
    // The endpoint answers when this device has begun, and not before.
    let remote = EngineRemote::new(&deployed, Fate::AnswerWhen(seen.begun.clone()));
    let planner = Arc::new(Fixed {
        order: vec![split(), Placement::OnDevice],
        hedge_after: Some(Duration::ZERO),
        offered: Mutex::default(),
    });
    let engine = EndlessTail { engine: OnnxEngine::new(), loads: AtomicUsize::new(0), seen: seen.clone() };
    let model = deployed.load(runtime(&remote, &planner).engine(Arc::new(engine)), |_| {}).unwrap();
    let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
    let prediction = model.run(&inputs(), &hedged()).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert_eq!(prediction.decision.placement, split());
    assert_eq!(prediction.decision.reason, Reason::Best);
    assert!(seen.begun.load(Ordering::SeqCst));
    let began = Instant::now();
    while seen.ended.lock().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_mins(1), "the tail goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(*seen.ended.lock().unwrap(), Some(Interrupt::Cancelled));
}

#[test]
fn the_first_run_of_all_is_hedged_although_nothing_is_known() {
    let deployed = native();
    let remote = EngineRemote::new(&deployed, Fate::AnswerAfter(Duration::from_mins(10)));
    let endpoint = Endpoint { trusted: true, ..Endpoint::new("cloud", "https://127.0.0.1:1") };
    let builder = Runtime::builder().endpoint(endpoint).remote(remote.clone());
    let model = deployed.load(builder, |_| {}).unwrap();
    let options = RunOptions { mode: InferenceMode::PreferInCloud, ..hedged() };
    let plan = model.plan(&options).unwrap();
    assert!(plan.order[0].endpoint().is_some() && plan.hedge_after.is_some(), "{}", plan.explain());
    let prediction = model.run(&inputs(), &options).unwrap();
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert_eq!(prediction.decision.reason, Reason::Hedge);
    assert_eq!(remote.seen().len(), 1);
}
