//! Split runs: what crosses, what the endpoint must not see, and who finishes when it fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stand outside them")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{CUT, Deployed, EngineRemote, Fate, Fixed, GatedEngine, deployed, inputs, runtime, split};
use tandem::split::WireForm;
use tandem::{
    CancellationToken, DType, Error, ErrorCode, Model, NamedTensors, OfflineBehavior, Placement, Reason,
    RemoteError, RunOptions, Sensitivity,
};

fn native() -> Deployed {
    deployed(&[("f32", WireForm::Native, None)])
}

fn lost() -> RemoteError {
    RemoteError::ConnectionLost { endpoint: "cloud".into(), phase: "wait", detail: "reset".into() }
}

fn largest_difference(got: &NamedTensors, expected: &NamedTensors) -> f32 {
    let pairs = got.iter().zip(expected.iter()).flat_map(|((got_name, got), (name, expected))| {
        assert_eq!(got_name, name);
        let values = |tensor: &tandem::Tensor| tensor.to_vec::<f32>().unwrap();
        values(got).into_iter().zip(values(expected))
    });
    pairs.map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn a_split_run_gives_what_the_whole_model_gives_and_sends_only_what_crosses() {
    let deployed = native();
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
    let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert_eq!(prediction.decision.placement, split());
    assert_eq!(prediction.decision.reason, Reason::Best);
    assert!(prediction.timing.device.is_some() && prediction.timing.remote.is_some());
    let seen = remote.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, "two_sides-tail-f32");
    assert_eq!(seen[0].1.names().collect::<Vec<_>>(), ["early", "z"]);
}

#[test]
fn outputs_that_the_head_gives_alone_contact_nobody() {
    let deployed = native();
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let options = RunOptions { outputs: vec!["early".into()], ..RunOptions::default() };
    let whole = model.predict(&inputs(), &options).unwrap();
    let prediction = model.run(&inputs(), &options).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert!(remote.seen().is_empty());
}

#[test]
fn every_failure_of_the_endpoint_is_finished_on_the_device_from_the_cut() {
    let endpoint = || "cloud".to_owned();
    let detail = || "broken".to_owned();
    let failures = [
        lost(),
        RemoteError::Unreachable { endpoint: endpoint(), detail: detail() },
        RemoteError::ServerFailed { endpoint: endpoint(), status: 500, detail: detail() },
        RemoteError::Overloaded { endpoint: endpoint(), status: 503, retry_after: None, detail: detail() },
        RemoteError::InvalidAnswer { endpoint: endpoint(), detail: detail() },
        RemoteError::Unauthorized { endpoint: endpoint(), status: 401, detail: detail() },
    ];
    let deployed = native();
    for failure in failures {
        let remote = EngineRemote::new(&deployed, Fate::Fail(failure.clone()));
        let planner = Fixed::new([split(), Placement::OnDevice]);
        let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
        let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
        let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
        assert_eq!(prediction.outputs, whole.outputs, "{failure}");
        assert_eq!(prediction.decision.placement, Placement::OnDevice);
        assert_eq!(prediction.decision.reason, Reason::Fallback);
        assert_eq!(prediction.decision.fallback_cause, Some(failure.to_string()));
        assert_eq!(remote.seen().len(), 1, "{failure}");
    }
}

#[test]
fn a_run_that_is_to_fail_offline_does() {
    let deployed = native();
    let unreachable = RemoteError::Unreachable { endpoint: "cloud".into(), detail: "refused".into() };
    let remote = EngineRemote::new(&deployed, Fate::Fail(unreachable));
    let planner = Fixed::new([split(), Placement::OnDevice]);
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let options = RunOptions { offline: OfflineBehavior::Fail, ..RunOptions::default() };
    assert_eq!(model.run(&inputs(), &options).unwrap_err().code(), ErrorCode::Offline);
}

