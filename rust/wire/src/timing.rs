//! The `Server-Timing` header: how long the server says its parts took.

use std::time::Duration;

/// The header's value: `queue;dur=0.120, compute;dur=12.345`, in milliseconds.
pub fn format_server_timing(metrics: &[(&str, Duration)]) -> String {
    let mut value = String::with_capacity(32 * metrics.len());
    for (name, time) in metrics {
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(name);
        value.push_str(";dur=");
        push_millis(&mut value, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
    value
}

/// Adds microseconds as milliseconds with three digits. By hand: every answer has some, and formatting takes as long as
/// reading its JSON.
fn push_millis(value: &mut String, micros: u64) {
    /// As many digits as the longest duration has.
    const MOST: usize = 20;
    let (mut digits, mut rest) = ([b'0'; MOST], micros);
    let mut from = MOST;
    while rest > 0 || MOST - from < 4 {
        from -= 1;
        // A remainder of ten is a digit.
        digits[from] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    let (whole, fraction) = digits[from..].split_at(MOST - from - 3);
    value.push_str(str::from_utf8(whole).unwrap_or_default());
    value.push('.');
    value.push_str(str::from_utf8(fraction).unwrap_or_default());
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
