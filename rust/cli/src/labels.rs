//! Names of classes, and sets of labelled files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tandem::ModelInfo;

use crate::input::read_capped;

/// Metadata keys under which models carry the names of their classes.
const METADATA_KEYS: [&str; 4] = ["labels", "classes", "class_names", "names"];
/// The most bytes of a file of names or labels.
const MAX_FILE: u64 = 64 << 20;

/// Class names or a labelled set could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LabelsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {detail}")]
    Read {
        /// The path.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// A line of a labelled set that is not understood.
    #[error("{path}, line {line}: {detail}")]
    Line {
        /// The path.
        path: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A labelled set without a file in it.
    #[error("{path} has no labelled file")]
    Empty {
        /// The path.
        path: String,
    },
    /// A label that stands for none of the model's classes.
    #[error("{path}, line {line}: label {label:?} is none of the model's {classes} classes")]
    Unknown {
        /// The path.
        path: String,
        /// The line, from 1.
        line: u64,
        /// The label.
        label: String,
        /// How many classes there are.
        classes: usize,
    },
}

/// The names of the classes of a classifier, by index. There may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassNames(Vec<String>);

impl ClassNames {
    /// The names in `file`, one a line; without one those that the model carries.
    pub(crate) fn new(file: Option<&Path>, info: &ModelInfo) -> Result<Self, LabelsError> {
        let Some(path) = file else {
            return Ok(Self::from_metadata(&info.metadata));
        };
        let text = read_text(path)?;
        Ok(Self(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()))
    }

    fn from_metadata(metadata: &BTreeMap<String, String>) -> Self {
        let names =
            METADATA_KEYS.iter().filter_map(|key| metadata.get(*key)).find_map(|text| parse_names(text));
        Self(names.unwrap_or_default())
    }

    /// The name of a class.
    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// The class that a label names, by its name or else by its number.
    fn index(&self, label: &str, classes: usize) -> Option<usize> {
        let named = self.0.iter().position(|name| name == label);
        named.or_else(|| label.parse().ok()).filter(|&index| index < classes)
    }
}

/// Names as models carry them: a JSON array, a JSON object by index, or text cut by lines or commas.
fn parse_names(text: &str) -> Option<Vec<String>> {
    if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
        return Some(names);
    }
    if let Ok(by_index) = serde_json::from_str::<BTreeMap<usize, String>>(text) {
        let complete = by_index.keys().copied().eq(0..by_index.len());
        return complete.then(|| by_index.into_values().collect());
    }
    if text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let separator = if text.contains('\n') { '\n' } else { ',' };
    let names: Vec<String> = text.split(separator).map(|name| name.trim().to_owned()).collect();
    (names.len() > 1 && names.iter().all(|name| !name.is_empty())).then_some(names)
}

/// A file and the label that somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Labelled {
    /// The file, relative to the folder of the set.
    pub(crate) file: PathBuf,
    label: String,
    line: u64,
}

/// Files and their labels.
#[derive(Clone, Debug)]
pub(crate) struct LabelledSet {
    path: PathBuf,
    /// The files in the order of the set.
    pub(crate) files: Vec<Labelled>,
}

impl LabelledSet {
    /// Reads a CSV file of `file,label`.
    pub(crate) fn read(path: &Path) -> Result<Self, LabelsError> {
        let text = read_text(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let wrong = |line, detail| LabelsError::Line { path: path.display().to_string(), line, detail };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut files = Vec::new();
        for record in reader.records() {
            let record = record
                .map_err(|error| wrong(error.position().map_or(0, csv::Position::line), error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            match record.iter().collect::<Vec<_>>().as_slice() {
                ["file", "label"] if files.is_empty() => {}
                ["", _] | [_, ""] => return Err(wrong(line, "the file or the label is empty".to_owned())),
                [file, label] => {
                    files.push(Labelled { file: folder.join(file), label: (*label).to_owned(), line });
                }
                fields => {
                    return Err(wrong(line, format!("expected file,label, got {} fields", fields.len())));
                }
            }
        }
        if files.is_empty() {
            return Err(LabelsError::Empty { path: path.display().to_string() });
        }
        Ok(Self { path: path.to_owned(), files })
    }

    /// The class of a file, where the model has so many of them.
    pub(crate) fn class(
        &self,
        file: &Labelled,
        names: &ClassNames,
        classes: usize,
    ) -> Result<usize, LabelsError> {
        names.index(&file.label, classes).ok_or_else(|| LabelsError::Unknown {
            path: self.path.display().to_string(),
            line: file.line,
            label: file.label.clone(),
            classes,
        })
    }
}

fn read_text(path: &Path) -> Result<String, LabelsError> {
    let unreadable = |detail| LabelsError::Read { path: path.display().to_string(), detail };
    let bytes = read_capped(path, MAX_FILE).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
    // Spreadsheets begin their text files with this mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Result<LabelledSet, LabelsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        LabelledSet::read(&path)
    }

    #[test]
    fn names_come_in_several_forms() {
        let names = Some(vec!["cat".to_owned(), "dog".to_owned()]);
        assert_eq!(parse_names(r#"["cat", "dog"]"#), names);
        assert_eq!(parse_names(r#"{"1": "dog", "0": "cat"}"#), names);
        assert_eq!(parse_names("cat, dog"), names);
        assert_eq!(parse_names("cat\ndog"), names);
        for none in ["", "one", "[1, 2]", r#"{"0": "cat", "2": "dog"}"#, "{'0': 'cat'}", "a,,b"] {
            assert_eq!(parse_names(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_label_is_a_name_before_it_is_a_number() {
        let names = ClassNames(vec!["1".to_owned(), "0".to_owned(), "dog".to_owned()]);
        assert_eq!(names.index("0", 3), Some(1));
        assert_eq!(names.index("dog", 3), Some(2));
        assert_eq!(names.index("2", 3), Some(2));
        assert_eq!(names.index("3", 3), None);
        assert_eq!(names.index("cat", 3), None);
        assert_eq!(names.index("dog", 2), None);
    }

    #[test]
    fn a_set_may_have_a_heading_and_quotes() {
        let set = set("\u{feff}file,label\n\"a,b.png\", 3\nc.png,x\n").unwrap();
        let files: Vec<_> = set.files.iter().map(|file| file.file.file_name().unwrap()).collect();
        assert_eq!(files, ["a,b.png", "c.png"]);
        assert_eq!((set.files[0].label.as_str(), set.files[0].line), ("3", 2));
        let error = set.class(&set.files[1], &ClassNames::default(), 10).unwrap_err();
        assert!(
            error.to_string().ends_with("line 3: label \"x\" is none of the model's 10 classes"),
            "{error}"
        );
    }

    #[test]
    fn each_fault_names_its_line() {
        let error = |text: &str| set(text).unwrap_err().to_string();
        assert!(error("a.png,1\nb.png\n").ends_with("line 2: expected file,label, got 1 fields"));
        assert!(error("a.png,\n").ends_with("line 1: the file or the label is empty"));
        assert!(error("file,label\n").ends_with("has no labelled file"));
        assert!(error("").ends_with("has no labelled file"));
        assert!(LabelledSet::read(Path::new("/nowhere")).is_err());
    }
}
