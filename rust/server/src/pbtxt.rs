//! Protobuf's text format, read without a schema: fields by name, in order.
//!
//! What `config.pbtxt` of a model repository is written in. Values stay text until they are asked for as a number
//! or a word; names that the reader does not ask for are skipped, whatever they hold.

mod parser;

use std::str::FromStr;

/// Why a text is not a message, or a field not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PbtxtError {
    /// The text breaks the grammar.
    #[error("line {line}: {problem}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A field holds something else than its meaning asks for.
    #[error("field {field:?} is {got}, expected {expected}")]
    Type {
        /// The field.
        field: String,
        /// What it holds.
        got: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A quoted text, unescaped; bytes that are not UTF-8 are replaced.
    Text(String),
    /// A number, `true`, `false` or the name of an enum's value, as it stands.
    Word(String),
    /// A message.
    Message(Message),
}

/// Fields by name, in order. A repeated field comes as often as it has values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    fields: Vec<(String, Value)>,
}

impl FromStr for Message {
    type Err = PbtxtError;

    fn from_str(text: &str) -> Result<Self, PbtxtError> {
        parser::parse(text)
    }
}

impl Message {
    fn all(&self, field: &str) -> impl Iterator<Item = &Value> {
        self.fields.iter().filter(move |(name, _)| name == field).map(|(_, value)| value)
    }

    /// The last value of a field: what protobuf takes where a single one comes twice.
    fn last(&self, field: &str) -> Option<&Value> {
        self.all(field).last()
    }

    /// The text of a field.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>, PbtxtError> {
        match self.last(field) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(field, other, "a quoted text")),
        }
    }

    /// The number, truth value or enum name of a field.
    pub(crate) fn word(&self, field: &str) -> Result<Option<&str>, PbtxtError> {
        match self.last(field) {
            None => Ok(None),
            Some(Value::Word(word)) => Ok(Some(word)),
            Some(other) => Err(wrong(field, other, "a word")),
        }
    }

    /// The integer of a field.
    pub(crate) fn integer(&self, field: &str) -> Result<Option<i64>, PbtxtError> {
        self.last(field).map(|value| integer(field, value)).transpose()
    }

    /// All integers of a repeated field.
    pub(crate) fn integers(&self, field: &str) -> Result<Vec<i64>, PbtxtError> {
        self.all(field).map(|value| integer(field, value)).collect()
    }

    /// The message of a field.
    pub(crate) fn message(&self, field: &str) -> Result<Option<&Self>, PbtxtError> {
        self.last(field).map(|value| message(field, value)).transpose()
    }

    /// All messages of a repeated field.
    pub(crate) fn messages(&self, field: &str) -> Result<Vec<&Self>, PbtxtError> {
        self.all(field).map(|value| message(field, value)).collect()
    }
}

fn message<'a>(field: &str, value: &'a Value) -> Result<&'a Message, PbtxtError> {
    match value {
        Value::Message(message) => Ok(message),
        other => Err(wrong(field, other, "a message")),
    }
}

/// Decimal, hexadecimal or octal, as protobuf writes them.
fn integer(field: &str, value: &Value) -> Result<i64, PbtxtError> {
    let Value::Word(word) = value else {
        return Err(wrong(field, value, "an integer"));
    };
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word.as_str()),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // `from_str_radix` takes a sign of its own.
    let magnitude =
        if digits.starts_with(['-', '+']) { None } else { i128::from_str_radix(digits, radix).ok() };
    magnitude
        .and_then(|magnitude| i64::try_from(if negative { -magnitude } else { magnitude }).ok())
        .ok_or_else(|| wrong(field, value, "an integer"))
}

fn wrong(field: &str, got: &Value, expected: &'static str) -> PbtxtError {
    let got = match got {
        Value::Text(text) => format!("the text {text:?}"),
        Value::Word(word) => word.clone(),
        Value::Message(_) => "a message".to_owned(),
    };
    PbtxtError::Type { field: field.to_owned(), got, expected }
}

#[cfg(test)]
mod tests;