#[test]
fn a_tail_that_is_not_deployed_is_not_offered_again() {
    let mut deployed = native();
    let remote = {
        let tails = std::mem::take(&mut deployed.tails);
        let remote = EngineRemote::new(&deployed, Fate::Answer);
        deployed.tails = tails;
        remote
    };
    let planner = Fixed::new([split(), Placement::OnDevice]);
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    for _ in 0..2 {
        let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
        assert_eq!(prediction.decision.placement, Placement::OnDevice);
    }
    assert_eq!(*planner.offered.lock().unwrap(), [true, false]);
}

#[test]
fn a_slow_endpoint_is_given_up_before_the_deadline() {
    let deployed = native();
    let remote = EngineRemote::new(&deployed, Fate::AnswerAfter(Duration::from_mins(1)));
    let planner = Fixed::new([split(), Placement::OnDevice]);
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    model.predict(&inputs(), &RunOptions::default()).unwrap();
    let options = RunOptions { timeout: Some(Duration::from_secs(5)), ..RunOptions::default() };
    let prediction = model.run(&inputs(), &options).unwrap();
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    let cause = prediction.decision.fallback_cause.unwrap();
    assert!(cause.contains("given up after"), "{cause}");
}

#[test]
fn the_device_wins_a_race_against_a_slow_endpoint_and_the_exchange_ends() {
    let deployed = native();
    let remote = EngineRemote::new(&deployed, Fate::AnswerAfter(Duration::from_mins(1)));
    let planner = Arc::new(Fixed {
        order: vec![split(), Placement::OnDevice],
        hedge_after: Some(Duration::from_millis(20)),
        offered: std::sync::Mutex::default(),
    });
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
    let prediction = model.run(&inputs(), &RunOptions { hedge: true, ..RunOptions::default() }).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert_eq!(prediction.decision.reason, Reason::Hedge);
    assert_eq!(prediction.decision.fallback_cause, None);
}

#[test]
fn a_fast_endpoint_wins_the_race() {
    let deployed = native();
    let remote = EngineRemote::new(&deployed, Fate::Answer);
    let planner = Arc::new(Fixed {
        order: vec![split(), Placement::OnDevice],
        hedge_after: Some(Duration::from_mins(1)),
        offered: std::sync::Mutex::default(),
    });
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let prediction = model.run(&inputs(), &RunOptions { hedge: true, ..RunOptions::default() }).unwrap();
    assert_eq!(prediction.decision.placement, split());
}

#[test]
fn a_whole_run_in_the_cloud_is_hedged_too() {
    let deployed = native();
    let remote = EngineRemote::new(&deployed, Fate::AnswerAfter(Duration::from_mins(1)));
    let cloud = Placement::InCloud { endpoint: "cloud".into() };
    let planner = Arc::new(Fixed {
        order: vec![cloud, Placement::OnDevice],
        hedge_after: Some(Duration::from_millis(20)),
        offered: std::sync::Mutex::default(),
    });
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
    let prediction = model.run(&inputs(), &RunOptions { hedge: true, ..RunOptions::default() }).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert_eq!(prediction.decision.reason, Reason::Hedge);
}

#[test]
fn cancelling_ends_both_sides_and_nobody_stands_in() {
    let deployed = native();
    for hedge in [false, true] {
        let remote = EngineRemote::new(&deployed, Fate::AnswerAfter(Duration::from_mins(1)));
        let planner = Arc::new(Fixed {
            order: vec![split(), Placement::OnDevice],
            hedge_after: Some(Duration::from_mins(1)),
            offered: std::sync::Mutex::default(),
        });
        let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
        let token = CancellationToken::new();
        let options = RunOptions { hedge, token: token.clone(), ..RunOptions::default() };
        let error = std::thread::scope(|scope| {
            let run = scope.spawn(|| model.run(&inputs(), &options).unwrap_err());
            while remote.seen().is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            token.cancel();
            run.join().unwrap()
        });
        assert_eq!(error.code(), ErrorCode::Cancelled, "hedge: {hedge}");
    }
}

