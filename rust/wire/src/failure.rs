//! The body of an answer that says why there is none.

use serde_json::Value;

use crate::error::shorten;

/// The body of a failure in the protocol's form: `{"error": message}`.
pub fn failure_body(message: &str) -> String {
    serde_json::json!({ "error": message }).to_string()
}

/// What a failure's body says, fit to be shown: at most 200 characters on one line.
///
/// Takes the text of `error` or `detail` where the body is JSON, whatever its content type says, and its start
/// otherwise. Validation errors are reduced to their messages, because the rest repeats what was sent. Long
/// lists of values, bearer tokens and `secret` are left out.
pub fn failure_text(body: &[u8], secret: Option<&str>) -> String {
    /// More than this is not looked at: a failure that is longer is not a message.
    const LOOKED_AT: usize = 64 << 10;
    let body = &body[..body.len().min(LOOKED_AT)];
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => json_text(&json).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = match secret {
        Some(secret) if !secret.is_empty() => text.replace(secret, "…"),
        _ => text,
    };
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    shorten(&hide_lists(&hide_tokens(&line)))
}

fn json_text(json: &Value) -> Option<String> {
    let said = json.get("error").or_else(|| json.get("detail")).or_else(|| json.get("message"))?;
    match said {
        Value::String(text) => Some(text.clone()),
        // The form of FastAPI: a list of objects with `msg` beside the place and the input.
        Value::Array(problems) => {
            let messages = problems.iter().filter_map(|problem| problem.get("msg")?.as_str());
            Some(messages.collect::<Vec<_>>().join("; "))
        }
        _ => None,
    }
}

/// The words joined by spaces, without the ones that follow `Bearer`.
fn hide_tokens(words: &[&str]) -> String {
    let mut shown: Vec<&str> = Vec::with_capacity(words.len());
    for word in words {
        let after_bearer = shown.last().is_some_and(|last| {
            last.get(last.len().saturating_sub(6)..).is_some_and(|end| end.eq_ignore_ascii_case("bearer"))
        });
        shown.push(if after_bearer { "…" } else { word });
    }
    shown.join(" ")
}

/// Items of a bracketed list that is still shown: as many as a shape may well have.
const MOST: usize = 8;

/// The text with every bracketed list of more than [`MOST`] items replaced by `[…]`. A shape stays.
fn hide_lists(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let list = &rest[start..];
        let end = list.find(']').map_or(list.len(), |end| end + 1);
        shown.push_str(&rest[..start]);
        shown.push_str(if list[..end].matches(',').count() >= MOST { "[…]" } else { &list[..end] });
        rest = &list[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_of_failure_is_read() {
        for (body, expected) in [
            (r#"{"error":"unexpected shape [1,3] for input"}"#, "unexpected shape [1,3] for input"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","inputs"],"msg":"Field required","input":{"x":[1,2]}}]}"#,
                "Field required",
            ),
            ("Internal\r\nServer   Error\n", "Internal Server Error"),
            ("<html><head><title>413</title></head></html>", "<html><head><title>413</title></head></html>"),
            ("", ""),
            ("[1, 2, 3]", ""),
        ] {
            assert_eq!(failure_text(body.as_bytes(), None), expected);
        }
        assert_eq!(failure_text(failure_body("a \"quoted\" word").as_bytes(), None), "a \"quoted\" word");
    }

    #[test]
    fn a_long_or_binary_body_is_cut_to_200_characters_on_one_line() {
        for body in ["ü\n".repeat(1 << 20).into_bytes(), vec![0xff; 1 << 20], vec![b'['; 1 << 20]] {
            let text = failure_text(&body, None);
            assert!(text.chars().count() <= 201, "{}", text.chars().count());
            assert!(!text.contains('\n'));
        }
    }

    #[test]
    fn secrets_and_data_are_left_out() {
        let body = br#"{"error":"token abc.def refused, Authorization: Bearer xyz, data [0.1, 0.2, 3, 4, 5, 6, 7, 8, 9, 10] for [1, 3]"}"#;
        let text = failure_text(body, Some("abc.def"));
        assert_eq!(text, "token … refused, Authorization: Bearer … data […] for [1, 3]");
        let echoed = br#"{"detail":[{"msg":"bad","input":[0.123456]}]}"#;
        assert_eq!(failure_text(echoed, None), "bad");
    }
}
