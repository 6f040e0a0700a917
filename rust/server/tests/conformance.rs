//! The conformance table, run by Rust against the embedded server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the lints know test functions, not their helpers")]

use std::sync::Arc;
use std::time::Duration;

use tandem::{
    CancellationToken, Candidate, DeviceState, Endpoint, Error, Limits, LoadOptions, Model, NamedTensors,
    Plan, Prediction, RunOptions, Runtime, Tensor, WireFormat,
};
use tandem_server::{Server, ServerConfig};
use tandem_testkit::conformance::{Before, Call, Case, Considered, Expect, Table, folder, tensors};

fn runtime(server: &Server, device: Option<DeviceState>) -> Runtime {
    let url = format!("http://{}", server.address());
    let mut builder = Runtime::builder();
    if let Some(device) = device {
        builder = builder.device_state_provider(Arc::new(device));
    }
    builder
        .endpoint(Endpoint::new("server", &url))
        .endpoint(Endpoint { wire: WireFormat::Json, ..Endpoint::new("json", &url) })
        .endpoint(Endpoint::new("down", "http://127.0.0.1:1"))
        .build()
        .unwrap()
}

fn load_options(case: &Case) -> LoadOptions {
    let default = LoadOptions::default();
    let model_bytes = case.load.model_bytes.unwrap_or(default.limits.model_bytes);
    LoadOptions {
        limits: Limits { model_bytes, ..default.limits },
        name: case.load.name.clone(),
        sha256: case.load.sha256.clone(),
        ..default
    }
}

fn run_options(case: &Case) -> RunOptions {
    let options = case.options.clone();
    RunOptions {
        mode: options.mode,
        sensitivity: options.sensitivity,
        private_inputs: options.private_inputs,
        offline: options.offline,
        timeout: options.timeout_ms.map(Duration::from_millis),
        outputs: options.outputs,
        endpoint: options.endpoint,
        token: CancellationToken::new(),
        ..RunOptions::default()
    }
}

/// What a call gave.
enum Answer {
    Nothing,
    Planned(Plan),
    Ran(Box<Prediction>),
}

fn call(case: &Case, runtime: &Runtime) -> Result<Answer, Error> {
    let model = runtime.load(folder().join(&case.model), &load_options(case))?;
    let options = run_options(case);
    match case.before {
        Some(Before::Cancel) => options.token.cancel(),
        Some(Before::CloseModel) => model.close(),
        Some(Before::CloseRuntime) => runtime.close(),
        None => {}
    }
    let inputs = tensors(&case.inputs).unwrap();
    let way: fn(&Model, &NamedTensors, &RunOptions) -> Result<Prediction, Error> = match case.call {
        Call::Load => return Ok(Answer::Nothing),
        Call::Plan => return model.plan(&options).map(Answer::Planned),
        Call::Predict => Model::predict,
        Call::Offload => Model::offload,
        Call::Run => Model::run,
    };
    way(&model, &inputs, &options).map(|prediction| Answer::Ran(Box::new(prediction)))
}

fn within(got: &Tensor, expected: &Tensor, tolerance: f64) -> bool {
    if tolerance == 0.0 {
        return got == expected;
    }
    let (Ok(got_values), Ok(expected_values)) = (got.values::<f32>(), expected.values::<f32>()) else {
        return false;
    };
    got.shape() == expected.shape()
        && got_values
            .iter()
            .zip(expected_values.iter())
            .all(|(got, expected)| (f64::from(*got) - f64::from(*expected)).abs() <= tolerance)
}

/// What is wrong with the result, if anything is.
fn complaint(expect: &Expect, result: Result<Answer, Error>) -> Option<String> {
    match (result, expect.error) {
        (Err(error), Some(code)) => {
            let sentence = error.to_string();
            let silent = expect.says.iter().find(|text| !sentence.contains(*text));
            if error.code() == code {
                silent.map(|text| format!("{sentence:?} does not say {text:?}"))
            } else {
                Some(format!("expected {code}, got {}: {sentence}", error.code()))
            }
        }
        (Err(error), None) => Some(format!("failed: {error}")),
        (Ok(_), Some(code)) => Some(format!("expected {code}, got a result")),
        (Ok(Answer::Nothing), None) => None,
        (Ok(Answer::Planned(plan)), None) => misplaced(expect, plan.chosen(), &plan.candidates),
        (Ok(Answer::Ran(prediction)), None) => differs(expect, &prediction),
    }
}

fn differs(expect: &Expect, prediction: &Prediction) -> Option<String> {
    let expected = tensors(&expect.outputs).unwrap();
    if !prediction.outputs.names().eq(expected.names()) {
        let names: Vec<_> = prediction.outputs.names().collect();
        return Some(format!("got the outputs {names:?}"));
    }
    for ((name, got), (_, expected)) in prediction.outputs.iter().zip(expected.iter()) {
        if !within(got, expected, expect.tolerance) {
            return Some(format!("output {name:?} is {got:?}, expected {expected:?}, with other values"));
        }
    }
    let decision = &prediction.decision;
    let ran = Candidate {
        placement: decision.placement.clone(),
        allowed: true,
        reason: decision.reason,
        predicted: None,
    };
    misplaced(expect, Some(&ran), &decision.candidates)
}

/// What is wrong with where it runs, or with what was considered.
fn misplaced(expect: &Expect, chosen: Option<&Candidate>, candidates: &[Candidate]) -> Option<String> {
    if expect.placement.as_ref().is_some_and(|placement| chosen.is_none_or(|it| it.placement != *placement))
        || expect.reason.is_some_and(|reason| chosen.is_none_or(|it| it.reason != reason))
    {
        return Some(format!("chosen is {chosen:?}"));
    }
    let is_there = |considered: &Considered| {
        candidates.iter().any(|candidate| {
            candidate.placement == considered.placement
                && candidate.allowed == considered.allowed
                && candidate.reason == considered.reason
        })
    };
    let missing = expect.candidates.iter().find(|considered| !is_there(considered))?;
    Some(format!("{missing:?} is not among {candidates:?}"))
}

#[test]
fn every_case_of_the_table_holds() {
    let config = ServerConfig {
        address: ([127, 0, 0, 1], 0).into(),
        ..ServerConfig::new(folder().join("repository"))
    };
    let server = Server::start(config).unwrap();
    let table = Table::read(&folder()).unwrap();
    assert_eq!(table.version, 1);
    let complaints: Vec<String> = table
        .cases
        .iter()
        .filter_map(|case| {
            let runtime = runtime(&server, case.device.clone());
            complaint(&case.expect, call(case, &runtime))
                .map(|complaint| format!("{}: {complaint}", case.name))
        })
        .collect();
    assert!(
        complaints.is_empty(),
        "{} of {} cases:\n{}",
        complaints.len(),
        table.cases.len(),
        complaints.join("\n")
    );
    println!("{} cases hold", table.cases.len());
}
