//! Real servers answer what this device answers, for every test model, over both forms.
//!
//! `TANDEM_TEST_SERVERS` names them (`triton=http://127.0.0.1:8000,…`). All serve the models that
//! `testkit-models` writes. Split test models that the example `split_models` wrote into the repository
//! `TANDEM_TEST_REPO` are run with the head here and the tail there. Without these variables the tests say that
//! they were skipped, and pass.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper, and a skip that is seen"
)]

#[path = "server/split_runs.rs"]
#[allow(dead_code, reason = "the example `split_models` uses the other half")]
mod split_runs;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tandem::{DType, Endpoint, LoadOptions, ModelSource, RunOptions, Runtime, WireFormat};
use tandem_testkit::agreement::{disagreement, floats};
use tandem_testkit::models::{Entry, Suite, catalog};

const TOLERANCE: f64 = 1e-5;

fn servers() -> Vec<(String, String)> {
    let Ok(list) = std::env::var("TANDEM_TEST_SERVERS") else {
        println!("SKIPPED: TANDEM_TEST_SERVERS names no server; scripts/test starts some");
        return Vec::new();
    };
    let server = |entry: &str| {
        let (name, url) = entry.split_once('=').unwrap();
        (name.to_owned(), url.to_owned())
    };
    list.split(',').map(server).collect()
}

/// Compares the answers of one model; gives how many comparisons were made, and what differs.
fn compare(runtime: &Runtime, entry: &Entry) -> Result<usize, String> {
    let file = entry.model().unwrap();
    let options = LoadOptions { name: Some(entry.name().to_owned()), ..LoadOptions::default() };
    let source = ModelSource::Bytes(Arc::from(&*file.encode_bytes()));
    let model = runtime.load(source, &options).map_err(|error| error.to_string())?;
    let info = model.info();
    let has_f16 = info.inputs.iter().chain(&info.outputs).any(|tensor| tensor.dtype == DType::F16);
    let inputs = entry.inputs(&file, 0).unwrap();
    let device = model.predict(&inputs, &RunOptions::default()).map_err(|error| error.to_string())?.outputs;
    let finite = device.iter().filter_map(|(_, tensor)| floats(tensor)).flatten().all(f64::is_finite);
    // JSON has no word for half precision, and none for what is not finite.
    let forms = if has_f16 || !finite { &["auto"][..] } else { &["auto", "json"] };
    for &form in forms {
        let options = RunOptions {
            endpoint: Some(form.to_owned()),
            timeout: Some(Duration::from_mins(1)),
            ..RunOptions::default()
        };
        let cloud = model.offload(&inputs, &options).map_err(|error| format!("{form}: {error}"))?.outputs;
        if let Some(difference) = disagreement(&device, &cloud, TOLERANCE) {
            return Err(format!("{form}: {difference}"));
        }
    }
    Ok(forms.len())
}

#[test]
fn device_and_servers_agree_on_every_test_model() {
    let entries: Vec<_> =
        catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test).collect();
    for (server, url) in servers() {
        let runtime = Runtime::builder()
            .endpoint(Endpoint::new("auto", &url))
            .endpoint(Endpoint { wire: WireFormat::Json, ..Endpoint::new("json", &url) })
            .build()
            .unwrap();
        let (mut compared, mut wrong) = (0, Vec::new());
        for entry in &entries {
            match compare(&runtime, entry) {
                Ok(count) => compared += count,
                Err(difference) => wrong.push(format!("{}: {difference}", entry.name())),
            }
        }
        println!("{server}: {compared} answers agree, of {} models", entries.len());
        assert!(wrong.is_empty(), "{server}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn heads_here_and_tails_there_are_as_near_to_the_whole_as_their_manifests_say() {
    let Ok(repository) = std::env::var("TANDEM_TEST_REPO") else {
        println!("SKIPPED: TANDEM_TEST_REPO names no repository; scripts/test makes one");
        return;
    };
    for (server, url) in servers() {
        // The others serve the models of the catalog only.
        if !["triton", "tandem"].contains(&server.as_str()) {
            println!("SKIPPED: {server} does not serve the split models");
            continue;
        }
        let runtime = Runtime::builder().endpoint(Endpoint::new("cloud", &url)).build().unwrap();
        let (near, wrong) = split_runs::run_all(&runtime, "cloud", Path::new(&repository), &split_runs::FEW);
        println!("{server}: {near} split runs are as near as stated");
        assert!(wrong.is_empty(), "{server}:\n{}", wrong.join("\n"));
    }
}
