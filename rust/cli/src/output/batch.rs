//! Several runs, one line each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::{Answer, printable, significant, time};
use crate::labels::ClassNames;
use crate::statistics::median;

/// Writes one line for each run, and a summary at the end.
#[derive(Debug)]
pub(crate) struct BatchView {
    file_width: usize,
    places: BTreeMap<String, usize>,
    times: Vec<Duration>,
    largest_difference: Option<f64>,
}

impl BatchView {
    /// Lines for runs over these files.
    pub(crate) fn new<'a>(files: impl Iterator<Item = &'a str>) -> Self {
        let file_width = files.map(|file| printable(file).chars().count()).max().unwrap_or(0);
        Self { file_width, places: BTreeMap::new(), times: Vec::new(), largest_difference: None }
    }

    /// Writes the line of one run.
    pub(crate) fn line(
        &mut self,
        writer: &mut impl Write,
        answer: &Answer,
        names: &ClassNames,
    ) -> io::Result<()> {
        let file = printable(answer.file.as_deref().unwrap_or("-")).into_owned();
        let place = printable(&answer.prediction.decision.placement.to_string()).into_owned();
        let total = answer.prediction.timing.total;
        let width = self.file_width;
        write!(writer, "{file:<width$}  {:<18}  {:>8}  {place}", gist(answer, names), time(total))?;
        if let Some(difference) = answer.largest_difference() {
            write!(writer, "  difference {}", significant(difference))?;
            self.largest_difference = Some(self.largest_difference.unwrap_or(0.0).max(difference));
        }
        *self.places.entry(place).or_default() += 1;
        self.times.push(total);
        writeln!(writer)
    }

    /// Writes what all the runs come to.
    pub(crate) fn summary(self, writer: &mut impl Write) -> io::Result<()> {
        let places: Vec<String> =
            self.places.iter().map(|(place, count)| format!("{count} {place}")).collect();
        let all: Duration = self.times.iter().sum();
        let (runs, middle) = (self.times.len(), time(median(self.times)));
        writeln!(writer, "{runs} runs: {}; median {middle}, {} in all", places.join(", "), time(all))?;
        match self.largest_difference {
            None => Ok(()),
            Some(0.0) => writeln!(writer, "device and endpoint give the same"),
            Some(largest) => {
                writeln!(writer, "device and endpoint differ by at most {}", significant(largest))
            }
        }
    }
}

/// The best class, or the first output in a word.
fn gist(answer: &Answer, names: &ClassNames) -> String {
    if let Some((.., scores)) = answer.scores() {
        let (class, score) = scores.best();
        let name = names.name(class).map_or_else(|| format!("class {class}"), str::to_owned);
        return format!("{}  {}", printable(&name), significant(score));
    }
    let first = answer.prediction.outputs.iter().next();
    first.map(|(name, tensor)| format!("{} {:?}", printable(name), tensor.shape())).unwrap_or_default()
}
