//! `tandem split`: cut a model between device and cloud.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use tandem::split::{
    Affine, Backend, CutEntry, CutOptions, FormEntry, Labelled, Manifest, Original, SigningKey, Split,
    SplitOptions, best_class, split, write_repository,
};
use tandem::{DType, Dimension, Model, ModelInfo, NamedTensors, RunOptions, Runtime, read_original};

use super::cuts::{count, percent};
use crate::args::{InputArgs, Layout, PictureArgs, SampleArgs, SplitArgs, values::Factor};
use crate::error::CliError;
use crate::input::{Requests, read_capped};
use crate::labels::{ClassNames, LabelledSet};
use crate::output::{Align, Scores, Table, bytes, printable, significant};
use crate::session::Session;

/// Bytes of a key file that are still read.
const MAX_KEY_FILE: u64 = 1 << 16;

/// The result for scripts.
#[derive(Debug, Serialize)]
struct SplitDocument<'a> {
    /// Path of the manifest.
    path: String,
    /// The key by which the manifest's signature is checked.
    public_key: Option<String>,
    manifest: &'a Manifest,
    /// Wire forms that are not offered, and why.
    notes: &'a [String],
}

/// Runs the command.
pub(crate) fn execute(args: &SplitArgs, session: &mut Session) -> Result<(), CliError> {
    let (runtime, model) = session.loading(|| args.model.load(Runtime::builder(), args.name.as_deref()))?;
    let limit = args.model.limits().tensor_bytes;
    let original = original(args.model.path(), &model.info().name, args.model.limits().model_bytes)?;
    let key = args.sign.as_deref().map(signing_key).transpose()?;
    let samples = samples(&model, &args.samples, limit)?;
    let labelled = match &args.labels {
        Some(path) => labelled(&model, args, path, limit)?,
        None => Vec::new(),
    };
    let options = SplitOptions {
        cuts: CutOptions { keep_on_device: args.keep.clone(), ..CutOptions::default() },
        max_tails: args.max_tails,
        chosen: args.cuts.clone(),
        forms: args.forms.clone(),
        pictures: pictures(model.info(), args)?,
        timing_runs: args.runs,
        by_time: args.by_time,
        hashed_name: args.hashed_name,
    };
    let split = session.stage("cutting, checking and timing", || {
        split(&original, runtime.engine(), &samples, &labelled, &options)
    })?;
    let backend = if args.python_backend { Backend::Python } else { Backend::OnnxRuntime };
    let path = write_repository(&args.out, &split, backend, key.as_ref())?;
    let public_key = key.map(|key| key.public_key().to_string());
    if session.json {
        let (path, notes) = (path.display().to_string(), split.notes.as_slice());
        return session.print_json(&SplitDocument { path, public_key, manifest: &split.manifest, notes });
    }
    write(&split, &path, public_key.as_deref(), session)
}

/// The model's file, decoded, with the data that lies beside it.
pub(super) fn original(path: &Path, name: &str, limit: u64) -> Result<Original, CliError> {
    read_original(name, &path.into(), limit).map_err(|error| tandem::Error::from(error).into())
}

/// The inputs that are named as samples.
pub(super) fn samples(model: &Model, args: &SampleArgs, limit: u64) -> Result<Vec<NamedTensors>, CliError> {
    let Some(inputs) = args.inputs() else {
        return Ok(Vec::new());
    };
    let requests = Requests::new(model.info(), &inputs, limit)?;
    requests.iter().map(|request| Ok(request?.inputs)).collect()
}

fn signing_key(path: &Path) -> Result<SigningKey, CliError> {
    let option =
        |detail: String| CliError::OptionFile { option: "--sign", path: path.display().to_string(), detail };
    let file = read_capped(path, MAX_KEY_FILE).map_err(|error| option(error.to_string()))?;
    SigningKey::from_pkcs8(&file).map_err(|error| option(error.to_string()))
}

/// The labelled set, each file with the number of its class.
fn labelled(model: &Model, args: &SplitArgs, path: &Path, limit: u64) -> Result<Vec<Labelled>, CliError> {
    let info = model.info();
    let [input] = info.inputs.as_slice() else {
        let got = info.inputs.len();
        return Err(CliError::Usage(format!("--labels takes a model with one input, this one has {got}")));
    };
    let names = ClassNames::new(args.class_names.as_deref(), info)?;
    let set = LabelledSet::read(path)?;
    let mut classes = None;
    let mut labelled = Vec::with_capacity(set.files.len());
    for file in &set.files {
        // Named, so that a `=` in the file's name says nothing.
        let source = InputArgs {
            sources: vec![format!("{}={}", input.name, file.file.display())],
            picture: args.samples.picture.clone(),
            ..InputArgs::default()
        };
        let requests = Requests::new(info, &source, limit)?;
        let inputs = requests.iter().next().transpose()?.map(|request| request.inputs).unwrap_or_default();
        let classes = match classes {
            Some(classes) => classes,
            None => *classes.insert(count_classes(model, &inputs)?),
        };
        labelled.push(Labelled { inputs, class: set.class(file, &names, classes)? });
    }
    Ok(labelled)
}

