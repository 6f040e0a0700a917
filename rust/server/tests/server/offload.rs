//! The project's own client against the project's own server.

use tandem::{Endpoint, LoadOptions, RunOptions, Runtime, Secret, WireFormat};
use tandem_core::{Control, ErrorCode};
use tandem_testkit::models::{Suite, catalog};

use crate::world::{Repository, Running};

fn runtime(world: &Running, wire: WireFormat) -> Runtime {
    let endpoint = Endpoint { wire, ..Endpoint::new("cloud", format!("http://{}", world.address())) };
    Runtime::builder().endpoint(endpoint).build().unwrap()
}

#[test]
fn offloading_gives_what_predicting_gives() {
    let names = ["add", "mixed", "classifier", "identity_i64", "identity_string", "mobilenet_v2_small"];
    let entries: Vec<_> =
        catalog().unwrap().into_iter().filter(|entry| names.contains(&entry.name())).collect();
    assert_eq!(entries.len(), names.len());
    let world = entries
        .iter()
        .fold(Repository::new(), |repository, entry| {
            repository.with(entry.name(), 1, &entry.model().unwrap())
        })
        .serve();
    for wire in [WireFormat::Auto, WireFormat::Binary, WireFormat::Json] {
        let runtime = runtime(&world, wire);
        assert!(runtime.is_ready("cloud", &Control::default()).unwrap());
        for entry in &entries {
            assert_eq!(entry.suite(), Suite::Test);
            let options = LoadOptions { name: Some(entry.name().to_owned()), ..LoadOptions::default() };
            let model = runtime.load(world.repository.model(entry.name(), 1), &options).unwrap();
            let inputs = entry.inputs(&entry.model().unwrap(), 5).unwrap();
            let here = model.predict(&inputs, &RunOptions::default()).unwrap();
            let there = model.offload(&inputs, &RunOptions::default()).unwrap();
            assert!(there.timing.remote.unwrap().server.is_some(), "the server tells its time");
            assert!(here.outputs.names().eq(there.outputs.names()));
            for (name, expected) in here.outputs.iter() {
                let got = there.outputs.get(name).unwrap();
                match (expected.values::<f32>(), got.values::<f32>()) {
                    (Ok(expected), Ok(got)) => {
                        let close =
                            |(one, other): (&f32, &f32)| (one - other).abs() <= 1e-5 * (1.0 + one.abs());
                        assert!(expected.iter().zip(got.iter()).all(close), "{} {name}", entry.name());
                    }
                    _ => assert!(expected == got, "{} {name}", entry.name()),
                }
            }
        }
    }
}

#[test]
fn a_token_is_asked_for_and_taken() {
    let world = Repository::usual().serve_with(|config| config.token = Some(Secret::new("sesame")));
    let offload = |token: Option<&str>| {
        let mut endpoint = Endpoint::new("cloud", format!("http://{}", world.address()));
        endpoint.token = token.map(|token| std::sync::Arc::new(Secret::new(token)) as _);
        let runtime = Runtime::builder().endpoint(endpoint).build().unwrap();
        let options = LoadOptions { name: Some("classifier".to_owned()), ..LoadOptions::default() };
        let model = runtime.load(world.repository.model("classifier", 1), &options).unwrap();
        let entry = catalog().unwrap().into_iter().find(|entry| entry.name() == "classifier").unwrap();
        let inputs = entry.inputs(&entry.model().unwrap(), 5).unwrap();
        model.offload(&inputs, &RunOptions::default()).map_err(|error| error.code())
    };
    assert!(offload(Some("sesame")).is_ok());
    assert_eq!(offload(Some("other")).unwrap_err(), ErrorCode::RemoteFailed);
    assert_eq!(offload(None).unwrap_err(), ErrorCode::RemoteFailed);
}
