//! The header of an array file: a mark, a version, and a Python dictionary as text.

use std::fmt;

use tandem::DType;

use super::NpyError;

/// What every array file begins with.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// What follows the header begins at a multiple of this.
const ALIGNMENT: usize = 64;
/// The most dimensions: as many as `NumPy` has.
const MAX_RANK: usize = 64;

/// Byte order of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// Lowest byte first.
    Little,
    /// Highest byte first.
    Big,
}

impl ByteOrder {
    /// This machine's.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number or bool.
    Plain(DType),
    /// Text of a fixed number of bytes.
    Bytes {
        /// How many.
        width: usize,
    },
    /// Text of a fixed number of code points, four bytes each.
    Text {
        /// How many.
        width: usize,
    },
}

/// The element type as `NumPy` writes it: `<f4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) order: ByteOrder,
    pub(super) kind: Kind,
}

/// The letter and size of each plain element type.
const PLAIN: [(&str, DType); 12] = [
    ("b1", DType::Bool),
    ("u1", DType::U8),
    ("u2", DType::U16),
    ("u4", DType::U32),
    ("u8", DType::U64),
    ("i1", DType::I8),
    ("i2", DType::I16),
    ("i4", DType::I32),
    ("i8", DType::I64),
    ("f2", DType::F16),
    ("f4", DType::F32),
    ("f8", DType::F64),
];

impl Descriptor {
    fn parse(text: &str) -> Result<Self, NpyError> {
        let unknown = || NpyError::ElementType(text.chars().take(40).collect());
        let (order, rest) = match text.split_at_checked(1).ok_or_else(unknown)? {
            ("<", rest) => (ByteOrder::Little, rest),
            (">", rest) => (ByteOrder::Big, rest),
            ("|" | "=", rest) => (ByteOrder::NATIVE, rest),
            _ => (ByteOrder::NATIVE, text),
        };
        let width = |digits: &str| {
            // Wider text than this overflows nothing, and no file holds it.
            digits.parse::<usize>().ok().filter(|&width| width <= 1 << 30).ok_or_else(unknown)
        };
        let kind = match (rest.strip_prefix('S'), rest.strip_prefix('U')) {
            (Some(digits), _) => Kind::Bytes { width: width(digits)? },
            (_, Some(digits)) => Kind::Text { width: width(digits)? },
            _ => {
                let rest = if rest == "?" { "b1" } else { rest };
                let (_, dtype) = PLAIN.iter().find(|(name, _)| *name == rest).ok_or_else(unknown)?;
                Kind::Plain(*dtype)
            }
        };
        Ok(Self { order, kind })
    }

    /// Bytes of an element.
    pub(super) fn size(self) -> usize {
        match self.kind {
            Kind::Plain(dtype) => dtype.size().unwrap_or(0),
            Kind::Bytes { width } => width,
            Kind::Text { width } => width * 4,
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.size(), self.order) {
            (1, _) => '|',
            (_, ByteOrder::Little) => '<',
            (_, ByteOrder::Big) => '>',
        };
        match self.kind {
            Kind::Plain(plain) => {
                let name = PLAIN.iter().find(|(_, dtype)| *dtype == plain).map_or("?", |(name, _)| name);
                write!(f, "{order}{name}")
            }
            Kind::Bytes { width } => write!(f, "|S{width}"),
            Kind::Text { width } => write!(f, "{order}U{width}"),
        }
    }
}

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) descriptor: Descriptor,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// The header of `file`, and the bytes after it.
pub(super) fn parse(file: &[u8]) -> Result<(Header, &[u8]), NpyError> {
    let rest = file.strip_prefix(MAGIC).ok_or(NpyError::Magic)?;
    let truncated = || NpyError::Header("the file ends within it".to_owned());
    let (&[major, minor], rest) = rest.split_first_chunk().ok_or_else(truncated)?;
    let (length, rest) = match (major, minor) {
        (1, 0) => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        (2 | 3, 0) => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX), rest)
        }
        _ => return Err(NpyError::Version { major, minor }),
    };
    let (text, data) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let text = std::str::from_utf8(text).map_err(|_| NpyError::Header("it is not text".to_owned()))?;
    Ok((Dictionary::new(text).parse()?, data))
}

/// The header, aligned as `NumPy` wants it.
pub(super) fn encode(descriptor: Descriptor, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let shape = sizes.join(", ") + comma;
    let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The mark, the version and the length take 10 bytes, or 12 where the length takes four.
    let long = text.len() + 10 + ALIGNMENT > usize::from(u16::MAX);
    let before = MAGIC.len() + 2 + if long { 4 } else { 2 };
    let total = (before + text.len() + 1).next_multiple_of(ALIGNMENT);
    let padded = total - before;

    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(MAGIC);
    if long {
        bytes.extend_from_slice(&[2, 0]);
        bytes.extend_from_slice(&u32::try_from(padded).unwrap_or(u32::MAX).to_le_bytes());
    } else {
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&u16::try_from(padded).unwrap_or(u16::MAX).to_le_bytes());
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Reads the one form of Python dictionary that `NumPy` writes, its keys in any order.
struct Dictionary<'a> {
    rest: &'a str,
}

impl<'a> Dictionary<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn parse(mut self) -> Result<Header, NpyError> {
        let (mut descriptor, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            let twice = match key {
                "descr" => descriptor.replace(Descriptor::parse(self.string()?)?).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.tuple()?).is_some(),
                key => return Err(NpyError::Header(format!("unexpected key {key:?}"))),
            };
            if twice {
                return Err(NpyError::Header(format!("key {key:?} comes twice")));
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err(NpyError::Header("text follows the dictionary".to_owned()));
        }
        let missing = |key: &str| NpyError::Header(format!("key {key:?} is missing"));
        Ok(Header {
            descriptor: descriptor.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), NpyError> {
        if self.take(wanted) {
            return Ok(());
        }
        let got: String = self.rest.trim_start().chars().take(20).collect();
        Err(NpyError::Header(format!("expected {wanted:?} before {got:?}")))
    }

    fn string(&mut self) -> Result<&'a str, NpyError> {
        let quote = if self.take('"') {
            '"'
        } else {
            // A list here is a structured type, which no tensor is.
            self.expect('\'')?;
            '\''
        };
        let rest = self.rest;
        let (text, rest) =
            rest.split_once(quote).ok_or_else(|| NpyError::Header("a string does not end".to_owned()))?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.trim_start().strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(NpyError::Header("fortran_order is neither True nor False".to_owned()))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, NpyError> {
        self.expect('(')?;
        let mut sizes = Vec::new();
        while !self.take(')') {
            let rest = self.rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at(end);
            let size = digits.parse().map_err(|_| NpyError::Header("a size is not a number".to_owned()))?;
            if sizes.len() == MAX_RANK {
                return Err(NpyError::Header(format!("it has more than {MAX_RANK} dimensions")));
            }
            sizes.push(size);
            // Python 2 wrote long integers with this letter.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(sizes)
    }
}