fn count_classes(model: &Model, inputs: &NamedTensors) -> Result<usize, CliError> {
    let outputs = model.predict(inputs, &RunOptions::default())?.outputs;
    let scores = outputs.iter().find_map(|(_, tensor)| Scores::new(tensor));
    let none = || CliError::Usage("--labels takes a model that gives scores of classes".to_owned());
    scores.filter(|_| best_class(&outputs).is_some()).map(|scores| scores.classes()).ok_or_else(none)
}

/// What turned the pixels of the input of `--pixels` into numbers: `(pixel · scale - mean) / std`.
fn pictures(info: &ModelInfo, args: &SplitArgs) -> Result<BTreeMap<String, Affine>, CliError> {
    let Some(name) = &args.pixels else {
        return Ok(BTreeMap::new());
    };
    let refuse = |why: &str| Err(CliError::Usage(format!("--pixels {name}: {why}")));
    let Some(input) = info.input(name).filter(|input| input.dtype == DType::F32) else {
        return refuse("the model has no such input of f32");
    };
    let PictureArgs { scale, mean, std, layout, .. } = &args.samples.picture;
    let scale = scale.unwrap_or(Factor::BYTE_TO_UNIT).apply(1.0);
    let pairs = mean.len().max(std.len()).max(1);
    let place = |list: &[f32], channel: usize, none: f32| match list {
        [] => Some(none),
        [one] => Some(*one),
        list => list.get(channel).copied(),
    };
    let pair = |channel: usize| {
        let (mean, std) = (place(mean, channel, 0.0)?, place(std, channel, 1.0)?);
        Some((scale / std, mean / scale))
    };
    let Some((scales, zero_points)) = (0..pairs)
        .map(pair)
        .collect::<Option<(Vec<f32>, Vec<f32>)>>()
        .filter(|(scales, _)| scales.iter().all(|it| *it > 0.0))
    else {
        return refuse("--mean and --std do not fit, or make no steps above nought");
    };
    let shape = input.shape.clone().unwrap_or_default();
    let last = layout.map_or_else(
        || matches!(shape.last(), Some(Dimension::Fixed(1 | 3 | 4))),
        |layout| layout == Layout::Nhwc,
    );
    let axis = match (pairs, last, shape.len()) {
        (1, ..) => None,
        (_, true, rank @ 3..) => Some(rank - 1),
        (_, false, rank @ 3..) => Some(rank - 3),
        _ => return refuse("its shape is not that of a picture"),
    };
    Ok([(name.clone(), Affine { scale: scales, zero_point: zero_points, axis })].into())
}

fn write(
    split: &Split,
    path: &Path,
    public_key: Option<&str>,
    session: &mut Session,
) -> Result<(), CliError> {
    let mut table = Table::new([
        ("cut", Align::Left),
        ("on device", Align::Right),
        ("multiply-adds", Align::Right),
        ("head time", Align::Right),
        ("tail time", Align::Right),
        ("form", Align::Left),
        ("sent", Align::Right),
        ("largest error", Align::Right),
        ("relative rms", Align::Right),
        ("right", Align::Right),
        ("model", Align::Left),
    ]);
    for cut in &split.manifest.cuts {
        for form in &cut.forms {
            table.row(row(cut, form));
        }
    }
    let out = &mut session.out;
    table.write(out, 0)?;
    writeln!(out)?;
    for note in &split.notes {
        writeln!(out, "{}", printable(note))?;
    }
    writeln!(out, "{} models and {}", split.models.len(), printable(&path.display().to_string()))?;
    if let Some(key) = public_key {
        writeln!(out, "signed; the public key is {key}")?;
    }
    Ok(())
}

fn row(cut: &CutEntry, form: &FormEntry) -> [String; 11] {
    let compute = cut.multiply_adds;
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    let error =
        |value: fn(&tandem::split::FormError) -> String| form.error.as_ref().map(value).unwrap_or_default();
    [
        cut.id.clone(),
        format!("{:.1} %", percent(compute.head, compute.tail)),
        count(compute.head),
        cut.time.map(|time| share(time.head)).unwrap_or_default(),
        cut.time.map(|time| share(time.tail)).unwrap_or_default(),
        form.name.clone(),
        bytes(form.request_bytes),
        error(|error| significant(error.max_abs)),
        error(|error| significant(error.relative_rms)),
        error(|error| {
            error.accuracy.map_or_else(String::new, |accuracy| {
                format!("{:.1} of {:.1} %", 100.0 * accuracy.split, 100.0 * accuracy.whole)
            })
        }),
        form.model.clone(),
    ]
}
