//! Triton's statistics extension, as far as it tells what requests took.

use std::time::Duration;

use serde::Deserialize;
use tandem_core::ServerCounts;

/// The answer of `GET /v2/models/{model}/stats`. Everything else that it holds is left aside.
#[derive(Deserialize)]
struct Statistics {
    model_stats: Vec<ModelStats>,
}

#[derive(Deserialize)]
struct ModelStats {
    inference_stats: InferenceStats,
}

#[derive(Deserialize)]
struct InferenceStats {
    success: Tally,
    queue: Tally,
    compute_input: Tally,
    compute_infer: Tally,
    compute_output: Tally,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tally {
    count: u64,
    ns: u64,
}

/// What a server counted of a model, over all its versions, from the body of its statistics. `None` where the body is
/// something else.
///
/// The wait is counted over all requests that succeeded, computing over those that no cache answered, as Triton does.
///
/// ```
/// let body = br#"{"model_stats":[{"name":"m","version":"1","inference_stats":{
///     "success":{"count":4,"ns":50000000},"queue":{"count":4,"ns":8000000},
///     "compute_input":{"count":4,"ns":1000000},"compute_infer":{"count":4,"ns":40000000},
///     "compute_output":{"count":4,"ns":1000000}}}]}"#;
/// let counts = tandem_wire::parse_statistics(body).unwrap();
/// assert_eq!((counts.requests, counts.queue.as_millis(), counts.compute.as_millis()), (4, 8, 42));
/// ```
pub fn parse_statistics(body: &[u8]) -> Option<ServerCounts> {
    let statistics: Statistics = serde_json::from_slice(body).ok()?;
    let mut counts = ServerCounts::default();
    for stats in statistics.model_stats.into_iter().map(|model| model.inference_stats) {
        let computing = [&stats.compute_input, &stats.compute_infer, &stats.compute_output];
        let nanoseconds = computing.iter().fold(0_u64, |sum, tally| sum.saturating_add(tally.ns));
        counts.requests = counts.requests.saturating_add(stats.success.count);
        counts.computed = counts.computed.saturating_add(stats.compute_infer.count);
        counts.queue = counts.queue.saturating_add(Duration::from_nanos(stats.queue.ns));
        counts.compute = counts.compute.saturating_add(Duration::from_nanos(nanoseconds));
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_added_and_what_is_missing_counts_as_nothing() {
        let version = |count: u64| {
            let tally = |ns: u64| format!(r#"{{"count":{count},"ns":{ns}}}"#);
            format!(
                r#"{{"name":"m","version":"{count}","last_inference":1,"inference_stats":{{"success":{},"fail":{},
                "queue":{},"compute_input":{},"compute_infer":{},"compute_output":{}}},"batch_stats":[]}}"#,
                tally(9),
                tally(9),
                tally(2),
                tally(10),
                tally(100),
                tally(1),
            )
        };
        let body = format!(r#"{{"model_stats":[{},{}]}}"#, version(3), version(4));
        let counts = parse_statistics(body.as_bytes()).unwrap();
        let time = Duration::from_nanos;
        let expected = ServerCounts { requests: 7, computed: 7, queue: time(4), compute: time(222) };
        assert_eq!(counts, expected);
        assert_eq!(parse_statistics(br#"{"model_stats":[]}"#), Some(ServerCounts::default()));
    }

    #[test]
    fn what_is_no_statistics_is_none() {
        for body in [&b""[..], b"{}", b"[]", br#"{"error":"no such model"}"#, br#"{"model_stats":[{}]}"#] {
            assert_eq!(parse_statistics(body), None);
        }
    }
}
