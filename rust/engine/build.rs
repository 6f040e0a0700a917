//! A fingerprint of everything that decides what a compiled plan is, for the keys of the plan cache: a plan that another build
//! has stored is never taken for one of this.

use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Relative to this crate: whose sources count, and the list of what everybody else's are.
const SOURCES: [&str; 5] = ["src", "../kernels/src", "../onnx/src", "../core/src", "../../Cargo.lock"];

fn files(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        files(&entry?.path(), found)?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    // FNV-1a, of each file's name in its folder and of what is in it.
    let mut fingerprint = 0xCBF2_9CE4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    };
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        let path = root.join(source);
        let mut found = Vec::new();
        files(&path, &mut found)?;
        found.sort();
        for file in found {
            add(file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().as_bytes());
            add(&fs::read(&file)?);
        }
    }
    println!("cargo::rustc-env=TANDEM_ENGINE_FINGERPRINT={fingerprint:016x}");
    Ok(())
}
