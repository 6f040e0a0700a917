//! The grammar: tokens, then fields.

use super::{Message, PbtxtError, Value};

/// Messages within messages.
const MAX_DEPTH: usize = 64;

/// Fields and list items of one text.
const MAX_VALUES: usize = 100_000;

pub(super) fn parse(text: &str) -> Result<Message, PbtxtError> {
    let mut parser = Parser { text, position: 0, values: 0 };
    parser.fields(None, 0)
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    /// Fields up to `end`, which is taken, or up to the end of the text.
    fn fields(&mut self, end: Option<char>, depth: usize) -> Result<Message, PbtxtError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} messages within each other")));
        }
        let mut message = Message::default();
        loop {
            self.skip_blank();
            match (self.peek(), end) {
                (None, None) => return Ok(message),
                (None, Some(end)) => return Err(self.error(format!("the text ends before {end:?}"))),
                (found, Some(end)) if found == Some(end) => {
                    self.advance();
                    return Ok(message);
                }
                _ => self.field(&mut message, depth)?,
            }
        }
    }

    fn field(&mut self, message: &mut Message, depth: usize) -> Result<(), PbtxtError> {
        let name = self.field_name()?;
        self.skip_blank();
        let has_colon = self.take(':');
        self.skip_blank();
        if self.take('[') {
            self.list(message, name, depth)?;
        } else {
            let value = self.value(has_colon, depth)?;
            self.push(message, name, value)?;
        }
        self.skip_blank();
        let _separator = self.take(',') || self.take(';');
        Ok(())
    }

    fn list(&mut self, message: &mut Message, name: &str, depth: usize) -> Result<(), PbtxtError> {
        self.skip_blank();
        if self.take(']') {
            return Ok(());
        }
        loop {
            self.skip_blank();
            let value = self.value(true, depth)?;
            self.push(message, name, value)?;
            self.skip_blank();
            if self.take(']') {
                return Ok(());
            }
            if !self.take(',') {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    fn push(&mut self, message: &mut Message, name: &str, value: Value) -> Result<(), PbtxtError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(format!("more than {MAX_VALUES} values")));
        }
        message.fields.push((name.to_owned(), value));
        Ok(())
    }

    /// A name, or the name of an extension in brackets.
    fn field_name(&mut self) -> Result<&'a str, PbtxtError> {
        if self.peek() == Some('[') {
            let start = self.position;
            self.take_while(|c| c != ']' && c != '\n');
            if !self.take(']') {
                return Err(self.expected("']'"));
            }
            return Ok(&self.text[start..self.position]);
        }
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() { Err(self.expected("the name of a field")) } else { Ok(name) }
    }

    fn value(&mut self, has_colon: bool, depth: usize) -> Result<Value, PbtxtError> {
        let closing = match self.peek() {
            Some('{') => Some('}'),
            Some('<') => Some('>'),
            _ => None,
        };
        if let Some(closing) = closing {
            self.advance();
            return self.fields(Some(closing), depth + 1).map(Value::Message);
        }
        if !has_colon {
            return Err(self.expected("':' or '{'"));
        }
        if matches!(self.peek(), Some('"' | '\'')) {
            return self.texts().map(Value::Text);
        }
        let start = self.position;
        if self.take('-') {
            self.skip_blank();
        }
        let negative = self.position > start;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'));
        if word.is_empty() {
            return Err(self.expected("a value"));
        }
        Ok(Value::Word(if negative { format!("-{word}") } else { word.to_owned() }))
    }

    /// Quoted texts that follow each other are one.
    fn texts(&mut self) -> Result<String, PbtxtError> {
        let mut bytes = Vec::new();
        while let Some(quote @ ('"' | '\'')) = self.peek() {
            self.advance();
            self.quoted(quote, &mut bytes)?;
            self.skip_blank();
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn quoted(&mut self, quote: char, bytes: &mut Vec<u8>) -> Result<(), PbtxtError> {
        loop {
            match self.advance() {
                None | Some('\n') => return Err(self.error("a quoted text does not end".to_owned())),
                Some('\\') => self.escape(bytes)?,
                Some(c) if c == quote => return Ok(()),
                Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), PbtxtError> {
        let byte = match self.advance() {
            Some('a') => 7,
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('v') => 11,
            Some(c @ ('\\' | '\'' | '"' | '?')) => c as u8,
            Some('x' | 'X') => self.code(16, 2)?,
            Some('0'..='7') => {
                self.position -= 1;
                self.code(8, 3)?
            }
            Some('u') => return self.scalar(4, bytes),
            Some('U') => return self.scalar(8, bytes),
            _ => return Err(self.error("an escape is not known".to_owned())),
        };
        bytes.push(byte);
        Ok(())
    }

    fn scalar(&mut self, digits: usize, bytes: &mut Vec<u8>) -> Result<(), PbtxtError> {
        let text = self.digits(16, digits);
        let scalar =
            u32::from_str_radix(text, 16).ok().filter(|_| text.len() == digits).and_then(char::from_u32);
        let scalar = scalar.ok_or_else(|| self.error("an escape is not a character".to_owned()))?;
        bytes.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn code(&mut self, radix: u32, most: usize) -> Result<u8, PbtxtError> {
        let text = self.digits(radix, most);
        u8::from_str_radix(text, radix).map_err(|_| self.error("an escape is not a byte".to_owned()))
    }

    fn digits(&mut self, radix: u32, most: usize) -> &'a str {
        let rest = &self.text[self.position..];
        let length = rest.bytes().take(most).take_while(|&byte| char::from(byte).is_digit(radix)).count();
        self.position += length;
        &rest[..length]
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.peek() != Some('#') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = &self.text[self.position..];
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.advance();
        }
        found
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn expected(&self, what: &str) -> PbtxtError {
        match self.peek() {
            Some(found) => self.error(format!("{found:?} where {what} should be")),
            None => self.error(format!("the text ends where {what} should be")),
        }
    }

    fn error(&self, problem: String) -> PbtxtError {
        let line = self.text[..self.position].matches('\n').count() + 1;
        PbtxtError::Syntax { line, problem }
    }
}
