//! Cancellation, deadlines, warm-up and many threads on one model.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{load, run, try_load};
use tandem_core::{
    CancellationToken, Control, Engine, Interrupt, LoadError, LoadOptions, LocalModel, ModelSource,
    NamedTensors, RunError,
};
use tandem_engine::OnnxEngine;
use tandem_testkit::models::arithmetic::classifier;
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::slow::matmul_chain;
use tandem_testkit::models::vision::{VisionConfig, branchy};

#[test]
fn another_thread_cancels_a_run() {
    let proto = matmul_chain(200, 64).unwrap();
    let (model, inputs) = (load(&proto), random_inputs(&proto, &[], 1).unwrap());
    let (control, running) = (Control::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let runner = scope.spawn(|| {
            loop {
                running.store(true, Ordering::SeqCst);
                if let Err(error) = model.run(&inputs, &[], &control) {
                    return error;
                }
            }
        });
        while !running.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        control.token.cancel();
        assert_eq!(runner.join().unwrap(), RunError::Interrupted(Interrupt::Cancelled));
    });
    assert!(run(model.as_ref(), &inputs).is_ok());
}

#[test]
fn a_deadline_ends_a_run_that_is_under_way() {
    let proto = matmul_chain(200, 64).unwrap();
    let (model, inputs) = (load(&proto), random_inputs(&proto, &[], 1).unwrap());
    let deadline = Some(Instant::now() + Duration::from_millis(30));
    let control = Control { deadline, ..Control::default() };
    let error = loop {
        if let Err(error) = model.run(&inputs, &[], &control) {
            break error;
        }
    };
    assert_eq!(error, RunError::Interrupted(Interrupt::DeadlineExceeded));
    assert!(run(model.as_ref(), &inputs).is_ok());
}

#[test]
fn another_thread_cancels_a_load() {
    let proto = branchy(&VisionConfig::small()).unwrap();
    let (options, count) = (LoadOptions::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let loader = scope.spawn(|| {
            loop {
                match try_load(&proto, &options) {
                    Ok(_) => count.fetch_add(1, Ordering::SeqCst),
                    Err(error) => return error,
                };
            }
        });
        // From then on a load is under way at any moment.
        while count.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        options.token.cancel();
        assert_eq!(loader.join().unwrap(), LoadError::Interrupted(Interrupt::Cancelled));
    });
    let inputs = random_inputs(&proto, &[], 1).unwrap();
    assert!(run(load(&proto).as_ref(), &inputs).is_ok());
}

#[test]
fn a_load_ends_when_its_time_is_over() {
    let proto = branchy(&VisionConfig::small()).unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(1)] {
        let options = LoadOptions { timeout: Some(timeout), ..LoadOptions::default() };
        let error = loop {
            if let Err(error) = try_load(&proto, &options) {
                break error;
            }
        };
        assert_eq!(error, LoadError::Interrupted(Interrupt::DeadlineExceeded));
    }
    let options = LoadOptions { timeout: Some(Duration::MAX), ..LoadOptions::default() };
    assert!(try_load(&proto, &options).is_ok(), "what no clock can hold is no timeout");
}

#[test]
fn a_cancelled_load_stops_before_it_reads_the_file() {
    let options = LoadOptions::default();
    options.token.cancel();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not-a-model.onnx");
    std::fs::write(&path, "no model").unwrap();
    let loaded = OnnxEngine::new().load(&ModelSource::from(&path), &options);
    assert_eq!(loaded.err().unwrap(), LoadError::Interrupted(Interrupt::Cancelled));
}

#[test]
fn nothing_starts_under_a_cancelled_token() {
    let proto = classifier(1).unwrap();
    let (model, inputs) = (load(&proto), random_inputs(&proto, &[], 1).unwrap());
    let token = CancellationToken::new();
    token.cancel();
    let control = Control { token, deadline: None };
    let cancelled = RunError::Interrupted(Interrupt::Cancelled);
    assert_eq!(model.run(&inputs, &[], &control).unwrap_err(), cancelled);
    assert_eq!(model.profile(&inputs, &control).unwrap_err(), cancelled);
    assert_eq!(model.warm_up(&inputs, &control).unwrap_err(), cancelled);
}

#[test]
fn warming_up_checks_the_inputs_and_changes_no_answer() {
    let proto = classifier(1).unwrap();
    let (warm, cold) = (load(&proto), load(&proto));
    let inputs = random_inputs(&proto, &[], 1).unwrap();
    warm.warm_up(&inputs, &Control::default()).unwrap();
    assert_eq!(run(warm.as_ref(), &inputs).unwrap(), run(cold.as_ref(), &inputs).unwrap());
    assert!(warm.warm_up(&NamedTensors::default(), &Control::default()).is_err());
}

#[test]
fn a_hundred_threads_get_the_answers_that_one_gets() {
    let proto = branchy(&VisionConfig::small()).unwrap();
    let model = load(&proto);
    let inputs: Vec<_> = (0..100).map(|seed| random_inputs(&proto, &[], seed).unwrap()).collect();
    let expected: Vec<_> = inputs.iter().map(|inputs| run(model.as_ref(), inputs).unwrap()).collect();
    let fresh = load(&proto);
    let answers: Vec<_> = thread::scope(|scope| {
        let model: &dyn LocalModel = fresh.as_ref();
        let threads: Vec<_> =
            inputs.iter().map(|inputs| scope.spawn(move || run(model, inputs).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers, expected);
}