#[test]
fn the_most_compact_form_that_is_exact_enough_travels() {
    let forms = [
        ("f32", WireForm::Native, None),
        ("f16", WireForm::F16, Some(1e-4)),
        ("u8", WireForm::U8PerRequest, Some(1e-2)),
    ];
    let deployed = deployed(&forms);
    for (limit, expected, dtype, tolerance) in
        [(0.0, "f32", DType::F32, 0.0), (1e-3, "f16", DType::F16, 2e-2), (1e-1, "u8", DType::U8, 2e-1)]
    {
        let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
        let model = deployed
            .load(runtime(&remote, &planner), |manifest| manifest.max_relative_error = limit)
            .unwrap();
        let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
        let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
        assert!(largest_difference(&prediction.outputs, &whole.outputs) <= tolerance, "{expected}");
        let seen = remote.seen();
        assert_eq!(seen[0].0, format!("two_sides-tail-{expected}"));
        assert_eq!(seen[0].1.iter().next().unwrap().1.dtype(), dtype);
    }
}

#[test]
fn a_form_whose_error_was_not_measured_is_not_used() {
    let deployed = deployed(&[("f16", WireForm::F16, None)]);
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([Placement::OnDevice]));
    let model =
        deployed.load(runtime(&remote, &planner), |manifest| manifest.max_relative_error = 1.0).unwrap();
    model.run(&inputs(), &RunOptions::default()).unwrap();
    assert_eq!(*planner.offered.lock().unwrap(), [false]);
}

#[test]
fn what_has_no_form_to_travel_in_is_finished_on_the_device() {
    let deployed = deployed(&[("u8", WireForm::U8PerRequest, Some(1e-4))]);
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    let z = tandem::Tensor::from_vec([2, 4], vec![f32::INFINITY; 8]).unwrap();
    let given = NamedTensors::new([("x", inputs().get("x").unwrap().clone()), ("z", z)]).unwrap();
    let whole = model.predict(&given, &RunOptions::default()).unwrap();
    let prediction = model.run(&given, &RunOptions::default()).unwrap();
    assert_eq!(prediction.outputs, whole.outputs);
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert!(remote.seen().is_empty());
}

#[test]
fn a_planner_that_forgets_the_label_or_a_private_tensor_sends_nothing() {
    let deployed = native();
    let private = |name: &str| RunOptions { private_tensors: vec![name.into()], ..RunOptions::default() };
    let labelled = RunOptions { sensitivity: Sensitivity::Private, ..RunOptions::default() };
    for placement in [split(), Placement::InCloud { endpoint: "cloud".into() }] {
        for options in [labelled.clone(), private("x"), private("z"), private("positive"), private("grown")] {
            let remote = EngineRemote::new(&deployed, Fate::Answer);
            let planner = Fixed::new([placement.clone()]);
            let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
            let error = model.run(&inputs(), &options).unwrap_err();
            assert_eq!(error.code(), ErrorCode::PolicyDenied, "{error}");
            assert!(remote.seen().is_empty());
        }
    }
}

#[test]
fn a_manifest_of_another_model_or_without_its_signature_is_refused() {
    let deployed = native();
    let load = |deployed: &Deployed, public_key| {
        let (remote, planner) = (EngineRemote::new(&native(), Fate::Answer), Fixed::new([split()]));
        let model = deployed.load(runtime(&remote, &planner), |manifest| manifest.public_key = public_key);
        model.err().map(|error| error.code())
    };
    assert_eq!(load(&deployed, None), None);
    assert_eq!(load(&deployed, Some([7; 32])), Some(ErrorCode::IntegrityMismatch));
    let mut other = native();
    other.manifest.model.sha256 = "1".repeat(64);
    assert_eq!(load(&other, None), Some(ErrorCode::IntegrityMismatch));
    let mut unknown = native();
    unknown.manifest.cuts[0].boundary.crossing[0].name = "nowhere".into();
    // Told when the cut is made: then the model runs whole.
    let (remote, planner) =
        (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split(), Placement::OnDevice]));
    let model = unknown.load(runtime(&remote, &planner), |_| {}).unwrap();
    let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
    assert_eq!(prediction.decision.placement, Placement::OnDevice);
    assert!(prediction.decision.fallback_cause.unwrap().contains(CUT));
}

