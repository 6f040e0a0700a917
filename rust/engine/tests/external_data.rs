//! Tensors in files beside the model: read from inside its folder and from nowhere else.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{floats, model, named, run, source};
use tandem_core::{Engine, ErrorCode, Limits, LoadError, LoadOptions, LocalModel, ModelSource};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataLocation, DataType, ModelProto, StringStringEntryProto, TensorProto, dims};

/// `y = x + w` with w in another file.
fn external(location: &str, offset: u64, length: Option<u64>) -> ModelProto {
    let mut weights = TensorProto {
        name: "w".to_owned(),
        data_type: DataType::Float32.number(),
        dims: vec![2],
        external_data: vec![
            StringStringEntryProto::new("location", location),
            StringStringEntryProto::new("offset", offset.to_string()),
        ],
        ..TensorProto::default()
    };
    weights
        .external_data
        .extend(length.map(|length| StringStringEntryProto::new("length", length.to_string())));
    weights.set_data_location(DataLocation::External);
    model(17, |builder| {
        builder.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        builder.tensor(weights);
        builder.node("Add", ["x", "w"], ["y"]);
    })
}

fn load_in(folder: &Path, proto: &ModelProto, limits: Limits) -> Result<Arc<dyn LocalModel>, LoadError> {
    let path = folder.join("model.onnx");
    fs::write(&path, proto.encode_bytes()).unwrap();
    OnnxEngine::new().load(&ModelSource::from(path), &LoadOptions { limits, ..LoadOptions::default() })
}

fn refusal(folder: &Path, proto: &ModelProto) -> String {
    let error = load_in(folder, proto, Limits::default()).err().expect("it should be refused");
    assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
    error.to_string()
}

fn data() -> Vec<u8> {
    [9.0_f32, 1.0, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn data_inside_the_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/w.bin"), data()).unwrap();
    for proto in [external("sub/w.bin", 4, Some(8)), external("./sub/w.bin", 4, None)] {
        let model = load_in(folder.path(), &proto, Limits::default()).unwrap();
        let outputs = run(model.as_ref(), &named([("x", floats(&[2], &[10.0, 20.0]))])).unwrap();
        assert_eq!(outputs.get("y").unwrap().to_vec::<f32>().unwrap(), [11.0, 22.0]);
    }
}

#[test]
fn data_outside_the_folder_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("w.bin"), data()).unwrap();
    let absolute = outer.path().join("w.bin").display().to_string();
    for location in ["../w.bin", "../model/../w.bin", absolute.as_str()] {
        let refused = refusal(&folder, &external(location, 4, Some(8)));
        assert!(refused.contains("is not a path inside the model's folder"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_refused() {
    use std::os::unix::fs::symlink;

    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("w.bin"), data()).unwrap();
    symlink(outer.path().join("w.bin"), folder.join("file")).unwrap();
    symlink(outer.path(), folder.join("folder")).unwrap();
    for location in ["file", "folder/w.bin"] {
        let refused = refusal(&folder, &external(location, 4, Some(8)));
        assert!(refused.contains("leads out of the model's folder"), "{refused}");
    }
    fs::write(folder.join("inside.bin"), data()).unwrap();
    symlink("inside.bin", folder.join("link")).unwrap();
    assert!(load_in(&folder, &external("link", 4, Some(8)), Limits::default()).is_ok());
}

#[test]
fn missing_and_short_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.bin"), data()).unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    assert!(refusal(folder.path(), &external("none.bin", 0, None)).contains("none.bin"));
    assert!(refusal(folder.path(), &external("sub", 0, None)).contains("sub"));
    let short = refusal(folder.path(), &external("w.bin", 8, Some(8)));
    assert!(short.contains("8 bytes at 8 of w.bin, which has 12"), "{short}");
    let far = refusal(folder.path(), &external("w.bin", u64::MAX - 3, Some(8)));
    assert!(far.contains("of w.bin, which has 12"), "{far}");
    let length = refusal(folder.path(), &external("w.bin", 0, Some(4)));
    assert!(length.contains("4 bytes, but its shape takes 8"), "{length}");
}

#[test]
fn external_bytes_count_towards_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.bin"), data()).unwrap();
    let proto = external("w.bin", 4, Some(8));
    let file = proto.encode_bytes().len() as u64;
    let refused = load_in(folder.path(), &proto, Limits { model_bytes: file + 7, ..Limits::default() });
    assert_eq!(
        refused.err(),
        Some(LoadError::ResourceLimit { what: "bytes", got: file + 8, limit: file + 7 })
    );
    assert!(load_in(folder.path(), &proto, Limits { model_bytes: file + 8, ..Limits::default() }).is_ok());
}

#[test]
fn a_model_in_memory_may_have_no_external_data() {
    let refused = OnnxEngine::new().load(&source(&external("w.bin", 0, None)), &LoadOptions::default());
    let error = refused.err().unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidModel);
    assert!(error.to_string().contains("has no folder"), "{error}");
}
