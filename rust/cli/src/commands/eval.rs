//! `tandem eval`: how good a classifier is on a labelled set.

mod report;

use std::collections::BTreeMap;

use tandem::{InputError, Model, NamedTensors, Prediction, RunOptions, Runtime, TensorInfo};

use crate::args::{EvalArgs, InputArgs};
use crate::error::CliError;
use crate::input::Requests;
use crate::labels::{ClassNames, LabelledSet};
use crate::metrics::Confusion;
use crate::output::Scores;
use crate::session::Session;
use crate::statistics::median;
use report::Report;

/// Runs the command.
pub(crate) fn execute(args: &EvalArgs, session: &mut Session) -> Result<(), CliError> {
    let builder = args.endpoint.configure(Runtime::builder())?;
    let (_runtime, model) =
        session.loading(|| args.model.load(builder, args.endpoint.model_name.as_deref()))?;
    let names = ClassNames::new(args.class_names.as_deref(), model.info())?;
    let set = LabelledSet::read(&args.labels)?;
    let options = args.policy.apply(RunOptions {
        timeout: args.timeout,
        outputs: args.output.iter().cloned().collect(),
        token: session.signals.token().clone(),
        ..RunOptions::default()
    });

    let mut confusion = Confusion::default();
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut times = Vec::with_capacity(set.files.len());
    let progress = session.progress("pictures", set.files.len());
    for labelled in &set.files {
        let inputs = read(&model, args, &labelled.file.display().to_string())?;
        let prediction = session.signals.cancellable(|| model.run(&inputs, &options))?;
        let scores = scores(&model, &prediction, &inputs)?;
        let truth = set.class(labelled, &names, scores.classes())?;
        confusion.record(truth, scores.best().0);
        *places.entry(prediction.decision.placement.to_string()).or_default() += 1;
        times.push(prediction.timing.total);
        progress.step();
    }
    drop(progress);

    let report = Report::new(&model.info().name, &confusion, &names, places, median(times));
    if session.json { session.print_json(&report) } else { Ok(report.write(&mut session.out)?) }
}

/// The inputs of one labelled file.
fn read(model: &Model, args: &EvalArgs, file: &str) -> Result<NamedTensors, CliError> {
    let info = model.info();
    let [TensorInfo { name, .. }] = info.inputs.as_slice() else {
        return Err(CliError::Usage(format!(
            "eval takes a model with one input, this one has {}",
            info.inputs.len()
        )));
    };
    // Named, so that a `=` in the file's name says nothing.
    let input = InputArgs {
        sources: vec![format!("{name}={file}")],
        picture: args.picture.clone(),
        ..InputArgs::default()
    };
    let requests = Requests::new(info, &input, args.model.limits().tensor_bytes)?;
    let request = requests.iter().next().transpose()?;
    Ok(request.map(|request| request.inputs).unwrap_or_default())
}

/// The scores of the classes: the first output that has them.
fn scores(model: &Model, prediction: &Prediction, inputs: &NamedTensors) -> Result<Scores, CliError> {
    prediction.outputs.iter().find_map(|(_, tensor)| Scores::new(tensor)).ok_or_else(|| {
        let outputs: Vec<String> = prediction
            .outputs
            .iter()
            .map(|(name, tensor)| format!("{name} {} {:?}", tensor.dtype(), tensor.shape()))
            .collect();
        let name = inputs.names().next().unwrap_or_default().to_owned();
        let detail = format!(
            "model {:?} gives no scores of classes for it, only {}",
            model.info().name,
            outputs.join(", ")
        );
        InputError::Value { name, detail }.into()
    })
}
