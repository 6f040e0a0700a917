//! What `predict`, `offload` and `run` share: input after input to answer after answer.

use tandem::{Model, NamedTensors, Prediction};

use crate::args::{InputArgs, OutputArgs};
use crate::compare::Difference;
use crate::error::CliError;
use crate::input::Requests;
use crate::labels::ClassNames;
use crate::output::{Answer, AnswerDocument, BatchView, OutputFolder, write_answer};
use crate::session::Session;

/// What one call gave.
pub(super) struct Outcome {
    /// The run.
    pub(super) prediction: Prediction,
    /// How far the outputs are from those of this device, where that was asked for.
    pub(super) differences: Option<Vec<(String, Option<Difference>)>>,
}

impl From<Prediction> for Outcome {
    fn from(prediction: Prediction) -> Self {
        Self { prediction, differences: None }
    }
}

/// Runs every input of the command line through `call` and shows what comes out. Gives the largest scaled difference.
pub(super) fn answer_all(
    session: &mut Session,
    model: &Model,
    input: &InputArgs,
    output: &OutputArgs,
    limit: u64,
    call: impl Fn(&NamedTensors) -> Result<Outcome, CliError>,
) -> Result<Option<f64>, CliError> {
    let info = model.info();
    let names = ClassNames::new(output.class_names.as_deref(), info)?;
    let requests = Requests::new(info, input, limit)?;
    let several = requests.len() > 1;
    let mut folder = output.out.as_deref().map(|path| OutputFolder::new(path, several));
    let locations = requests.locations();
    let mut batch = several.then(|| BatchView::new(locations.iter().map(String::as_str)));
    let progress = session.progress("runs", requests.len());
    let mut largest: Option<f64> = None;

    for request in requests.iter() {
        let request = request?;
        let Outcome { prediction, differences } = session.signals.cancellable(|| call(&request.inputs))?;
        let file = request.source.map(|source| source.location());
        let written = match &mut folder {
            Some(folder) => folder.write(file.as_deref(), &prediction.outputs)?,
            None => Vec::new(),
        };
        let answer = Answer { file, prediction, differences, written };
        if let Some(difference) = answer.scaled_difference() {
            largest = Some(largest.unwrap_or(0.0).max(difference));
        }
        progress.clear();
        match &mut batch {
            _ if session.json => {
                session.print_json(&AnswerDocument::new(&answer, &info.name, output.top, &names))?;
            }
            Some(batch) => batch.line(&mut session.out, &answer, &names)?,
            None => write_answer(&mut session.out, &answer, &info.name, output.top, &names)?,
        }
        progress.step();
    }
    drop(progress);
    if let Some(batch) = batch.filter(|_| !session.json) {
        batch.summary(&mut session.out)?;
    }
    Ok(largest)
}
