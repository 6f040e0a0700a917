//! The committed conformance table is the one in the code.

use std::collections::BTreeSet;
use std::fs;

use tandem_core::ErrorCode;
use tandem_testkit::conformance::{Table, folder, models};

#[test]
fn the_committed_table_is_the_one_in_the_code() {
    let committed = fs::read_to_string(folder().join("cases.json")).unwrap();
    let written = Table::from_code().unwrap().to_json().unwrap();
    assert!(committed == written, "run `cargo run -p tandem-testkit --bin testkit-conformance`");
    assert_eq!(Table::read(&folder()).unwrap(), Table::from_code().unwrap());
}

#[test]
fn the_committed_models_are_the_ones_in_the_code() {
    for (path, bytes) in models().unwrap() {
        assert!(bytes == fs::read(folder().join(&path)).unwrap(), "{} differs", path.display());
    }
}

#[test]
fn names_differ_and_every_code_that_a_caller_can_bring_about_is_there() {
    let table = Table::from_code().unwrap();
    let names: BTreeSet<_> = table.cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), table.cases.len());

    let covered: BTreeSet<_> =
        table.cases.iter().filter_map(|case| case.expect.error).map(ErrorCode::as_str).collect();
    let all: BTreeSet<_> = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
    let elsewhere = BTreeSet::from([ErrorCode::QueueFull.as_str(), ErrorCode::Internal.as_str()]);
    assert_eq!(covered, &all - &elsewhere);
}

#[test]
fn every_input_of_the_table_is_a_tensor() {
    for case in Table::from_code().unwrap().cases {
        for values in case.inputs.iter().chain(&case.expect.outputs) {
            values.tensor().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        }
    }
}
