//! The command line: what may be asked for.

mod call;
mod endpoint;
mod input;
mod model;
mod output;
mod planning;
mod serve;
mod split;
pub(crate) mod values;

use clap::{Args, Parser, Subcommand};

pub(crate) use call::{CallArgs, PolicyArgs, SensitivityChoice};
pub(crate) use endpoint::EndpointArgs;
pub(crate) use input::{Channels, Filter, Fit, InputArgs, Layout, PictureArgs, SourceFormat};
pub(crate) use model::ModelArgs;
pub(crate) use output::OutputArgs;
pub(crate) use planning::PlanningArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use split::{SampleArgs, SplitArgs};

use std::path::PathBuf;

/// Run ONNX models on this device, in the cloud, or wherever is better
#[derive(Debug, Parser)]
#[command(name = "tandem", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArgs {
    /// Print JSON for scripts instead of tables, one document a line; errors too, on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Log to standard error; twice for more, three times for what other libraries say too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Show the progress of long work even where standard error is not a terminal
    #[arg(long, global = true)]
    pub(crate) progress: bool,
}

/// What may be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a model is: identity, metadata, inputs and outputs, and where it may be cut
    Inspect(InspectArgs),
    /// Run a model on this device
    Predict(PredictArgs),
    /// Run a model on an endpoint, never on this device
    Offload(OffloadArgs),
    /// Run a model wherever mode, sensitivity and reachability say
    Run(RunArgs),
    /// Show where `run` would run a model, and why, without running it
    Plan(PlanArgs),
    /// Measure every node of a model on this device
    Profile(ProfileArgs),
    /// Serve a repository of models over the Open Inference Protocol v2
    Serve(Box<ServeArgs>),
    /// Run a labelled set of pictures and count what is right
    Eval(EvalArgs),
    /// Cut a model between device and cloud: write tails, configurations and manifest into a repository
    Split(Box<SplitArgs>),
}

/// Show what a model is.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Show where the graph may be cut: what crosses, and the compute on both sides
    #[arg(long)]
    pub(crate) cuts: bool,
    /// Draw compute and bytes along the graph, with the cuts that `split` would choose, into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Cuts to mark as those that `split` would choose
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub(crate) max_tails: usize,
    #[command(flatten)]
    pub(crate) samples: SampleArgs,
}

/// Run a model on this device.
#[derive(Args, Debug)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) call: CallArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Run a model on an endpoint.
#[derive(Args, Debug)]
pub(crate) struct OffloadArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    #[command(flatten)]
    pub(crate) call: CallArgs,
    /// How far the data may travel
    #[arg(long, value_enum, default_value_t)]
    pub(crate) sensitivity: SensitivityChoice,
    /// Run on this device too, and show the largest difference between the two
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: the largest difference to accept, absolute below 1 and relative above
    #[arg(long, value_name = "DIFFERENCE", default_value = "1e-5", value_parser = values::tolerance)]
    pub(crate) tolerance: f64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Run a model wherever is better.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) call: CallArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Show where `run` would run a model.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    /// Run the model so many times on this device and on each endpoint first, with random inputs, so that there is
    /// something to predict from; 0 contacts nobody
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1000))]
    pub(crate) measure: u32,
    /// Draw the candidates as bars into an SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// Measure every node of a model.
#[derive(Args, Debug)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// How many runs to take the median of, after one that warms up
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) runs: u32,
    /// Nodes to show, the slowest first; 0 is all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) top: usize,
    /// How long all runs together may take
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) timeout: Option<std::time::Duration>,
}

/// Run a labelled set.
#[derive(Args, Debug)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// CSV file with a line `file,label` for each picture; files are relative to its folder, a label is a class
    /// name or number, and a first line `file,label` is a heading
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// How long each run may take
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// The output that holds the scores of the classes; without it the first that has one score for each class
    #[arg(long, value_name = "NAME")]
    pub(crate) output: Option<String>,
    /// File with the names of the classes, one a line, instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) class_names: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_documented() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for option in command.get_arguments() {
                assert!(option.get_help().is_some(), "{} {}", command.get_name(), option.get_id());
            }
        }
    }
}
