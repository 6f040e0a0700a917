//! The bearer token.
//!
//! Without a token in the configuration everything is open. With one every request must carry it, those for
//! `/v2/health/…` excepted, because probes of load balancers carry none; `/metrics` is not excepted.

use std::hint::black_box;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tandem_core::Secret;

use crate::refusal::Refusal;

/// Lets a request through that is for health or carries the token.
pub(crate) fn check(path: &str, headers: &HeaderMap, token: &Secret) -> Result<(), Refusal> {
    if path.starts_with("/v2/health/") { Ok(()) } else { check_token(headers, token) }
}

/// 401 where no bearer token came, 403 where another came.
fn check_token(headers: &HeaderMap, token: &Secret) -> Result<(), Refusal> {
    let unauthorized = |message| Refusal::new(StatusCode::UNAUTHORIZED, message);
    let value =
        headers.get(AUTHORIZATION).ok_or_else(|| unauthorized("a bearer token is required"))?.as_bytes();
    let given = value
        .split_at_checked("Bearer ".len())
        .and_then(|(scheme, given)| scheme.eq_ignore_ascii_case(b"Bearer ").then(|| given.trim_ascii()))
        .ok_or_else(|| unauthorized("the authorization is not a bearer token"))?;
    if equal(given, token.reveal().as_bytes()) {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "the bearer token is not the one that is required"))
    }
}

/// Whether both are the same, in a time that depends on the length of `given` alone.
fn equal(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = given.len() ^ expected.len();
    for (index, &byte) in given.iter().enumerate() {
        let other = expected.get(index % expected.len().max(1)).copied().unwrap_or_default();
        difference |= usize::from(black_box(byte ^ other));
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(authorization: Option<&str>, token: &str) -> Option<u16> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        check("/metrics", &headers, &Secret::new(token)).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn only_the_token_itself_is_let_through() {
        assert_eq!(status(Some("Bearer abc"), "abc"), None);
        assert_eq!(status(Some("bearer  abc"), "abc"), None);
        for wrong in ["Bearer ab", "Bearer abcd", "Bearer abcabc", "Bearer ABC", "Bearer ", "Bearer abd"] {
            assert_eq!(status(Some(wrong), "abc"), Some(403), "{wrong}");
        }
        for missing in [None, Some("Basic abc"), Some("Bearer"), Some("")] {
            assert_eq!(status(missing, "abc"), Some(401), "{missing:?}");
        }
    }
}
