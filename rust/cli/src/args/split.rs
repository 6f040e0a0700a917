//! Options of cutting a model.

use std::path::PathBuf;

use clap::Args;

use super::values::{self, Named};
use super::{InputArgs, ModelArgs, PictureArgs};
use tandem::split::FormKind;

/// What a model is tried on.
#[derive(Args, Debug, Default)]
pub(crate) struct SampleArgs {
    /// Typical inputs: files as `predict` takes them, or a folder. Bytes are calibrated on them, and the errors
    /// of the wire forms measured; without them shapes are learned from made-up inputs
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1..)]
    samples: Vec<String>,

    /// The size of a symbolic dimension in raw files
    #[arg(long = "symbol", value_name = "SYMBOL=SIZE", value_parser = values::symbol)]
    symbols: Vec<Named<usize>>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

impl SampleArgs {
    /// The samples as inputs of runs; `None` where none are named.
    pub(crate) fn inputs(&self) -> Option<InputArgs> {
        (!self.samples.is_empty()).then(|| InputArgs {
            sources: self.samples.clone(),
            symbols: self.symbols.clone(),
            picture: self.picture.clone(),
            ..InputArgs::default()
        })
    }
}

/// Cut a model between device and cloud.
#[derive(Args, Debug)]
pub(crate) struct SplitArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    /// Folder of the model repository; made where it is missing. What `tandem split` did not write stays
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,

    /// Name under which the model is served; without it the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Cuts that get a tail, beside the one at the inputs
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub(crate) max_tails: usize,

    /// Find the cuts worth most by what their heads take in a profiled run here, not by multiply-adds
    #[arg(long)]
    pub(crate) by_time: bool,

    /// Serve the whole model under a name that carries its hash, as tails do; devices take the name from the manifest
    #[arg(long)]
    pub(crate) hashed_name: bool,

    /// The cuts that get a tail, by the ids that `inspect --cuts` shows, in place of those worth most
    #[arg(long = "cut", value_name = "ID")]
    pub(crate) cuts: Vec<String>,

    /// Wire forms in which each cut is offered: f32 (always among them), f16, u8 (calibrated where there are samples),
    /// `u8_per_request`
    #[arg(long, value_name = "FORM,..", value_delimiter = ',', default_values_t = FormKind::USUAL)]
    pub(crate) forms: Vec<FormKind>,

    /// A tensor that must not leave the device, an input or one inside the graph: nothing computed from it crosses
    #[arg(long = "keep", value_name = "TENSOR")]
    pub(crate) keep: Vec<String>,

    /// An input of f32 that is a picture, whose pixels travel as bytes: --scale, --mean and --std, by which they
    /// became numbers, move into the model
    #[arg(long, value_name = "INPUT")]
    pub(crate) pixels: Option<String>,

    #[command(flatten)]
    pub(crate) samples: SampleArgs,

    /// CSV file with a line `file,label` for each picture, as `eval` takes it: the share of right classes of each
    /// wire form
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,

    /// File with the names of the classes, one a line, instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) class_names: Option<PathBuf>,

    /// File with an Ed25519 key that signs the manifest, as `openssl genpkey -algorithm ed25519` writes it
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) sign: Option<PathBuf>,

    /// Write the models for Triton's Python backend, for servers without the onnxruntime backend
    #[arg(long)]
    pub(crate) python_backend: bool,

    /// Runs of which the median time of head, tail and whole model is taken; 0 measures nothing
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) runs: u32,
}
