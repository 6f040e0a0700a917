use std::fs;

use tandem_core::NamedTensors;
use tandem_engine::OnnxEngine;
use tandem_testkit::models::catalog;

use super::*;
use crate::{Original, SplitOptions, split};

fn split_of(name: &str) -> Split {
    let entry = catalog().unwrap().into_iter().find(|entry| entry.name() == name).unwrap();
    let model = entry.model().unwrap();
    let samples: Vec<NamedTensors> = (0..2).map(|seed| entry.inputs(&model, seed).unwrap()).collect();
    let original = Original::decode("net", model.encode_bytes().to_vec()).unwrap();
    let options = SplitOptions { timing_runs: 1, ..SplitOptions::default() };
    split(&original, &OnnxEngine::new(), &samples, &[], &options).unwrap()
}

#[test]
fn the_layout_is_tritons_and_the_manifest_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let split = split_of("branchy");
    let path = write_repository(folder.path(), &split, Backend::Python, None).unwrap();
    assert_eq!(path, folder.path().join("net.tandem.json"));
    let manifest = Manifest::parse(&fs::read(path).unwrap(), None).unwrap();
    assert_eq!(manifest, split.manifest);
    let mut listed: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    listed.sort();
    let mut expected: Vec<_> = split.models.iter().map(|model| model.name.clone()).collect();
    expected.push("net.tandem.json".into());
    expected.sort();
    assert_eq!(listed, expected);
    for entry in &manifest.cuts {
        for form in &entry.forms {
            let model = folder.path().join(&form.model);
            let file = fs::read(model.join("1/model.onnx")).unwrap();
            assert_eq!(crate::original::sha256(&file), form.sha256);
            assert!(form.model == "net" || form.model == format!("net-tail-{}", &form.sha256[..8]));
            assert!(model.join("1/model.py").is_file());
            let config = fs::read_to_string(model.join("config.pbtxt")).unwrap();
            assert!(config.starts_with(MARK) && config.contains("backend: \"python\""), "{config}");
        }
    }
}

#[test]
fn what_is_not_ours_is_left_alone_and_what_is_ours_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let split = split_of("classifier");
    let theirs = folder.path().join("net");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("config.pbtxt"), "name: \"net\"").unwrap();
    let write = || write_repository(folder.path(), &split, Backend::OnnxRuntime, None);
    assert!(matches!(write(), Err(RepositoryError::NotOurs(path)) if path == theirs));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::remove_dir_all(&theirs).unwrap();
    let manifest = folder.path().join("net.tandem.json");
    fs::write(&manifest, "{}").unwrap();
    assert!(matches!(write(), Err(RepositoryError::NotOurs(path)) if path == manifest));
    fs::remove_file(&manifest).unwrap();
    write().unwrap();
    fs::write(theirs.join("1/model.onnx"), "damaged").unwrap();
    write().unwrap();
    assert_eq!(fs::read(theirs.join("1/model.onnx")).unwrap(), split.models[0].file);
}
