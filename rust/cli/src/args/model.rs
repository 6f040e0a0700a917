//! Options of loading a model.

use std::path::PathBuf;

use clap::Args;
use tandem::{CacheOptions, Limits, LoadOptions, ManifestOptions, Model, Runtime, RuntimeBuilder};

use super::values;
use crate::error::CliError;

/// A model and what it may take.
#[derive(Args, Debug)]
pub(crate) struct ModelArgs {
    /// The ONNX file
    #[arg(value_name = "MODEL")]
    path: PathBuf,

    /// Threads that a run on this device shares its work over
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = values::threads)]
    threads: usize,

    /// A folder that keeps the compiled model for the next time
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,

    /// The SHA-256 that the file must have, in hexadecimal
    #[arg(long, value_name = "DIGEST", help_heading = "Limits")]
    sha256: Option<String>,

    /// Bytes of the model, external data included
    #[arg(long, value_name = "BYTES", value_parser = values::bytes, help_heading = "Limits")]
    limit_model_bytes: Option<u64>,

    /// Nodes of the graph
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    limit_nodes: Option<u64>,

    /// Bytes of any one tensor
    #[arg(long, value_name = "BYTES", value_parser = values::bytes, help_heading = "Limits")]
    limit_tensor_bytes: Option<u64>,

    /// Inputs of the graph
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    limit_inputs: Option<u64>,
}

impl ModelArgs {
    /// Loads the model, under `name` where the endpoints know it by another one.
    pub(crate) fn load(
        &self,
        builder: RuntimeBuilder,
        name: Option<&str>,
    ) -> Result<(Runtime, Model), CliError> {
        self.load_with(builder, name, None)
    }

    /// [`ModelArgs::load`] with the cuts of a manifest.
    pub(crate) fn load_with(
        &self,
        builder: RuntimeBuilder,
        name: Option<&str>,
        manifest: Option<ManifestOptions>,
    ) -> Result<(Runtime, Model), CliError> {
        let options = LoadOptions {
            limits: self.limits(),
            name: name.map(str::to_owned),
            sha256: self.sha256.clone(),
            manifest,
            ..LoadOptions::default()
        };
        let mut builder = builder.threads(self.threads);
        if let Some(folder) = &self.cache {
            builder = builder.cache(CacheOptions::new(folder));
        }
        let runtime = builder.build()?;
        let model = runtime.load(&self.path, &options)?;
        Ok((runtime, model))
    }

    /// The file.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The limits asked for; the defaults where none are.
    pub(crate) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            model_bytes: self.limit_model_bytes.unwrap_or(default.model_bytes),
            nodes: self.limit_nodes.unwrap_or(default.nodes),
            tensor_bytes: self.limit_tensor_bytes.unwrap_or(default.tensor_bytes),
            inputs: self.limit_inputs.unwrap_or(default.inputs),
        }
    }
}
