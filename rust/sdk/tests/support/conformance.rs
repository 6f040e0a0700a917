//! A case of the conformance table, called as a Rust app would. The server's tests run the whole table by it.

#![allow(unreachable_pub, reason = "a module of tests")]

use std::sync::Arc;

use tandem::{Endpoint, Error, Model, Runtime, WireFormat};
use tandem_testkit::conformance::{Answer, Before, Call, Case, folder, tensors};

/// A runtime with the endpoints that the table names, where `url` serves its repository.
pub fn runtime(case: &Case, url: &str) -> Runtime {
    let mut builder = Runtime::builder();
    if let Some(device) = case.device.clone() {
        builder = builder.device_state_provider(Arc::new(device));
    }
    builder
        .endpoint(Endpoint::new("server", url))
        .endpoint(Endpoint { wire: WireFormat::Json, ..Endpoint::new("json", url) })
        .endpoint(Endpoint::new("down", "http://127.0.0.1:1"))
        .build()
        .unwrap()
}

/// What comes of a case.
pub fn call(case: &Case, runtime: &Runtime) -> Result<Answer, Error> {
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
