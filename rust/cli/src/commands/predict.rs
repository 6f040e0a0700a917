//! `tandem predict`: run a model on this device.

use tandem::Runtime;

use super::answers::answer_all;
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::session::Session;

/// Runs the command.
pub(crate) fn execute(args: &PredictArgs, session: &mut Session) -> Result<(), CliError> {
    let (_runtime, model) = session.loading(|| args.model.load(Runtime::builder(), None))?;
    let options = args.call.options(session.signals.token());
    let limit = args.model.limits().tensor_bytes;
    answer_all(session, &model, &args.input, &args.output, limit, |inputs| {
        Ok(model.predict(inputs, &options)?.into())
    })?;
    Ok(())
}
