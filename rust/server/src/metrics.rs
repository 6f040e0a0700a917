//! What has been counted, in the text format of Prometheus.

use std::fmt::{self, Write};

use crate::app::App;
use crate::stats::{DURATION_BOUNDS, Exposed, Histogram, ROW_BOUNDS};

/// All metrics of the server.
pub(crate) fn render(app: &App) -> String {
    let lines: Vec<(String, usize, Exposed)> = app
        .repository
        .served()
        .iter()
        .enumerate()
        .map(|(lane, served)| {
            let labels = format!("model=\"{}\",version=\"{}\"", escape(&served.name), served.version);
            (labels, app.pool.depth(lane), served.stats.exposed())
        })
        .collect();
    let mut text = String::new();
    // Writing to a string does not fail.
    let _infallible = write(&mut text, &lines);
    text
}

fn write(text: &mut String, lines: &[(String, usize, Exposed)]) -> fmt::Result {
    head(text, "tandem_requests_total", "counter", "Answers to inference requests by HTTP status.")?;
    for (labels, _, exposed) in lines {
        for (status, count) in &exposed.statuses {
            writeln!(text, "tandem_requests_total{{{labels},status=\"{status}\"}} {count}")?;
        }
    }
    head(text, "tandem_queue_depth", "gauge", "Requests that wait for a compute thread.")?;
    for (labels, depth, _) in lines {
        writeln!(text, "tandem_queue_depth{{{labels}}} {depth}")?;
    }
    let name = "tandem_request_duration_seconds";
    head(text, name, "histogram", "Time from the head of an inference request to its answer.")?;
    for (labels, _, exposed) in lines {
        histogram(text, name, labels, &DURATION_BOUNDS, &exposed.durations)?;
    }
    let name = "tandem_batch_size";
    head(text, name, "histogram", "Rows of one run of a model.")?;
    for (labels, _, exposed) in lines {
        histogram(text, name, labels, &ROW_BOUNDS, &exposed.rows)?;
    }
    Ok(())
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn histogram<const N: usize>(
    text: &mut String,
    name: &str,
    labels: &str,
    bounds: &[f64; N],
    histogram: &Histogram<N>,
) -> fmt::Result {
    let mut below = 0;
    for (bound, count) in bounds.iter().zip(histogram.buckets) {
        below += count;
        writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}")?;
    }
    writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", histogram.count)?;
    writeln!(text, "{name}_sum{{{labels}}} {}", histogram.sum)?;
    writeln!(text, "{name}_count{{{labels}}} {}", histogram.count)
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stats::{Stats, Times};

    #[test]
    fn buckets_hold_everything_up_to_their_bound() {
        let stats = Stats::default();
        for milliseconds in [1, 2, 2, 30_000] {
            stats.lock().answered(200, Duration::from_millis(milliseconds));
        }
        stats.lock().executed(3, &Times::default());
        let mut text = String::new();
        write(&mut text, &[("model=\"m\"".to_owned(), 7, stats.exposed())]).unwrap();
        for line in [
            "tandem_requests_total{model=\"m\",status=\"200\"} 4",
            "tandem_queue_depth{model=\"m\"} 7",
            "tandem_request_duration_seconds_bucket{model=\"m\",le=\"0.001\"} 1",
            "tandem_request_duration_seconds_bucket{model=\"m\",le=\"0.0025\"} 3",
            "tandem_request_duration_seconds_bucket{model=\"m\",le=\"5\"} 3",
            "tandem_request_duration_seconds_bucket{model=\"m\",le=\"+Inf\"} 4",
            "tandem_request_duration_seconds_sum{model=\"m\"} 30.005",
            "tandem_batch_size_bucket{model=\"m\",le=\"2\"} 0",
            "tandem_batch_size_bucket{model=\"m\",le=\"4\"} 1",
            "tandem_batch_size_count{model=\"m\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escape("a\"b\\c\n"), "a\\\"b\\\\c\\n");
    }
}
