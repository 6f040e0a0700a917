//! The JSON part of a message: written straight into its bytes, read from them.
//!
//! Keys are ours and hold nothing to escape, so they are written as they are: they are most of a small message, and
//! looking each byte of them up takes longer than the rest of the writing.

use serde::{Deserialize, Serialize};

use crate::{DecodeError, EncodeError};

/// Bytes that the JSON of most messages with binary tensors fits in.
const USUAL_BYTES: usize = 512;

/// A JSON document that is being written. Sets the commas; that brackets pair up is its caller's part.
pub(crate) struct Document(Vec<u8>);

impl Document {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(USUAL_BYTES))
    }

    /// Begins an object or an array, with its bracket.
    pub(crate) fn open(&mut self, bracket: u8) {
        self.separate();
        self.0.push(bracket);
    }

    pub(crate) fn close(&mut self, bracket: u8) {
        self.0.push(bracket);
    }

    /// Begins a member of an object. Nothing in `key` needs escaping.
    pub(crate) fn key(&mut self, key: &'static str) {
        self.separate();
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(crate) fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), EncodeError> {
        self.separate();
        serde_json::to_writer(&mut self.0, value)
            .map_err(|error| EncodeError::Json { detail: error.to_string() })
    }

    pub(crate) fn member(
        &mut self,
        key: &'static str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), EncodeError> {
        self.key(key);
        self.value(value)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn separate(&mut self) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }
}

/// Reads a JSON document.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, DecodeError> {
    // Checked at once, the text need not be checked string by string. The parser says best what is wrong with other bytes.
    let parsed = match str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    };
    parsed.map_err(|error| DecodeError::json(json, &error))
}

#[cfg(test)]
mod tests {
    use tandem_core::{NamedTensors, Tensor};

    use super::*;
    use crate::{Form, InferRequest, InferResponse, RequestedOutput};

    #[test]
    fn members_and_items_are_separated_and_values_escaped() {
        let mut document = Document::new();
        document.open(b'[');
        document.open(b'{');
        document.member("name", "a \"b\"\n").unwrap();
        document.key("inner");
        document.open(b'{');
        document.close(b'}');
        document.close(b'}');
        document.value(&[1, 2]).unwrap();
        document.value("x").unwrap();
        document.close(b']');
        let text = String::from_utf8(document.into_bytes()).unwrap();
        assert_eq!(text, r#"[{"name":"a \"b\"\n","inner":{}},[1,2],"x"]"#);
    }

    #[test]
    fn messages_say_what_the_protocol_asks_for_and_no_more() {
        let tensor = Tensor::from_vec([2], vec![1_u8, 2]).unwrap();
        let tensors = NamedTensors::new([("x", tensor.clone()), ("y", tensor)]).unwrap();
        let outputs = vec![
            RequestedOutput { name: "p".to_owned(), form: Form::Binary },
            RequestedOutput { name: "q".to_owned(), form: Form::Json },
        ];
        let request = InferRequest { id: None, inputs: tensors.clone(), outputs, default_form: Form::Binary };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned();
        assert_eq!(
            text(&request.encode(Form::Json).unwrap().chunks[0]),
            r#"{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2],"datatype":"UINT8","data":[1,2]},{"name":"y","shape":[2],"datatype":"UINT8","data":[1,2]}],"outputs":[{"name":"p"},{"name":"q","parameters":{"binary_data":false}}]}"#
        );
        let response = InferResponse { id: Some("7".to_owned()), outputs: tensors, ..Default::default() };
        let form = |name: &str| if name == "x" { Form::Binary } else { Form::Json };
        let payload = response.encode(form).unwrap();
        assert_eq!(
            text(&payload.to_bytes()[..payload.header_length.unwrap()]),
            r#"{"id":"7","outputs":[{"name":"x","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}},{"name":"y","shape":[2],"datatype":"UINT8","data":[1,2]}]}"#
        );
    }
}
