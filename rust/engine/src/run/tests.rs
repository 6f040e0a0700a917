use std::sync::Arc;

use tandem_core::{Interrupt, LoadOptions, ModelSource, RunError, Tensor};
use tandem_kernels::Threads;
use tandem_testkit::models::slow::matmul_chain;

use super::*;
use crate::engine::EngineOptions;
use crate::load::load;
use crate::model::OnnxModel;

fn chain() -> OnnxModel {
    let bytes: Vec<u8> = matmul_chain(20, 4).unwrap().encode_bytes().into();
    let threads = Arc::new(Threads::new(1));
    load(&ModelSource::Bytes(bytes.into()), &LoadOptions::default(), &EngineOptions::default(), &threads)
        .unwrap()
}

fn input() -> NamedTensors {
    NamedTensors::new([("x", Tensor::from_vec([4, 4], vec![1.0_f32; 16]).unwrap())]).unwrap()
}

#[test]
fn a_run_that_is_cancelled_half_way_stops_before_the_next_node() {
    let control = Control::default();
    let mut ended = 0;
    let stopped = chain().run_observed(&input(), &control, &mut |_, _, _| {
        ended += 1;
        if ended == 7 {
            control.token.cancel();
        }
    });
    assert_eq!(stopped.unwrap_err(), RunError::Interrupted(Interrupt::Cancelled));
    assert_eq!(ended, 7);
}

#[test]
fn a_deadline_that_passes_half_way_stops_the_run() {
    let model = chain();
    let deadline = Instant::now() + std::time::Duration::from_mins(10);
    let control = Control { deadline: Some(deadline), ..Control::default() };
    assert!(model.run_observed(&input(), &control, &mut |_, _, _| {}).is_ok());
    let passed = Control { deadline: Some(Instant::now()), ..Control::default() };
    let stopped = model.run_observed(&input(), &passed, &mut |_, _, _| {});
    assert_eq!(stopped.unwrap_err(), RunError::Interrupted(Interrupt::DeadlineExceeded));
}

#[test]
fn a_panic_inside_becomes_an_error_and_the_model_lives_on() {
    let model = chain();
    let broken = model.run_observed(&input(), &Control::default(), &mut |_, _, _| panic!("a defect"));
    let error = broken.unwrap_err().to_string();
    assert_eq!(error, "internal error while running: a panic in the engine: a defect");
    assert!(model.run_observed(&input(), &Control::default(), &mut |_, _, _| {}).is_ok());
}
