//! `tandem plan`: where `run` would run a model, and why.

use std::fs;
use std::sync::Arc;

use serde::Serialize;
use tandem::{Model, Plan, RunOptions, Runtime};

use crate::args::PlanArgs;
use crate::error::CliError;
use crate::input::ShapeHints;
use crate::output::{Align, Table, bars, bytes, time};
use crate::random;
use crate::session::Session;

/// The decision without the work: a [`Plan`] as every language writes it, and the model's name.
#[derive(Serialize)]
struct PlanDocument<'a> {
    model: &'a str,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Runs the command.
pub(crate) fn execute(args: &PlanArgs, session: &mut Session) -> Result<(), CliError> {
    let builder = Runtime::builder().device_state_provider(Arc::new(args.planning.device()?));
    let (builder, name) = (args.endpoint.configure(builder)?, args.endpoint.model_name.as_deref());
    let (_runtime, model) =
        session.loading(|| args.model.load_with(builder, name, args.planning.manifest()))?;
    let options =
        args.policy.apply(RunOptions { token: session.signals.token().clone(), ..RunOptions::default() });
    if args.measure > 0 {
        measure(&model, args, &options, session)?;
    }
    let plan = model.plan(&options)?;
    if let Some(path) = &args.plot {
        let unwritten = |source| CliError::Output { target: path.display().to_string(), source };
        fs::write(path, bars(&plan)).map_err(unwritten)?;
    }
    if session.json {
        return session.print_json(&PlanDocument { model: &model.info().name, plan: &plan });
    }
    table(&plan).write(&mut session.out, 0)?;
    Ok(())
}

/// Runs the model here and on every endpoint that may have it, so that the planner knows them.
fn measure(model: &Model, args: &PlanArgs, options: &RunOptions, session: &Session) -> Result<(), CliError> {
    let inputs = random::inputs(model.info(), &ShapeHints::default(), args.model.limits().tensor_bytes)?;
    // The first run of a model pays for what later ones have.
    let here = args.measure as usize + 1;
    let there = args.measure as usize * args.endpoint.names().count();
    let progress = session.progress("runs", here + there);
    for _ in 0..here {
        model.predict(&inputs, options)?;
        progress.step();
    }
    for endpoint in args.endpoint.names() {
        for _ in 0..args.measure {
            let options = RunOptions { endpoint: Some(endpoint.to_owned()), ..options.clone() };
            // What an endpoint refuses, or must not have, the plan says itself.
            if let Err(error) = model.offload(&inputs, &options) {
                progress.clear();
                log::warn!("endpoint {endpoint:?} was not measured: {error}");
                break;
            }
            progress.step();
        }
    }
    Ok(())
}

fn table(plan: &Plan) -> Table {
    let mut table = Table::new([
        ("turn", Align::Right),
        ("place", Align::Left),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("energy", Align::Right),
        ("up", Align::Right),
        ("down", Align::Right),
        ("reason", Align::Left),
        ("", Align::Left),
    ]);
    for candidate in &plan.candidates {
        let turn = plan.order.iter().position(|placement| *placement == candidate.placement);
        let turn = turn.map_or_else(|| "-".to_owned(), |turn| (turn + 1).to_string());
        let figures = candidate.predicted.map_or_else(
            || [const { String::new() }; 5],
            |predicted| {
                [
                    time(predicted.latency.p50()),
                    time(predicted.latency.p90()),
                    format!("{:.3} J", predicted.energy_joules),
                    bytes(predicted.bytes_up),
                    bytes(predicted.bytes_down),
                ]
            },
        );
        let [p50, p90, energy, up, down] = &figures;
        let place = candidate.placement.to_string();
        let (code, why) = (candidate.reason.as_str(), candidate.reason.sentence());
        table.row([turn.as_str(), &place, p50, p90, energy, up, down, code, why]);
    }
    table
}
