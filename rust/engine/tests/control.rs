//! Cancellation, deadlines, warm-up and many threads on one model.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{load, run};
use tandem_core::{CancellationToken, Control, Interrupt, LocalModel, NamedTensors, RunError};
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
