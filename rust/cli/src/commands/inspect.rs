//! `tandem inspect`: what a model is.

use std::io::Write as _;

use tandem::{Runtime, TensorInfo};

use crate::args::InspectArgs;
use crate::error::CliError;
use crate::output::{Align, Table, printable};
use crate::session::Session;

/// Runs the command.
pub(crate) fn execute(args: &InspectArgs, session: &mut Session) -> Result<(), CliError> {
    let (_runtime, model) = args.model.load(Runtime::builder(), None)?;
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

fn tensor_table(title: &str, tensors: &[TensorInfo]) -> Table {
    let mut table = Table::new([(title, Align::Left), ("type", Align::Left), ("shape", Align::Left)]);
    for tensor in tensors {
        table.row([tensor.name.as_str(), tensor.dtype.name(), &tensor.shape_text()]);
    }
    table
}
