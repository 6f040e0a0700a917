//! What was measured, as the scripts read it, and the sums over it.

use serde::Serialize;
use tandem_testkit::simulate::Turn;

#[derive(Serialize)]
struct Row {
    case: String,
    subject: String,
    metric: String,
    unit: String,
    value: f64,
}

/// What was measured.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    /// Adds a row; what has no value, such as a mean over nothing, has no row.
    pub(crate) fn push(&mut self, case: &str, subject: &str, metric: &str, unit: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let [case, subject, metric, unit] = [case, subject, metric, unit].map(str::to_owned);
        self.0.push(Row { case, subject, metric, unit, value });
    }

    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// The average.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The geometric mean.
pub(crate) fn geometric(values: impl IntoIterator<Item = f64>) -> f64 {
    mean(values.into_iter().map(f64::ln)).exp()
}

/// The average time of these turns, in seconds.
pub(crate) fn seconds(turns: &[Turn]) -> f64 {
    mean(turns.iter().map(|turn| turn.measured.total.as_secs_f64()))
}

/// The average energy of these turns, probes included, in joules.
pub(crate) fn joules(turns: &[Turn]) -> f64 {
    mean(turns.iter().map(|turn| turn.measured.energy + turn.probe_energy))
}

/// The largest.
pub(crate) fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NEG_INFINITY, f64::max)
}
