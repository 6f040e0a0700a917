//! Plans that are kept in a folder: the same answers, whatever happened to the folder.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use common::{load, model, run, source};
use tandem_core::{
    CancellationToken, Engine, Interrupt, Limits, LoadError, LoadOptions, LocalModel, ModelSource,
    NamedTensors,
};
use tandem_engine::{CacheOptions, EngineOptions, OnnxEngine};
use tandem_onnx::{DataLocation, DataType, Dim, ModelProto, StringStringEntryProto, TensorProto, dims};
use tandem_testkit::models::transformer::{TransformerConfig, minilm};
use tandem_testkit::models::vision::{VisionConfig, mobilenet_v2};
use tandem_testkit::models::{Suite, catalog, random_inputs};
use tandem_testkit::mutate;
use tandem_testkit::usage::emulated;

fn engine(folder: &Path) -> OnnxEngine {
    OnnxEngine::with_options(EngineOptions::default().with_cache(CacheOptions::new(folder)))
}

fn load_with(engine: &OnnxEngine, model: &ModelProto) -> Arc<dyn LocalModel> {
    engine.load(&source(model), &LoadOptions::default()).unwrap()
}

/// The files of the folder with that ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|own| own == ending)).collect();
    files.sort();
    files
}

/// Sets the time of the last use back, and gives what tells whether the file was read since, or written anew.
fn age(file: &Path) -> SystemTime {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::OpenOptions::new().append(true).open(file).unwrap().set_modified(long_ago).unwrap();
    long_ago
}

/// Types, shapes and bytes.
fn bits(outputs: &NamedTensors) -> Vec<String> {
    let tensor =
        |(name, tensor): (&str, &tandem_core::Tensor)| format!("{name} {tensor:?} {:?}", tensor.bytes());
    outputs.iter().map(tensor).collect()
}

/// Of fixed shapes, so that its plan is made when it is loaded.
fn mobilenet(seed: u64) -> ModelProto {
    mobilenet_v2(&VisionConfig { batch: Dim::Fixed(1), seed, ..VisionConfig::small() }).unwrap()
}

fn small() -> (ModelProto, NamedTensors) {
    let model = mobilenet(1);
    let inputs = random_inputs(&model, &[], 1).unwrap();
    (model, inputs)
}

#[test]
fn every_test_model_answers_the_same_bit_for_bit() {
    let mut kept = BTreeSet::new();
    for entry in catalog().unwrap().iter().filter(|entry| entry.suite() == Suite::Test) {
        let folder = tempfile::tempdir().unwrap();
        let model = entry.model().unwrap();
        let inputs = entry.inputs(&model, 5).unwrap();
        let plain = load(&model);
        let expected = run(plain.as_ref(), &inputs).unwrap();
        for round in 0..3 {
            let loaded = load_with(&engine(folder.path()), &model);
            assert_eq!(loaded.info(), plain.info(), "{} in round {round}", entry.name());
            let outputs = run(loaded.as_ref(), &inputs).unwrap();
            assert_eq!(bits(&outputs), bits(&expected), "{} in round {round}", entry.name());
            let shapes: Vec<_> = inputs.iter().map(|(_, tensor)| tensor.shape().to_vec()).collect();
            assert_eq!(loaded.multiply_adds(&shapes), plain.multiply_adds(&shapes), "{}", entry.name());
            for plan in files(folder.path(), "plan") {
                if round > 0 {
                    kept.insert(entry.name().to_owned());
                }
                age(&plan);
            }
        }
    }
    for name in [
        "classifier",
        "resnet18_small",
        "resnet50_small",
        "mobilenet_v2_small",
        "transformer_block",
        "minilm_small",
        "unet_small",
        "unet_nearest_small",
        "unet_bilinear_small",
        "tagger_small",
    ] {
        assert!(kept.contains(name), "{name} is not among {kept:?}");
    }
}

#[test]
fn a_kept_plan_is_used_and_not_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = small();
    load_with(&engine(folder.path()), &model);
    let plan = files(folder.path(), "plan").remove(0);
    let before = fs::read(&plan).unwrap();
    // Were it compiled, it would be written again, with what is at its end now gone.
    let mut longer = before.clone();
    longer.push(0);
    for (bytes, used) in [(&before, true), (&longer, false)] {
        fs::write(&plan, bytes).unwrap();
        let long_ago = age(&plan);
        load_with(&engine(folder.path()), &model);
        assert_eq!(fs::read(&plan).unwrap(), before);
        assert_ne!(fs::metadata(&plan).unwrap().modified().unwrap(), long_ago, "used: {used}");
    }
}

