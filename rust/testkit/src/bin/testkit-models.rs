//! Writes generated models to files: `testkit-models FOLDER [NAME...]` or `testkit-models --list`.
//!
//! Without names it writes those for tests; the large ones for benchmarks are written when they are named.

use std::error::Error;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use tandem_testkit::models::{Entry, Suite, catalog};

const USAGE: &str = "usage: testkit-models --list | FOLDER [NAME...]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or(USAGE)?;
    let names: Vec<OsString> = arguments.collect();
    let catalog = catalog()?;
    if folder == "--list" {
        return list(&catalog);
    }
    if folder.as_encoded_bytes().starts_with(b"-") {
        return Err(USAGE.into());
    }
    if let Some(unknown) = names.iter().find(|name| catalog.iter().all(|entry| entry.name() != **name)) {
        return Err(format!("no model `{}`: see --list", unknown.display()).into());
    }
    std::fs::create_dir_all(&folder)?;
    for entry in &catalog {
        let wanted = if names.is_empty() {
            entry.suite() == Suite::Test
        } else {
            names.iter().any(|name| entry.name() == name)
        };
        if wanted {
            let path = Path::new(&folder).join(entry.name()).with_extension("onnx");
            std::fs::write(path, entry.model()?.encode_bytes())?;
        }
    }
    Ok(())
}

fn list(catalog: &[Entry]) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for entry in catalog {
        let suite = match entry.suite() {
            Suite::Test => "test",
            Suite::Bench => "bench",
        };
        writeln!(out, "{}\t{suite}", entry.name())?;
    }
    Ok(())
}
