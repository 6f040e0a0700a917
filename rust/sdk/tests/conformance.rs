//! The cases of the conformance table that need no server: what every target runs, also those that are no host of one.
//!
//! Where `TANDEM_CONFORMANCE_OUTPUTS` names a file, what came of every case is written to it, so that
//! `scripts/lib/compare_outputs.py` can compare targets with each other.

#![allow(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

#[path = "support/conformance.rs"]
mod support;

use std::fs::File;

use serde_json::{Value, json};
use support::{call, runtime};
use tandem::Error;
use tandem_testkit::conformance::{Answer, Case, NamedValues, Table, folder};

/// Where nothing listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What came of a case, as far as it is the same on every machine.
fn record(case: &Case, result: &Result<Answer, Error>) -> Value {
    match result {
        Ok(Answer::Ran(prediction)) => {
            let outputs = prediction.outputs.iter().map(|(name, tensor)| NamedValues::new(name, tensor));
            json!({ "case": case.name, "outputs": outputs.collect::<Vec<_>>() })
        }
        Ok(Answer::Planned(plan)) => {
            let chosen =
                plan.chosen().map(|chosen| format!("{} because {}", chosen.placement, chosen.reason));
            json!({ "case": case.name, "plan": chosen })
        }
        Ok(Answer::Loaded) => json!({ "case": case.name, "loaded": true }),
        Err(error) => json!({ "case": case.name, "error": error.code().to_string() }),
    }
}

#[test]
fn every_case_without_a_server_holds() {
    let table = Table::read(&folder()).unwrap();
    let local: Vec<&Case> = table.cases.iter().filter(|case| !case.needs_server()).collect();
    let (mut records, mut complaints) = (Vec::new(), Vec::new());
    for case in &local {
        let result = call(case, &runtime(case, NOWHERE));
        records.push(record(case, &result));
        complaints.extend(case.complaint(&result).map(|complaint| format!("{}: {complaint}", case.name)));
    }
    if let Some(path) = std::env::var_os("TANDEM_CONFORMANCE_OUTPUTS") {
        serde_json::to_writer_pretty(File::create(path).unwrap(), &records).unwrap();
    }
    assert!(
        complaints.is_empty(),
        "{} of {} cases:\n{}",
        complaints.len(),
        local.len(),
        complaints.join("\n")
    );
    // Most cases are local: a rule that calls none local would hold here too.
    assert!(2 * local.len() > table.cases.len(), "{} of {} cases", local.len(), table.cases.len());
}
