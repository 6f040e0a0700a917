//! Models whose weights lie beside the file: split, deployed in one file each, and cut on the device.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use support::{Deployed, EngineRemote, Fate, Fixed, inputs, model, runtime};
use tandem::split::{CutKind, CutOptions, Cuts, FormKind, SplitOptions};
use tandem::{LoadOptions, ManifestOptions, ModelSource, Placement, RunOptions, Runtime, read_original};
use tandem_onnx::{DataLocation, ModelProto, StringStringEntryProto};

/// The model of [`support`], its weight in a file beside it.
fn written(folder: &std::path::Path) -> std::path::PathBuf {
    let mut model = model();
    let weight = &mut model.graph.as_mut().unwrap().initializer[0];
    std::fs::write(folder.join("weights.bin"), weight.to_raw().unwrap()).unwrap();
    (weight.raw_data, weight.float_data) = Default::default();
    weight.set_data_location(DataLocation::External);
    weight.external_data = vec![StringStringEntryProto::new("location", "weights.bin")];
    let path = folder.join("two_sides.onnx");
    std::fs::write(&path, model.encode_bytes()).unwrap();
    path
}

#[test]
fn a_model_with_weights_beside_it_is_split_and_runs_split() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let original = read_original("two_sides", &ModelSource::from(&path), 1 << 20).unwrap();
    let engine = Runtime::builder().build().unwrap();
    let (tried, engine_port) = ([inputs()], engine.engine());
    let cuts =
        Cuts::find(&original.model, &original.digest, engine_port, &tried, &CutOptions::default()).unwrap();
    let cut = cuts.cuts.iter().find(|cut| cut.kind != CutKind::Inputs).unwrap().id.clone();
    let options = SplitOptions {
        forms: vec![FormKind::F32],
        hashed_name: true,
        chosen: vec![cut.clone()],
        ..SplitOptions::default()
    };
    let split = tandem::split::split(&original, engine_port, &tried, &[], &options).unwrap();

    // Whatever is served stands in one file, under a name with its hash.
    let served = &split.manifest.model.name;
    assert!(served.starts_with("two_sides-") && served.len() == "two_sides-".len() + 8, "{served}");
    let mut tails = BTreeMap::new();
    for deployed in &split.models {
        let model = ModelProto::decode_bytes(deployed.file.clone()).unwrap();
        assert!(model.graph.as_ref().unwrap().initializer.iter().all(|it| !it.is_external()));
        tails.insert(deployed.name.clone(), model);
    }
    assert!(tails.contains_key(served));

    let file: Arc<[u8]> = split.models[0].file.as_ref().into();
    let deployed = Deployed { file, tails, manifest: split.manifest };
    for placement in [
        Placement::Split { cut: cut.as_str().into(), endpoint: "cloud".into() },
        Placement::InCloud { endpoint: "cloud".into() },
    ] {
        let remote = EngineRemote::new(&deployed, Fate::Answer);
        let planner = Fixed::new([placement.clone()]);
        let manifest = ManifestOptions::new(deployed.manifest_file(None));
        let options = LoadOptions { manifest: Some(manifest), ..LoadOptions::default() };
        let model = runtime(&remote, &planner).build().unwrap().load(&path, &options).unwrap();
        let whole = model.predict(&inputs(), &RunOptions::default()).unwrap();
        let prediction = model.run(&inputs(), &RunOptions::default()).unwrap();
        assert_eq!(prediction.decision.placement, placement);
        assert_eq!(prediction.outputs, whole.outputs);
        let asked = &remote.seen()[0].0;
        match placement {
            Placement::InCloud { .. } => assert_eq!(*asked, deployed.manifest.model.name),
            _ => assert!(asked.starts_with("two_sides-tail-"), "{asked}"),
        }
    }
}
