//! What can be wrong with a message.

use tandem_core::{DType, TensorError};

/// A message could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The element type travels in binary form only.
    #[error("tensor {name:?} is of {dtype}, which has no form in JSON")]
    NoJsonForm {
        /// The tensor's name.
        name: String,
        /// Its element type.
        dtype: DType,
    },
    /// JSON has no form for NaN and the infinities.
    #[error("element {index} of tensor {name:?} is not finite and has no form in JSON")]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// The first such element.
        index: usize,
    },
    /// A string is longer than its length prefix can say.
    #[error("element {index} of tensor {name:?} takes {got} bytes, a string may take 4294967295")]
    StringTooLong {
        /// The tensor's name.
        name: String,
        /// The element.
        index: usize,
        /// Its bytes.
        got: usize,
    },
    /// The JSON part could not be written.
    #[error("the message has no form in JSON: {detail}")]
    Json {
        /// What the writer said.
        detail: String,
    },
}

/// A message cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The JSON part is not JSON, or not of the protocol's form.
    #[error("the JSON is malformed: {detail}")]
    Json {
        /// What the parser said, and where.
        detail: String,
    },
    /// The JSON part holds `NaN` or an infinity, which JSON does not have.
    #[error("the JSON holds NaN or an infinity at byte {offset}, which only the binary form can carry")]
    NotFinite {
        /// Where it stands.
        offset: usize,
    },
    /// The length of the JSON part is not a number.
    #[error("the header length {text:?} is not a number of bytes")]
    HeaderLength {
        /// What came, shortened.
        text: String,
    },
    /// The JSON part is said to be longer than the whole.
    #[error("the JSON is said to take {header} bytes, the body has {body}")]
    HeaderPastBody {
        /// The length it is said to have.
        header: usize,
        /// The length of the body.
        body: usize,
    },
    /// Two tensors, or two wanted outputs, share a name.
    #[error("the name {name:?} comes twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Bytes are left over after the last tensor.
    #[error("{count} bytes follow the last tensor")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The body cannot be the bytes of the model's only input.
    #[error("the body cannot be taken as one tensor: {detail}")]
    Raw {
        /// Why.
        detail: String,
    },
    /// An output is asked for in a form that is not supported.
    #[error("parameter {parameter:?} of output {name:?} is not supported")]
    OutputParameter {
        /// The output.
        name: String,
        /// The parameter.
        parameter: &'static str,
    },
    /// One tensor is wrong.
    #[error("tensor {name:?}: {problem}")]
    Tensor {
        /// The tensor's name, shortened.
        name: String,
        /// What is wrong with it.
        problem: TensorProblem,
    },
}

/// What is wrong with one tensor of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorProblem {
    /// The protocol has no such element type, or Tandem does not.
    #[error("datatype {datatype:?} is not known")]
    Datatype {
        /// What came, shortened.
        datatype: String,
    },
    /// A dimension is negative.
    #[error("dimension {index} is {got}")]
    Dimension {
        /// Which.
        index: usize,
        /// What it is.
        got: i64,
    },
    /// There are more dimensions than a tensor may have.
    #[error("{got} dimensions, at most {limit} may be")]
    Rank {
        /// How many there are.
        got: usize,
        /// How many may be.
        limit: usize,
    },
    /// Type, shape and elements do not go together.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The tensor comes without its elements.
    #[error("neither data nor binary_data_size is there")]
    NoData,
    /// The tensor comes with its elements twice.
    #[error("both data and binary_data_size are there")]
    TwoForms,
    /// The tensor lies in memory that is not shared with this process.
    #[error("shared memory is not supported")]
    SharedMemory,
    /// The tensor is said to be binary, and the message has no binary part.
    #[error("binary_data_size is there, and the message has no header length")]
    NoBinaryPart,
    /// The binary part ends before the tensor does.
    #[error("{wanted} bytes are announced, {left} are left in the body")]
    Short {
        /// The bytes announced.
        wanted: u64,
        /// The bytes there are.
        left: usize,
    },
    /// The element type travels in binary form only.
    #[error("{dtype} has no form in JSON")]
    NoJsonForm {
        /// The element type.
        dtype: DType,
    },
    /// `data` is not an array, or its arrays are not nested as the shape says.
    #[error("data is neither a flat array nor nested as shape {shape:?} says")]
    Nesting {
        /// The shape.
        shape: Vec<usize>,
    },
    /// An element is of another kind, or outside the range of its type.
    #[error("element {index} is not a value of {dtype}")]
    Element {
        /// Which.
        index: usize,
        /// The element type.
        dtype: DType,
    },
    /// The length prefix of a string leads past the end of the tensor.
    #[error("string {index} does not end within the tensor")]
    StringPastEnd {
        /// Which.
        index: usize,
    },
    /// A string is not UTF-8.
    #[error("string {index} is not UTF-8")]
    NotUtf8 {
        /// Which.
        index: usize,
    },
}

impl DecodeError {
    pub(crate) fn tensor(name: &str, problem: impl Into<TensorProblem>) -> Self {
        Self::Tensor { name: shorten(name), problem: problem.into() }
    }

    /// The parser's complaint about `json`. What it quotes is shortened.
    pub(crate) fn json(json: &[u8], error: &serde_json::Error) -> Self {
        let line_start = json
            .split_inclusive(|&byte| byte == b'\n')
            .take(error.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum::<usize>();
        let offset = (line_start + error.column()).saturating_sub(1);
        let rest = json.get(offset..).unwrap_or_default();
        let is_word = |word: &str| rest.starts_with(word.as_bytes());
        // The parser stops at the `I` of `-Infinity`.
        if error.is_syntax() && (is_word("NaN") || is_word("Inf") || is_word("-Inf") || is_word("-NaN")) {
            return Self::NotFinite { offset };
        }
        Self::Json { detail: shorten(&error.to_string()) }
    }
}

/// At most 200 characters of `text`, so that an error stays readable whatever a stranger sent.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
