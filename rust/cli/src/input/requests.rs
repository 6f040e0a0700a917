//! From the words of the command line to the inputs of every run.

use std::path::Path;

use serde_json::value::RawValue;
use tandem::{InputError, ModelInfo, NamedTensors, Tensor, TensorInfo};

use super::json::{self, Document};
use super::source::{self, Format, Source};
use super::{InputFileError, PictureReader, ShapeHints, raw};
use crate::args::InputArgs;
use crate::npy;

/// Text takes more bytes than what it stands for: how much larger a file may be than the largest tensor.
const TEXT_FACTOR: u64 = 4;

/// The inputs of every run that a command line asks for, read one run at a time.
pub(crate) struct Requests<'a> {
    info: &'a ModelInfo,
    args: &'a InputArgs,
    hints: ShapeHints,
    limit: u64,
    /// Inputs that every run has.
    common: NamedTensors,
    /// One source for each run; a single run without one where every input is named.
    runs: Vec<Option<Source>>,
}

/// The inputs of one run.
pub(crate) struct Request {
    /// The file that tells this run from others.
    pub(crate) source: Option<Source>,
    /// The model's inputs.
    pub(crate) inputs: NamedTensors,
}

impl<'a> Requests<'a> {
    /// Sorts the words by what they are for. Reads the files that are named for an input; the others when their run
    /// comes. No tensor may take more than `limit` bytes.
    pub(crate) fn new(info: &'a ModelInfo, args: &'a InputArgs, limit: u64) -> Result<Self, InputFileError> {
        let mut requests = Self {
            info,
            args,
            hints: ShapeHints::new(args),
            limit,
            common: NamedTensors::default(),
            runs: Vec::new(),
        };
        let mut stdin = false;
        for word in &args.sources {
            let (name, source) = requests.split(word)?;
            if source == Source::Stdin && std::mem::replace(&mut stdin, true) {
                return Err(InputFileError::StdinTwice);
            }
            match (name, source) {
                (Some(input), source) => {
                    let tensor = requests.tensor(input, &source)?;
                    requests.common.push(&input.name, tensor)?;
                }
                (None, Source::File(path)) if path.is_dir() => {
                    let files = source::folder_files(&path)?;
                    requests.runs.extend(files.into_iter().map(|file| Some(Source::File(file))));
                }
                (None, source) => requests.runs.push(Some(source)),
            }
        }
        if requests.runs.is_empty() {
            requests.runs.push(None);
        }
        Ok(requests)
    }

    /// How many runs there are: at least one.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The files of the runs, as they are shown.
    pub(crate) fn locations(&self) -> Vec<String> {
        self.runs.iter().flatten().map(Source::location).collect()
    }

    /// The inputs of one run after the other, in the order of the command line.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<Request, InputFileError>> {
        self.runs.iter().map(|source| {
            let mut inputs = self.common.clone();
            if let Some(source) = source {
                self.add(source, &mut inputs)?;
            }
            Ok(Request { source: source.clone(), inputs })
        })
    }

    /// The input and the source that a word names. A file whose name has a `=` in it is a bare one where what stands
    /// before is no input.
    fn split(&self, word: &str) -> Result<(Option<&'a TensorInfo>, Source), InputFileError> {
        let Some((name, rest)) = word.split_once('=') else {
            return Ok((None, Source::new(word)));
        };
        match self.info.input(name) {
            Some(input) => Ok((Some(input), Source::new(rest))),
            None if Path::new(word).exists() => Ok((None, Source::new(word))),
            None => Err(self.unknown(name).into()),
        }
    }

    fn unknown(&self, name: &str) -> InputError {
        let known: Vec<_> = self.info.inputs.iter().map(|input| input.name.as_str()).collect();
        InputError::Unknown { name: name.to_owned(), known: known.join(", ") }
    }

    /// Adds what a bare source holds: the one input that is not named, or inputs by name from a JSON object.
    fn add(&self, source: &Source, inputs: &mut NamedTensors) -> Result<(), InputFileError> {
        let bytes = source.read(self.limit.saturating_mul(TEXT_FACTOR))?;
        let format = source.format(self.args.format, &bytes);
        if format == Format::Json {
            let json = |error| InputFileError::Json { location: source.location(), error };
            if let Document::Named(fields) = json::parse(&bytes).map_err(json)? {
                for (name, text) in fields {
                    let input = self.info.input(&name).ok_or_else(|| self.unknown(&name))?;
                    inputs.push(name, self.json_tensor(text, input, source)?)?;
                }
                return Ok(());
            }
        }
        let open: Vec<&TensorInfo> =
            self.info.inputs.iter().filter(|input| inputs.get(&input.name).is_none()).collect();
        let [input] = open.as_slice() else {
            let names: Vec<_> = open.iter().map(|input| input.name.as_str()).collect();
            return Err(InputFileError::Ambiguous {
                location: source.location(),
                count: open.len(),
                names: names.join(", "),
            });
        };
        inputs.push(&input.name, self.decode(bytes, format, input, source)?)?;
        Ok(())
    }

    /// What a source that is named for an input holds.
    fn tensor(&self, input: &TensorInfo, source: &Source) -> Result<Tensor, InputFileError> {
        let bytes = source.read(self.limit.saturating_mul(TEXT_FACTOR))?;
        let format = source.format(self.args.format, &bytes);
        self.decode(bytes, format, input, source)
    }

    fn decode(
        &self,
        bytes: Vec<u8>,
        format: Format,
        input: &TensorInfo,
        source: &Source,
    ) -> Result<Tensor, InputFileError> {
        let location = || source.location();
        let tensor = match format {
            Format::Npy => {
                npy::read(&bytes).map_err(|error| InputFileError::Npy { location: location(), error })?
            }
            Format::Raw => raw::read(bytes, input, &self.hints)
                .map_err(|error| InputFileError::Raw { location: location(), error })?,
            Format::Picture => PictureReader::new(input, &self.args.picture)
                .and_then(|reader| reader.read(&bytes))
                .map_err(|error| InputFileError::Picture { location: location(), error })?,
            Format::Json => {
                let json = |error| InputFileError::Json { location: location(), error };
                match json::parse(&bytes).map_err(json)? {
                    Document::Tensor(text) => self.json_tensor(text, input, source)?,
                    Document::Named(fields) => match fields.into_iter().find(|(name, _)| *name == input.name)
                    {
                        Some((_, text)) => self.json_tensor(text, input, source)?,
                        None => return Err(InputError::Missing { name: input.name.clone() }.into()),
                    },
                }
            }
        };
        if tensor.byte_len() as u64 > self.limit {
            return Err(InputFileError::TooLarge { location: location(), limit: self.limit });
        }
        Ok(tensor)
    }

    fn json_tensor(
        &self,
        text: &RawValue,
        input: &TensorInfo,
        source: &Source,
    ) -> Result<Tensor, InputFileError> {
        json::tensor(text, input, &self.hints)
            .map_err(|error| InputFileError::Json { location: source.location(), error })
    }
}
