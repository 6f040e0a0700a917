//! `tandem plan`: where `run` would run a model, and why.

use serde::Serialize;
use tandem::{Candidate, Placement, RunOptions, Runtime};

use crate::args::PlanArgs;
use crate::error::CliError;
use crate::output::{Align, Table};
use crate::session::Session;

/// The decision without the work.
#[derive(Serialize)]
struct PlanDocument<'a> {
    model: &'a str,
    order: &'a [Placement],
    candidates: &'a [Candidate],
}

/// Runs the command.
pub(crate) fn execute(args: &PlanArgs, session: &mut Session) -> Result<(), CliError> {
    let builder = args.endpoint.configure(Runtime::builder())?;
    let (_runtime, model) = args.model.load(builder, args.endpoint.model_name.as_deref())?;
    let plan = model.plan(&args.policy.apply(RunOptions::default()))?;
    if session.json {
        let document =
            PlanDocument { model: &model.info().name, order: &plan.order, candidates: &plan.candidates };
        return session.print_json(&document);
    }
    let mut table = Table::new([
        ("turn", Align::Right),
        ("place", Align::Left),
        ("allowed", Align::Left),
        ("reason", Align::Left),
        ("", Align::Left),
    ]);
    for candidate in &plan.candidates {
        let turn = plan.order.iter().position(|placement| *placement == candidate.placement);
        table.row([
            turn.map_or_else(|| "-".to_owned(), |turn| (turn + 1).to_string()).as_str(),
            &candidate.placement.to_string(),
            if candidate.allowed { "yes" } else { "no" },
            candidate.reason.as_str(),
            candidate.reason.sentence(),
        ]);
    }
    table.write(&mut session.out, 0)?;
    Ok(())
}
