//! `tandem run`: run a model wherever mode, sensitivity and reachability say.

use std::sync::Arc;

use tandem::Runtime;

use super::answers::answer_all;
use crate::args::RunArgs;
use crate::error::CliError;
use crate::session::Session;

/// Runs the command.
pub(crate) fn execute(args: &RunArgs, session: &mut Session) -> Result<(), CliError> {
    let builder = Runtime::builder().device_state_provider(Arc::new(args.planning.device()?));
    let (builder, name) = (args.endpoint.configure(builder)?, args.endpoint.model_name.as_deref());
    let (_runtime, model) =
        session.loading(|| args.model.load_with(builder, name, args.planning.manifest()))?;
    let options = args.policy.apply(args.call.options(session.signals.token()));
    let limit = args.model.limits().tensor_bytes;
    answer_all(session, &model, &args.input, &args.output, limit, |inputs| {
        Ok(model.run(inputs, &options)?.into())
    })?;
    Ok(())
}
