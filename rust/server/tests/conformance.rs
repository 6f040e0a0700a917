//! The conformance table, run by Rust against the embedded server.

#![allow(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

#[path = "../../sdk/tests/support/conformance.rs"]
mod support;

use support::{call, runtime};
use tandem_server::{Server, ServerConfig};
use tandem_testkit::conformance::{Table, folder};

#[test]
fn every_case_of_the_table_holds() {
    let config = ServerConfig {
        address: ([127, 0, 0, 1], 0).into(),
        ..ServerConfig::new(folder().join("repository"))
    };
    let server = Server::start(config).unwrap();
    let url = format!("http://{}", server.address());
    let table = Table::read(&folder()).unwrap();
    assert_eq!(table.version, 1);
    let complaints: Vec<String> = table
        .cases
        .iter()
        .filter_map(|case| {
            let runtime = runtime(case, &url);
            case.complaint(&call(case, &runtime)).map(|complaint| format!("{}: {complaint}", case.name))
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
