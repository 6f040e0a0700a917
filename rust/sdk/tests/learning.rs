//! What the planner knows before the first run, and what profiles and first runs add.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::sync::Arc;

use support::{CUT, EngineRemote, Fate, deployed, inputs};
use tandem::split::WireForm;
use tandem::{
    DeviceState, Endpoint, LoadOptions, ManifestOptions, Model, ModelSource, NetworkKind, Placement,
    RunOptions, Runtime,
};
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::slow::matmul_chain;

/// A runtime on Wi-Fi with one endpoint, and the model with one cut.
fn loaded() -> (Runtime, Model) {
    let deployed = deployed(&[("f32", WireForm::Native, None)]);
    let remote = EngineRemote::new(&deployed, Fate::Answer);
    let runtime = on_wifi(&remote);
    let manifest = ManifestOptions::new(deployed.manifest_file(None));
    let options = LoadOptions { manifest: Some(manifest), ..LoadOptions::default() };
    let model = runtime.load(ModelSource::Bytes(deployed.file.clone()), &options).unwrap();
    (runtime, model)
}

fn on_wifi(remote: &Arc<EngineRemote>) -> Runtime {
    let endpoint = Endpoint { trusted: true, ..Endpoint::new("cloud", "https://127.0.0.1:1") };
    let device = DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() };
    let builder = Runtime::builder().endpoint(endpoint).remote(remote.clone());
    builder.device_state_provider(Arc::new(device)).build().unwrap()
}

fn here(model: &Model) -> Option<tandem::Predicted> {
    model.plan(&RunOptions::default()).unwrap().predicted(&Placement::OnDevice)
}

#[test]
fn a_manifest_tells_the_compute_of_a_model_that_never_ran() {
    let (_runtime, model) = loaded();
    assert!(here(&model).is_some());
}

#[test]
fn a_graph_of_fixed_shapes_tells_its_compute_by_itself() {
    let deployed = deployed(&[("f32", WireForm::Native, None)]);
    let runtime = on_wifi(&EngineRemote::new(&deployed, Fate::Answer));
    let file = |proto: tandem_onnx::ModelProto| ModelSource::Bytes(proto.encode_bytes().as_ref().into());
    let model = runtime.load(file(matmul_chain(4, 16).unwrap()), &LoadOptions::default()).unwrap();
    let guessed = here(&model).unwrap().latency;
    assert!(guessed.spread() > 0.5, "{guessed:?}");
    // Where neither shapes nor manifest tell, nothing is guessed; a run of such shapes tells.
    let proto = support::model();
    let open = runtime.load(file(proto.clone()), &LoadOptions::default()).unwrap();
    assert!(here(&open).is_none());
    for _ in 0..2 {
        open.predict(&random_inputs(&proto, &[], 1).unwrap(), &RunOptions::default()).unwrap();
    }
    assert!(here(&open).unwrap().latency.spread() < 0.5);
}

#[test]
fn a_profile_teaches_the_whole_and_the_heads() {
    let (runtime, model) = loaded();
    assert!(!runtime.estimates().unwrap().contains(CUT));
    let before = here(&model).unwrap().latency;
    // The first run of all says little; the second is a measurement.
    for _ in 0..2 {
        let profile = model.profile(&inputs(), &RunOptions::default()).unwrap();
        assert!(!profile.nodes.is_empty());
    }
    let after = here(&model).unwrap().latency;
    assert!(after.spread() < before.spread() / 2.0, "{before:?} {after:?}");
    assert!(runtime.estimates().unwrap().contains(CUT), "{}", runtime.estimates().unwrap());
}
