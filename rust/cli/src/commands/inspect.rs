//! `tandem inspect`: what a model is, and where it may be cut.

use std::io::Write as _;
use std::path::Path;

use tandem::split::{CutOptions, Cuts, choose, placeholder_inputs};
use tandem::{Model, NamedTensors, RunOptions, Runtime, TensorInfo};

use super::cuts::{self, CutsDocument};
use super::split;
use crate::args::InspectArgs;
use crate::error::CliError;
use crate::output::{Align, Mark, Table, bytes, plot, printable};
use crate::session::Session;

/// Runs of which the median time of the whole model is taken.
const RUNS: usize = 3;
/// By how much bytes are smaller than f32.
const SHRINK: f64 = 4.0;

/// Runs the command.
pub(crate) fn execute(args: &InspectArgs, session: &mut Session) -> Result<(), CliError> {
    let (runtime, model) = session.loading(|| args.model.load(Runtime::builder(), None))?;
    if args.cuts || args.plot.is_some() {
        return show_cuts(args, &runtime, &model, session);
    }
    let info = model.info();
    if session.json {
        return session.print_json(info);
    }
    let out = &mut session.out;
    writeln!(out, "name    {}", printable(&info.name))?;
    writeln!(out, "sha256  {}", info.digest)?;
    writeln!(out, "opset   {}", info.opset)?;
    if !info.metadata.is_empty() {
        let mut table = Table::new([("metadata", Align::Left), ("", Align::Left)]);
        for (key, value) in &info.metadata {
            table.row([key, value]);
        }
        writeln!(out)?;
        table.write(out, 0)?;
    }
    for (title, tensors) in [("input", &info.inputs), ("output", &info.outputs)] {
        writeln!(out)?;
        tensor_table(title, tensors).write(out, 0)?;
    }
    Ok(())
}

fn show_cuts(
    args: &InspectArgs,
    runtime: &Runtime,
    model: &Model,
    session: &mut Session,
) -> Result<(), CliError> {
    let limits = args.model.limits();
    let original = split::original(args.model.path(), &model.info().name, limits.model_bytes)?;
    let mut samples = split::samples(model, &args.samples, limits.tensor_bytes)?;
    if samples.is_empty() {
        samples.push(placeholder_inputs(model.info())?);
    }
    let options = CutOptions::default();
    let cuts = session.stage("finding cuts", || {
        Cuts::find(&original.model, &original.digest, runtime.engine(), &samples, &options)
    })?;
    let whole = session.stage("timing the model", || whole_seconds(model, &samples[0]))?;
    let chosen = choose(&cuts.cuts, args.max_tails, Some(whole), SHRINK, &[]);
    if let Some(path) = &args.plot {
        draw(&cuts, &chosen, &original.name, path)?;
    }
    if session.json {
        return session.print_json(&CutsDocument::new(&cuts, &chosen));
    }
    if args.cuts {
        cuts::write(&cuts, &chosen, &mut session.out)?;
    }
    Ok(())
}

/// The median time of the whole model.
fn whole_seconds(model: &Model, inputs: &NamedTensors) -> Result<f64, CliError> {
    let run = || Ok::<_, CliError>(model.predict(inputs, &RunOptions::default())?.timing.total);
    run()?;
    let times = (0..RUNS).map(|_| run()).collect::<Result<_, _>>()?;
    Ok(crate::statistics::median(times).as_secs_f64())
}

fn draw(cuts: &Cuts, chosen: &[usize], name: &str, path: &Path) -> Result<(), CliError> {
    let mark = |(place, cut): (usize, &tandem::split::Cut)| Mark {
        multiply_adds: cut.multiply_adds.head,
        bytes: cut.bytes,
        label: chosen.contains(&place).then(|| {
            let names: Vec<&str> = cut.boundary.crossing_names().collect();
            format!("{} ({})", names.join(", "), bytes(cut.bytes))
        }),
    };
    let marks: Vec<Mark> = cuts.cuts.iter().enumerate().map(mark).collect();
    let drawing = plot(name, &cuts.places, &marks);
    let unwritten = |source| CliError::Output { target: path.display().to_string(), source };
    std::fs::write(path, drawing).map_err(unwritten)
}

fn tensor_table(title: &str, tensors: &[TensorInfo]) -> Table {
    let mut table = Table::new([(title, Align::Left), ("type", Align::Left), ("shape", Align::Left)]);
    for tensor in tensors {
        table.row([tensor.name.as_str(), tensor.dtype.name(), &tensor.shape_text()]);
    }
    table
}
