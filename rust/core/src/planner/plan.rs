//! A decision, and how it reads.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Candidate, Placement, Predicted, Reason, seconds};

/// The decision without the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Placements to try in this order: the chosen one, then what may take over when it fails.
    pub order: Vec<Placement>,
    /// Everything that was considered.
    pub candidates: Vec<Candidate>,
    /// When a run with [`RunOptions::hedge`](crate::RunOptions::hedge) begins on this device too, counted from the
    /// start of the run; `None` where there is nothing to gain. In JSON, seconds as a number.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub hedge_after: Option<Duration>,
}

impl Plan {
    /// The candidate of that placement.
    pub fn candidate(&self, placement: &Placement) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.placement == *placement)
    }

    /// The chosen candidate.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.order.first().and_then(|placement| self.candidate(placement))
    }

    /// Why `placement` was chosen or not.
    pub fn reason(&self, placement: &Placement) -> Option<Reason> {
        self.candidate(placement).map(|candidate| candidate.reason)
    }

    /// What `placement` was expected to cost.
    pub fn predicted(&self, placement: &Placement) -> Option<Predicted> {
        self.candidate(placement).and_then(|candidate| candidate.predicted)
    }

    /// The decision as text for people: the chosen placement, and a line for each candidate with its predicted middle
    /// and 90th percentile, energy, bytes, and why it was or was not chosen.
    ///
    /// The text is for reading; programs read the fields or the JSON form.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        match self.chosen() {
            Some(chosen) => writeln!(text, "{}: {}", chosen.placement, chosen.reason.sentence())?,
            None => writeln!(text, "nowhere")?,
        }
        let rows: Vec<[String; 6]> = self.candidates.iter().map(|candidate| self.row(candidate)).collect();
        let head = ["", "p50", "p90", "energy", "up / down", "why"].map(str::to_owned);
        let width = |column: usize| {
            rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in std::iter::once(&head).chain(&rows) {
            let mut line = format!("  {:<1$}", row[0], widths[0]);
            for (cell, width) in row[1..5].iter().zip(&widths[1..5]) {
                write!(line, "  {cell:>width$}")?;
            }
            write!(line, "  {}", row[5])?;
            writeln!(text, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn row(&self, candidate: &Candidate) -> [String; 6] {
        let mark = if self.order.first() == Some(&candidate.placement) { "* " } else { "  " };
        let place = format!("{mark}{}", candidate.placement);
        let why = candidate.reason.sentence().to_owned();
        match &candidate.predicted {
            None => [place, "-".to_owned(), "-".to_owned(), "-".to_owned(), "-".to_owned(), why],
            Some(predicted) => [
                place,
                millis(predicted.latency.p50()),
                millis(predicted.latency.p90()),
                format!("{:.3} J", predicted.energy_joules),
                format!("{} / {} B", predicted.bytes_up, predicted.bytes_down),
                why,
            ],
        }
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
