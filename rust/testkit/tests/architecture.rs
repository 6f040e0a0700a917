//! The rules of ARCHITECTURE.md, read off the workspace's metadata and sources.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the lints know test functions, not their helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate ships with: the crates of the workspace that it may name. Arrows point down only.
const LAYERS: &[(&str, &[&str])] = &[
    ("tandem-core", &[]),
    ("tandem-kernels", &[]),
    ("tandem-onnx", &[]),
    ("tandem-wire", &["tandem-core"]),
    ("tandem-split", &["tandem-core", "tandem-onnx"]),
    ("tandem-engine", &["tandem-core", "tandem-kernels", "tandem-onnx"]),
    ("tandem-remote", &["tandem-core", "tandem-wire"]),
    ("tandem", &["tandem-core", "tandem-engine", "tandem-onnx", "tandem-remote", "tandem-split"]),
    ("tandem-server", &["tandem", "tandem-core", "tandem-wire"]),
    ("tandem-cli", &["tandem", "tandem-server"]),
    ("tandem-ffi", &["tandem"]),
    ("tandem-uniffi-bindgen", &[]),
    ("tandem-testkit", &["tandem-core", "tandem-onnx"]),
];

/// Outside packages that spread where they are let in: a prefix of their names, and who may name them.
const WARDS: &[(&str, &[&str])] = &[
    ("tract", &["tandem-engine"]),
    ("uniffi", &["tandem-ffi", "tandem-uniffi-bindgen"]),
    ("webpki-roots", &["tandem-remote"]),
    ("hyper", &["tandem-remote", "tandem-server"]),
    ("axum", &["tandem-server"]),
    ("prost", &["tandem-onnx"]),
];

struct Package {
    name: String,
    folder: PathBuf,
    shipped: Vec<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(tandem_testkit::package())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        folder: Path::new(&text(&package["manifest_path"])).parent().unwrap().to_owned(),
        shipped: package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

#[test]
fn arrows_point_down_only() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let packages = packages();
    assert_eq!(packages.len(), layers.len(), "every crate has its row in LAYERS");
    for package in &packages {
        let allowed =
            layers.get(package.name.as_str()).unwrap_or_else(|| panic!("{} has no row", package.name));
        for dependency in package.shipped.iter().filter(|name| layers.contains_key(name.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{} names {dependency}", package.name);
        }
    }
}

#[test]
fn each_outside_technology_is_named_by_its_crate_alone() {
    for package in packages() {
        for dependency in &package.shipped {
            // The first prefix that fits decides: the longer one stands first.
            let ward = WARDS.iter().find(|(prefix, _)| dependency.starts_with(prefix));
            let Some((_, keepers)) = ward else { continue };
            assert!(keepers.contains(&package.name.as_str()), "{} names {dependency}", package.name);
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of every source of the package, its tests included.
fn lines(package: &Package) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&package.folder, &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        text.lines().map(|line| (path.clone(), line.trim().to_owned())).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(read).collect()
}

#[test]
fn only_the_kernels_have_unsafe_code_of_their_own() {
    let markers = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"];
    for package in packages().iter().filter(|package| package.name != "tandem-kernels") {
        for (path, line) in lines(package) {
            let listed = line.starts_with("let markers");
            let found = markers.iter().find(|marker| line.contains(*marker));
            assert!(listed || found.is_none(), "{}: {line}", path.display());
        }
    }
}

#[test]
fn only_the_client_opens_connections() {
    for package in packages().iter().filter(|package| package.name != "tandem-remote") {
        for (path, line) in lines(package) {
            let shipped = path.starts_with(package.folder.join("src"))
                && package.name != "tandem-testkit"
                && !path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
            assert!(!shipped || !line.contains("TcpStream::connect"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_crate_is_held_to_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = fs::read_to_string(package.folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.name);
    }
}
