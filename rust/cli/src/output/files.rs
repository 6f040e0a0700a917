//! Outputs as files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tandem::NamedTensors;

use crate::error::CliError;
use crate::npy;

/// The folder of `--out`: one `.npy` file for each output, in a folder of its own for each of several runs.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    several: bool,
    taken: BTreeSet<String>,
}

impl OutputFolder {
    /// Outputs of one or several runs will be written below `path`.
    pub(crate) fn new(path: &Path, several: bool) -> Self {
        Self { path: path.to_owned(), several, taken: BTreeSet::new() }
    }

    /// Writes the outputs of the run over `file`, and gives the paths.
    pub(crate) fn write(
        &mut self,
        file: Option<&str>,
        outputs: &NamedTensors,
    ) -> Result<Vec<String>, CliError> {
        let folder = if self.several {
            let stem = file.and_then(|file| Path::new(file).file_stem()).and_then(|stem| stem.to_str());
            self.path.join(unique(&mut self.taken, stem.unwrap_or("run")))
        } else {
            self.path.clone()
        };
        create(&folder).map_err(|source| failed(&folder, source))?;
        let mut taken = BTreeSet::new();
        outputs
            .iter()
            .map(|(name, tensor)| {
                let path = folder.join(format!("{}.npy", unique(&mut taken, name)));
                let write = || {
                    let mut writer = BufWriter::new(File::create(&path)?);
                    npy::write(tensor, &mut writer)?;
                    writer.flush()
                };
                write().map_err(|source| failed(&path, source))?;
                Ok(path.display().to_string())
            })
            .collect()
    }
}

fn create(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn failed(path: &Path, source: io::Error) -> CliError {
    CliError::Output { target: path.display().to_string(), source }
}

/// A file name made from `name`, which a model chose: no separators, nothing hidden, no longer than systems take, and
/// none that is taken.
fn unique(taken: &mut BTreeSet<String>, name: &str) -> String {
    const LENGTH: usize = 100;
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let safe: String = name.chars().take(LENGTH).map(plain).collect();
    let safe = safe.trim_start_matches('.');
    let safe = if safe.is_empty() { "output" } else { safe };
    let mut candidate = safe.to_owned();
    let mut number = 1;
    // Systems that do not tell upper case from lower would write over the other file.
    while !taken.insert(candidate.to_lowercase()) {
        number += 1;
        candidate = format!("{safe}-{number}");
    }
    candidate
}

#[cfg(test)]
mod tests {
    use tandem::Tensor;

    use super::*;

    #[test]
    fn names_stay_inside_the_folder_and_differ() {
        let mut taken = BTreeSet::new();
        assert_eq!(unique(&mut taken, "../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(unique(&mut taken, "a/b"), "a_b");
        assert_eq!(unique(&mut taken, "a:b"), "a_b-2");
        assert_eq!(unique(&mut taken, "A_B"), "A_B-3");
        assert_eq!(unique(&mut taken, ""), "output");
        assert_eq!(unique(&mut taken, ".."), "output-2");
        assert_eq!(unique(&mut taken, &"x".repeat(300)).len(), 100);
    }

    #[test]
    fn every_output_is_written_where_it_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let tensor = Tensor::from_vec([2], vec![1.5_f32, f32::NAN]).unwrap();
        let outputs = NamedTensors::new([("scores", tensor.clone())]).unwrap();
        let mut several = OutputFolder::new(&folder.path().join("new"), true);
        let first = several.write(Some("a/x.png"), &outputs).unwrap();
        let second = several.write(Some("b/x.png"), &outputs).unwrap();
        assert!(first[0].ends_with("new/x/scores.npy"), "{first:?}");
        assert!(second[0].ends_with("new/x-2/scores.npy"), "{second:?}");
        assert_eq!(npy::read(&fs::read(&second[0]).unwrap()).unwrap(), tensor);
    }
}
