//! Test models split into a repository, and split runs over whoever serves it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tandem::split::{
    Affine, Backend, CutKind, CutOptions, Cuts, FormKind, Manifest, Original, SplitOptions, WireForm, encode,
    extract, split, write_repository,
};
use tandem::{LoadOptions, Model, ModelSource, NamedTensors, RunOptions, Runtime};
use tandem_onnx::ModelProto;
use tandem_testkit::agreement::floats;
use tandem_testkit::models::{Entry, catalog};

/// Models with residuals, branches, several inputs, early outputs and other element types than f32.
pub(crate) const ALL: [&str; 7] = [
    "branchy",
    "classifier",
    "minilm_small",
    "mixed",
    "mobilenet_v2_small",
    "resnet18_small",
    "transformer_block",
];
/// Some of them, for servers that start a process for each model.
pub(crate) const FEW: [&str; 4] = ["branchy", "minilm_small", "mixed", "mobilenet_v2_small"];
/// Beyond the stated error: what engines differ by, absolute below 1 and relative above.
const TOLERANCE: f64 = 1e-4;

fn entries(models: &[&str]) -> Vec<Entry> {
    catalog().unwrap().into_iter().filter(|entry| models.contains(&entry.name())).collect()
}

fn name_of(entry: &Entry) -> String {
    format!("split-{}", entry.name())
}

fn samples(entry: &Entry, model: &ModelProto) -> Vec<NamedTensors> {
    (0..2).map(|seed| entry.inputs(model, seed).unwrap()).collect()
}

/// Splits `models` into `folder`, each at this many cuts in every form.
pub(crate) fn write(folder: &Path, backend: Backend, models: &[&str], cuts_each: usize) {
    let runtime = Runtime::builder().build().unwrap();
    for entry in entries(models) {
        let model = entry.model().unwrap();
        let original = Original::decode(name_of(&entry), model.encode_bytes().to_vec()).unwrap();
        // Any picture will do: samples that are no pixels are cut to the nearest.
        let pixels = Affine::from_range(-1.0, 1.0);
        let pictures = BTreeMap::from([("image".to_owned(), pixels)]);
        let forms = FormKind::ALL.to_vec();
        let options = SplitOptions { timing_runs: 1, pictures, forms, ..SplitOptions::default() };
        let samples = samples(&entry, &model);
        let found = CutOptions::default();
        let cuts =
            Cuts::find(&original.model, &original.digest, runtime.engine(), &samples, &found).unwrap().cuts;
        // Of those with a head, from all over the graph.
        let heads: Vec<_> = cuts.iter().filter(|cut| cut.kind != CutKind::Inputs).collect();
        let chosen =
            (1..=cuts_each).map(|place| heads[(heads.len() - 1) * place / (cuts_each + 1)].id.clone());
        let chosen = chosen.collect();
        let options = SplitOptions { chosen, ..options };
        let split = split(&original, runtime.engine(), &samples, &[], &options).unwrap();
        write_repository(folder, &split, backend, None).unwrap();
    }
}

/// Runs every form of every cut of `models` in `folder`: the head here, the tail on the `endpoint` of
/// `runtime`. Gives how many were as near to the whole model as their manifest says, and what the others were off
/// by.
pub(crate) fn run_all(
    runtime: &Runtime,
    endpoint: &str,
    folder: &Path,
    models: &[&str],
) -> (usize, Vec<String>) {
    let (mut near, mut wrong) = (0, Vec::new());
    for entry in entries(models) {
        let manifest = std::fs::read(folder.join(format!("{}.tandem.json", name_of(&entry)))).unwrap();
        let manifest = Manifest::parse(&manifest, None).unwrap();
        assert!(manifest.cuts.iter().map(|cut| cut.forms.len()).sum::<usize>() > 1, "{}", entry.name());
        let model = entry.model().unwrap();
        let whole = load(runtime, &model, &manifest.model.name);
        manifest.check_model(&whole.info().digest).unwrap();
        for cut in &manifest.cuts {
            let head = extract(&model, &cut.boundary).unwrap().head;
            let head = head.map(|head| load(runtime, &head, "head"));
            for form in &cut.forms {
                let tail = folder.join(&form.model).join("1/model.onnx");
                let options = LoadOptions {
                    name: Some(form.model.clone()),
                    sha256: Some(form.sha256.clone()),
                    ..LoadOptions::default()
                };
                let tail = runtime.load(tail, &options).unwrap();
                let stated = form.error.as_ref().unwrap().max_abs;
                for sample in samples(&entry, &model) {
                    let expected = whole.predict(&sample, &RunOptions::default()).unwrap().outputs;
                    let head = head.as_ref().map(|head| predict(head, &sample)).unwrap_or_default();
                    let crossing = cut.boundary.crossing_tensors(&sample, &head).unwrap();
                    let sent = encode(&crossing, &form.tensors).unwrap();
                    let there = RunOptions { endpoint: Some(endpoint.to_owned()), ..RunOptions::default() };
                    let outcome = tail.offload(&sent, &there).map_err(|error| error.to_string());
                    let difference = outcome.and_then(|there| {
                        let names: Vec<String> = expected.names().map(str::to_owned).collect();
                        let got = cut.boundary.outputs(&names, &sample, &head, &there.outputs).unwrap();
                        difference(&expected, &got, stated)
                    });
                    match difference {
                        Ok(()) => near += 1,
                        Err(why) => {
                            wrong.push(format!("{}, cut {}, {}: {why}", entry.name(), cut.id, form.name));
                        }
                    }
                }
                let native = form.tensors.iter().all(|form| *form == WireForm::Native);
                assert!(!native || stated < TOLERANCE, "{} states {stated}", form.model);
            }
        }
    }
    (near, wrong)
}

fn load(runtime: &Runtime, model: &ModelProto, name: &str) -> Model {
    let source = ModelSource::Bytes(Arc::from(&*model.encode_bytes()));
    let options = LoadOptions { name: Some(name.to_owned()), ..LoadOptions::default() };
    runtime.load(source, &options).unwrap()
}

/// Runs a model on those of `tensors` that it takes.
fn predict(model: &Model, tensors: &NamedTensors) -> NamedTensors {
    let inputs = model.info().inputs.iter().map(|input| &input.name);
    let inputs = inputs.map(|name| (name.clone(), tensors.get(name).unwrap().clone()));
    model.predict(&NamedTensors::new(inputs).unwrap(), &RunOptions::default()).unwrap().outputs
}

fn difference(expected: &NamedTensors, got: &NamedTensors, stated: f64) -> Result<(), String> {
    for ((name, expected), (_, got)) in expected.iter().zip(got.iter()) {
        if (expected.dtype(), expected.shape()) != (got.dtype(), got.shape()) {
            return Err(format!("{name} is {got:?}, expected {expected:?}"));
        }
        let (Some(expected_values), Some(values)) = (floats(expected), floats(got)) else {
            if expected != got {
                return Err(format!("{name} has other elements"));
            }
            continue;
        };
        for (expected, value) in expected_values.into_iter().zip(values) {
            let off = (expected - value).abs();
            if off.is_nan() || off > stated + TOLERANCE * (1.0 + expected.abs()) {
                return Err(format!("{name} has {value}, expected {expected} to {stated}"));
            }
        }
    }
    Ok(())
}
