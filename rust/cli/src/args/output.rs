//! Options of what comes out of a model.

use std::path::PathBuf;

use clap::Args;

/// What comes out, and how it is shown.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Classes to show of an output that looks like a classifier's
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub(crate) top: usize,

    /// File with the names of the classes, one a line, instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) class_names: Option<PathBuf>,

    /// Write every output to a .npy file in this folder, which is made; with several runs, into one folder for each
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}
