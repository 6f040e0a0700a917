//! The split model of the conformance table: what `tandem split` makes of its file is what the other languages run.
//!
//! Where the change is meant, `TANDEM_WRITE_CONFORMANCE=1` writes the files anew; the cut's id stands in
//! `rust/testkit/src/conformance/splits.rs` too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tandem_testkit::conformance::folder;

use crate::splitting::{KEY, PUBLIC_KEY};
use crate::support::{Folder, run};

/// The files of `root` that belong to the model, by their paths.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if !name.starts_with("halves") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_committed_split_is_the_one_that_is_made() {
    let (temporary, committed) = (Folder::new(), folder().join("repository"));
    let (key, out) = (temporary.file("key.pem", KEY), temporary.path("repository"));
    let model = committed.join("halves/1/model.onnx");
    let mut args = vec!["split", model.to_str().unwrap(), "--name", "halves", "--out", &out, "--sign", &key];
    args.extend(["--keep", "y", "--forms", "f32", "--max-tails", "1", "--runs", "0", "--json"]);
    let document = run(&args).document();
    assert_eq!(document["public_key"], PUBLIC_KEY);
    let made = files(Path::new(&out));
    if std::env::var_os("TANDEM_WRITE_CONFORMANCE").is_some() {
        for (name, bytes) in &made {
            let path = committed.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    let there = files(&committed);
    assert_eq!(names(&there), names(&made));
    for (name, bytes) in made {
        assert!(there[&name] == bytes, "{name} differs");
    }
}
