//! What a host's configuration says of the cache of compiled plans, as far as files show it.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tandem_ffi::{CacheOptions, CancelToken, DType, DenseInput, Runtime, RuntimeConfig};

use support::{config, load_options, options};

/// Reads a picture with a runtime of its own.
fn read_digit(cache: Option<CacheOptions>) {
    let runtime = Runtime::new(RuntimeConfig { cache, ..config(Vec::new()) }).unwrap();
    let path = tandem_testkit::package().join("../cli/assets/digits/digits.onnx");
    let model =
        runtime.load_file(path.to_str().unwrap().into(), load_options(), &CancelToken::new()).unwrap();
    let picture = DenseInput { name: "image".into(), dtype: DType::F32, shape: vec![1, 1, 8, 8] };
    let prediction =
        model.predict_bytes(vec![picture], &[0; 64 * 4], options(), &CancelToken::new()).unwrap();
    assert_eq!(prediction.outputs.len(), 2);
}

fn cache(folder: &Path, max_bytes: Option<u64>) -> CacheOptions {
    CacheOptions { folder: folder.to_str().unwrap().into(), max_bytes }
}

fn plans(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "plan")).collect()
}

#[test]
fn a_later_runtime_reads_what_an_earlier_one_has_kept() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("made/when/needed");
    read_digit(Some(cache(&folder, None)));
    let [plan] = &plans(&folder)[..] else { panic!("there is one plan") };
    let whole = fs::read(plan).unwrap();
    // A plan that is read is touched; one that is made anew loses what is behind its end.
    for (bytes, used) in [(whole.clone(), true), ([&whole[..], &[0]].concat(), false)] {
        fs::write(plan, &bytes).unwrap();
        File::options().append(true).open(plan).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        read_digit(Some(cache(&folder, None)));
        assert_eq!(fs::read(plan).unwrap(), whole, "used: {used}");
        assert_ne!(fs::metadata(plan).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH, "used: {used}");
        assert_eq!(plans(&folder).len(), 1);
    }
}

#[test]
fn nothing_is_kept_beyond_the_bound_or_where_no_folder_can_be() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("cache");
    read_digit(Some(cache(&folder, Some(100))));
    assert_eq!(plans(&folder).len(), 0);
    let file = root.path().join("file");
    fs::write(&file, "no folder").unwrap();
    read_digit(Some(cache(&file, None)));
    assert_eq!(fs::read_to_string(file).unwrap(), "no folder");
    read_digit(None);
}