#[test]
fn plans_of_other_shapes_are_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    let model = minilm(&TransformerConfig::small()).unwrap();
    let plain = load(&model);
    for round in 0..2 {
        let loaded = load_with(&engine(folder.path()), &model);
        for tokens in [3, 7] {
            let ids = |value: fn(i64) -> i64| {
                let values: Vec<i64> = (0..tokens).map(value).collect();
                tandem_core::Tensor::from_vec([1, values.len()], values).unwrap()
            };
            let given = [("input_ids", ids(|index| index)), ("attention_mask", ids(|_| 1))];
            let inputs = random_inputs(&model, &given, 1).unwrap();
            let expected = run(plain.as_ref(), &inputs).unwrap();
            assert_eq!(
                bits(&run(loaded.as_ref(), &inputs).unwrap()),
                bits(&expected),
                "{tokens}, round {round}"
            );
        }
        assert_eq!(files(folder.path(), "plan").len(), 2);
    }
}

#[test]
fn no_damage_changes_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (model, inputs) = small();
    let expected = bits(&run(load(&model).as_ref(), &inputs).unwrap());
    load_with(&engine(folder.path()), &model);
    let plan = files(folder.path(), "plan").remove(0);
    let whole = fs::read(&plan).unwrap();
    let check = |damaged: &[u8], what: &dyn Fn() -> String| {
        fs::write(&plan, damaged).unwrap();
        let loaded = load_with(&engine(folder.path()), &model);
        let outputs = bits(&run(loaded.as_ref(), &inputs).unwrap());
        assert!(outputs == expected, "{}", what());
        assert!(fs::read(&plan).unwrap() == whole, "{} is not written anew", what());
    };
    // Every damage leads to a load of the model: of those an emulator makes a fifth, which still meets every bit of a byte.
    let step = if emulated() { 5 } else { 1 };
    // Each byte of the header and of what follows it, then places all over the file.
    let places = (0..128).chain((128..whole.len()).step_by(whole.len() / 60));
    for (index, place) in places.enumerate().step_by(step) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (index % 8);
        check(&damaged, &|| format!("byte {place}"));
    }
    for length in (0..whole.len()).step_by(step * whole.len() / 20).chain([whole.len() - 1]) {
        check(&whole[..length], &|| format!("{length} bytes"));
    }
    for seed in (0..60).step_by(step) {
        let damaged = mutate(&whole, seed);
        check(&damaged, &|| format!("seed {seed}"));
    }
    check(&vec![0; whole.len()], &|| "noughts".to_owned());
}

#[test]
fn a_plan_under_the_name_of_another_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (model, inputs) = small();
    let other = mobilenet(9);
    let expected = bits(&run(load(&model).as_ref(), &inputs).unwrap());
    load_with(&engine(folder.path()), &model);
    let plan = files(folder.path(), "plan").remove(0);
    load_with(&engine(folder.path()), &other);
    let others = files(folder.path(), "plan").into_iter().find(|file| *file != plan).unwrap();
    fs::copy(others, &plan).unwrap();
    let loaded = load_with(&engine(folder.path()), &model);
    assert_eq!(bits(&run(loaded.as_ref(), &inputs).unwrap()), expected);
}

#[test]
fn loads_at_once_share_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (model, inputs) = small();
    let expected = bits(&run(load(&model).as_ref(), &inputs).unwrap());
    for _ in 0..3 {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let loaded = load_with(&engine(folder.path()), &model);
                    assert_eq!(bits(&run(loaded.as_ref(), &inputs).unwrap()), expected);
                });
            }
        });
        let plan = files(folder.path(), "plan");
        assert_eq!((plan.len(), files(folder.path(), "part").len()), (1, 0));
        fs::write(&plan[0], "damaged").unwrap();
    }
}

#[test]
fn a_folder_that_is_none_fails_no_load() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let (model, inputs) = small();
    let expected = bits(&run(load(&model).as_ref(), &inputs).unwrap());
    let gone = folder.path().join("gone");
    // Nobody can make a folder in /proc.
    for cache in [file.clone(), file.join("below"), PathBuf::from("/proc/tandem"), gone.clone()] {
        let engine = engine(&cache);
        for _ in 0..2 {
            let loaded = load_with(&engine, &model);
            assert_eq!(bits(&run(loaded.as_ref(), &inputs).unwrap()), expected, "{cache:?}");
            if cache == gone {
                assert_eq!(files(&gone, "plan").len(), 1);
                fs::remove_dir_all(&gone).unwrap();
            }
        }
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "no folder");
}

#[test]
fn what_is_larger_than_the_bound_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = small();
    let cache = CacheOptions::new(folder.path()).with_max_bytes(1000);
    let engine = OnnxEngine::with_options(EngineOptions::default().with_cache(cache));
    load_with(&engine, &model);
    assert_eq!(files(folder.path(), "plan").len(), 0);
}