#[test]
fn a_closed_model_splits_nothing() {
    let deployed = native();
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner), |_| {}).unwrap();
    model.run(&inputs(), &RunOptions::default()).unwrap();
    model.close();
    assert_eq!(model.run(&inputs(), &RunOptions::default()).unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(remote.seen().len(), 1);
}

/// The error of a run that `stop` ends once the engine has begun so many loads.
fn stopped_while_made(
    model: &Model,
    engine: &GatedEngine,
    loads: usize,
    stop: impl FnOnce(&CancellationToken),
) -> Error {
    let options = RunOptions::default();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| model.run(&inputs(), &options).unwrap_err());
        engine.wait_for(loads);
        stop(&options.token);
        run.join().unwrap()
    })
}

#[test]
fn a_run_is_cancelled_while_its_halves_are_made_and_the_next_makes_them() {
    let (deployed, engine) = (native(), Arc::new(GatedEngine::default()));
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner).engine(engine.clone()), |_| {}).unwrap();
    let error = stopped_while_made(&model, &engine, 2, CancellationToken::cancel);
    assert_eq!(error.code(), ErrorCode::Cancelled);
    engine.open();
    assert_eq!(model.run(&inputs(), &RunOptions::default()).unwrap().decision.placement, split());
    assert_eq!(*planner.offered.lock().unwrap(), [true, true], "the cut is not thought impossible");
}

#[test]
fn a_run_that_waits_for_halves_makes_them_when_the_run_that_began_is_cancelled() {
    let (deployed, engine) = (native(), Arc::new(GatedEngine::default()));
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner).engine(engine.clone()), |_| {}).unwrap();
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        let error = stopped_while_made(&model, &engine, 2, |token| {
            let wait = || scope.spawn(|| model.run(&inputs(), &RunOptions::default()));
            others.extend((0..2).map(|_| wait()));
            while planner.offered.lock().unwrap().len() < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            token.cancel();
        });
        assert_eq!(error.code(), ErrorCode::Cancelled);
        // One of the others has begun anew.
        engine.wait_for(3);
        engine.open();
        for other in others {
            assert_eq!(other.join().unwrap().unwrap().decision.placement, split());
        }
    });
    // The model, the head that was cancelled, head and tail.
    assert_eq!(engine.loads(), 4);
}

#[test]
fn a_passed_deadline_ends_the_wait_for_halves_and_not_their_making() {
    let (deployed, engine) = (native(), Arc::new(GatedEngine::default()));
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner).engine(engine.clone()), |_| {}).unwrap();
    let short = RunOptions { timeout: Some(Duration::from_millis(20)), ..RunOptions::default() };
    assert_eq!(model.run(&inputs(), &short).unwrap_err().code(), ErrorCode::DeadlineExceeded);
    engine.wait_for(2);
    engine.open();
    assert_eq!(model.run(&inputs(), &RunOptions::default()).unwrap().decision.placement, split());
    assert_eq!(engine.loads(), 3, "the model, head and tail, once each");
}

#[test]
fn closing_the_model_ends_the_making_of_halves() {
    let (deployed, engine) = (native(), Arc::new(GatedEngine::default()));
    let (remote, planner) = (EngineRemote::new(&deployed, Fate::Answer), Fixed::new([split()]));
    let model = deployed.load(runtime(&remote, &planner).engine(engine.clone()), |_| {}).unwrap();
    let error = stopped_while_made(&model, &engine, 2, |_| model.close());
    assert_eq!(error.code(), ErrorCode::Closed);
}
