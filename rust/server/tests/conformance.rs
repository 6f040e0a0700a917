//! The conformance table, run by Rust against the embedded server.

#![allow(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

use std::sync::Arc;

use tandem::{DeviceState, Endpoint, Error, Model, Runtime, WireFormat};
use tandem_server::{Server, ServerConfig};
use tandem_testkit::conformance::{Answer, Before, Call, Case, Table, folder, tensors};

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

fn call(case: &Case, runtime: &Runtime) -> Result<Answer, Error> {
    let model = runtime.load(folder().join(&case.model), &case.load_options())?;
    let options = case.run_options();
    match case.before {
        Some(Before::Cancel) => options.token.cancel(),
        Some(Before::CloseModel) => model.close(),
        Some(Before::CloseRuntime) => runtime.close(),
        None => {}
    }
    let inputs = tensors(&case.inputs).unwrap();
    let way = match case.call {
        Call::Load => return Ok(Answer::Loaded),
        Call::Plan => return model.plan(&options).map(Answer::Planned),
        Call::Predict => Model::predict,
        Call::Offload => Model::offload,
        Call::Run => Model::run,
    };
    way(&model, &inputs, &options).map(|prediction| Answer::Ran(Box::new(prediction)))
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