#[test]
fn other_options_and_limits_have_plans_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (model, inputs) = small();
    load_with(&engine(folder.path()), &model);
    let options = EngineOptions::default().with_fused(false).with_cache(CacheOptions::new(folder.path()));
    let unfused = OnnxEngine::with_options(options);
    let plain = OnnxEngine::with_options(EngineOptions::default().with_fused(false));
    let expected = bits(&run(load_with(&plain, &model).as_ref(), &inputs).unwrap());
    for _ in 0..2 {
        assert_eq!(bits(&run(load_with(&unfused, &model).as_ref(), &inputs).unwrap()), expected);
    }
    let limits = Limits { nodes: 3, ..Limits::default() };
    let refused =
        engine(folder.path()).load(&source(&model), &LoadOptions { limits, ..LoadOptions::default() });
    assert!(matches!(refused.err(), Some(LoadError::ResourceLimit { what: "nodes", .. })));
}

#[test]
fn a_digest_that_is_asked_for_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = small();
    let loaded = load_with(&engine(folder.path()), &model);
    let asked = |sha256: &str| {
        let options = LoadOptions { sha256: Some(sha256.to_owned()), ..LoadOptions::default() };
        engine(folder.path()).load(&source(&model), &options).err()
    };
    assert_eq!(asked(&loaded.info().digest), None);
    assert!(matches!(asked(&"0".repeat(64)), Some(LoadError::IntegrityMismatch { .. })));
}

#[test]
fn a_load_is_stopped_while_it_reads_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = small();
    load_with(&engine(folder.path()), &model);
    let token = CancellationToken::new();
    token.cancel();
    let stopped =
        engine(folder.path()).load(&source(&model), &LoadOptions { token, ..LoadOptions::default() });
    assert_eq!(stopped.err(), Some(LoadError::Interrupted(Interrupt::Cancelled)));
}

#[test]
fn a_file_has_its_own_name_and_is_read_again_once_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let path = folder.path().join("first.onnx");
    let (model, inputs) = small();
    let other = mobilenet(9);
    let load_file = |path: &Path| {
        engine(&cache).load(&ModelSource::from(path.to_owned()), &LoadOptions::default()).unwrap()
    };
    let expected = bits(&run(load(&model).as_ref(), &inputs).unwrap());
    fs::write(&path, model.encode_bytes()).unwrap();
    load_file(&path);
    // What was changed just now may change again without leaving a trace.
    assert_eq!(files(&cache, "file").len(), 0);
    thread::sleep(Duration::from_millis(4_100));
    for _ in 0..2 {
        let loaded = load_file(&path);
        assert_eq!(loaded.info().name, "first");
        assert_eq!(bits(&run(loaded.as_ref(), &inputs).unwrap()), expected);
        assert_eq!(files(&cache, "file").len(), usize::from(cfg!(unix)));
    }
    let second = folder.path().join("second.onnx");
    fs::copy(&path, &second).unwrap();
    assert_eq!(load_file(&second).info().name, "second");
    assert_eq!(other.encode_bytes().len(), model.encode_bytes().len());
    fs::write(&path, other.encode_bytes()).unwrap();
    let changed = load_file(&path);
    let other_answer = bits(&run(load(&other).as_ref(), &inputs).unwrap());
    assert_ne!(other_answer, expected);
    assert_eq!(bits(&run(changed.as_ref(), &inputs).unwrap()), other_answer);
}

#[test]
fn weights_in_other_files_are_always_read() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let mut weights = TensorProto {
        name: "w".to_owned(),
        data_type: DataType::Float32.number(),
        dims: vec![2],
        external_data: vec![StringStringEntryProto::new("location", "w.bin")],
        ..TensorProto::default()
    };
    weights.set_data_location(DataLocation::External);
    let model = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        builder.tensor(weights);
        builder.node("Add", ["x", "w"], ["y"]);
    });
    let path = folder.path().join("model.onnx");
    fs::write(&path, model.encode_bytes()).unwrap();
    for value in [1.0_f32, 2.0] {
        fs::write(folder.path().join("w.bin"), [value; 2].map(f32::to_le_bytes).as_flattened()).unwrap();
        let loaded = engine(&cache).load(&ModelSource::from(path.clone()), &LoadOptions::default()).unwrap();
        let inputs = common::named([("x", common::floats(&[2], &[0.0, 0.0]))]);
        let outputs = run(loaded.as_ref(), &inputs).unwrap();
        assert_eq!(outputs.get("y").unwrap(), &common::floats(&[2], &[value; 2]));
    }
    assert_eq!(files(&cache, "plan").len(), 0);
}

#[test]
fn a_model_with_an_operator_that_cannot_be_kept_is_compiled_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![3]).output("y", DataType::Float32, dims![3]);
        builder.initializer("axis", &[], &[0_i64]);
        builder.node("CumSum", ["x", "axis"], ["y"]);
    });
    let inputs = common::named([("x", common::floats(&[3], &[1.0, 2.0, 3.0]))]);
    for _ in 0..2 {
        let outputs = run(load_with(&engine(folder.path()), &model).as_ref(), &inputs).unwrap();
        assert_eq!(outputs.get("y").unwrap(), &common::floats(&[3], &[1.0, 3.0, 6.0]));
    }
    assert_eq!(files(folder.path(), "plan").len(), 0);
}
