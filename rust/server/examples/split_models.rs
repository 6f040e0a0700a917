//! Splits test models into a repository for Triton's Python backend: `split_models FOLDER`.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(dead_code, reason = "the tests use the other half of the module")]

#[path = "../tests/server/split_runs.rs"]
mod split_runs;

use std::path::Path;

use tandem::split::Backend;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: split_models FOLDER")?;
    split_runs::write(Path::new(&folder), Backend::Python, &split_runs::FEW, 1);
    Ok(())
}
