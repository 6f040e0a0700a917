//! The `Server-Timing` header: how long the server says its parts took.

use std::fmt::Write;
use std::time::Duration;

/// The header's value: `queue;dur=0.120, compute;dur=12.345`, in milliseconds.
pub fn format_server_timing(metrics: &[(&str, Duration)]) -> String {
    let mut value = String::with_capacity(32 * metrics.len());
    for (name, time) in metrics {
        let separator = if value.is_empty() { "" } else { ", " };
        // In whole numbers: fractions take a microsecond each to write, and every answer has some.
        let microseconds = time.as_micros();
        let (whole, rest) = (microseconds / 1000, microseconds % 1000);
        // Writing to a string does not fail.
        let _infallible = write!(value, "{separator}{name};dur={whole}.{rest:03}");
    }
    value
}

/// The duration of one metric of the header's value, or `None` where it is not there or makes no sense.
pub fn parse_server_timing(value: &str, metric: &str) -> Option<Duration> {
    value.split(',').find_map(|part| {
        let mut fields = part.split(';').map(str::trim);
        if !fields.next()?.eq_ignore_ascii_case(metric) {
            return None;
        }
        let milliseconds = fields.find_map(|field| {
            let (key, value) = field.split_once('=')?;
            key.trim().eq_ignore_ascii_case("dur").then(|| value.trim().trim_matches('"'))
        })?;
        Duration::try_from_secs_f64(milliseconds.parse::<f64>().ok()? / 1e3).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let metrics = [("queue", Duration::from_micros(120)), ("compute", Duration::from_micros(12_345))];
        let value = format_server_timing(&metrics);
        assert_eq!(value, "queue;dur=0.120, compute;dur=12.345");
        for (name, time) in metrics {
            assert_eq!(parse_server_timing(&value, name), Some(time));
        }
    }

    #[test]
    fn strange_values_are_none() {
        for value in [
            "",
            "compute",
            "compute;dur",
            "compute;dur=x",
            "compute;dur=-1",
            "compute;dur=NaN",
            "compute;dur=1e300",
            "other;dur=1",
        ] {
            assert_eq!(parse_server_timing(value, "compute"), None, "{value}");
        }
        let quoted = r#"x;desc="a", Compute ; desc=y ; DUR = "2.5""#;
        assert_eq!(parse_server_timing(quoted, "compute"), Some(Duration::from_micros(2500)));
    }
}
