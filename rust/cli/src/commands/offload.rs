//! `tandem offload`: run a model on an endpoint.

use tandem::{Model, NamedTensors, RunOptions, Runtime};

use super::answers::{Outcome, answer_all};
use crate::args::OffloadArgs;
use crate::compare;
use crate::error::CliError;
use crate::output::significant;
use crate::session::Session;

/// Runs the command.
pub(crate) fn execute(args: &OffloadArgs, session: &mut Session) -> Result<(), CliError> {
    let builder = args.endpoint.configure(Runtime::builder())?;
    let (_runtime, model) =
        session.loading(|| args.model.load(builder, args.endpoint.model_name.as_deref()))?;
    let options =
        RunOptions { sensitivity: args.sensitivity.into(), ..args.call.options(session.signals.token()) };
    let limit = args.model.limits().tensor_bytes;
    let largest = answer_all(session, &model, &args.input, &args.output, limit, |inputs| {
        offload(&model, inputs, &options, args.check)
    })?;
    match largest {
        Some(largest) if largest > args.tolerance => Err(CliError::Disagreement {
            detail: format!("by {}, the tolerance is {}", significant(largest), significant(args.tolerance)),
        }),
        _ => Ok(()),
    }
}

/// Runs on the endpoint and, where it is to be checked, on this device.
fn offload(
    model: &Model,
    inputs: &NamedTensors,
    options: &RunOptions,
    check: bool,
) -> Result<Outcome, CliError> {
    let prediction = model.offload(inputs, options)?;
    let differences = if check {
        let here = model.predict(inputs, options)?;
        let outputs = compare::outputs(&here.outputs, &prediction.outputs);
        Some(outputs.map(|(name, difference)| (name.to_owned(), difference)).collect())
    } else {
        None
    };
    Ok(Outcome { prediction, differences })
}
