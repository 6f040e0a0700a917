//! What an answer's status means. Servers disagree on almost every one, so they are classified, not matched.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use tandem_core::{RemoteError, Secret};
use tandem_wire::failure_text;

use crate::exchange::Reply;

/// The error that an answer without success is. `model` is the model's name there and `sent` the size of the
/// request's body.
pub(crate) fn refusal(endpoint: &str, model: &str, sent: u64, reply: &Reply) -> RemoteError {
    let endpoint = endpoint.to_owned();
    let status = reply.status.as_u16();
    let detail = failure_text(&reply.body, reply.secret.as_ref().map(Secret::reveal));
    match status {
        300..=399 => {
            RemoteError::Rejected { endpoint, status, detail: "redirects are not followed".to_owned() }
        }
        401 | 403 => RemoteError::Unauthorized { endpoint, status, detail },
        404 => RemoteError::ModelNotFound { endpoint, model: model.to_owned(), detail },
        413 => RemoteError::TooLarge { endpoint, what: "request", got: sent, limit: sent },
        _ if is_overload(reply.status) => {
            let retry_after = retry_after(&reply.headers, SystemTime::now());
            RemoteError::Overloaded { endpoint, status, retry_after, detail }
        }
        400..=499 | 501 => RemoteError::Rejected { endpoint, status, detail },
        _ => RemoteError::ServerFailed { endpoint, status, detail },
    }
}

/// Whether the endpoint, or what it stands behind, has too much to do.
pub(crate) fn is_overload(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
}

/// How long the endpoint asks to be left alone: a number of seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that has passed asks for no wait.
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 784111777 s after the epoch.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (value, expected) in [
            ("7", Some(Duration::from_secs(7))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::from_secs(7))),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
    }
}
