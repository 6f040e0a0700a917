//! What is said of a classifier.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::labels::ClassNames;
use crate::metrics::{Averages, ClassMetrics, Confusion};
use crate::output::{Align, Table, nanoseconds, printable, time};

/// The most classes whose confusion matrix is shown; of more, the most frequent confusions are.
const MAX_MATRIX: usize = 16;
/// How many confusions are shown then.
const WORST: usize = 10;

/// What is said of a classifier. Serialized as scripts read it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    model: &'a str,
    samples: u64,
    correct: u64,
    accuracy: Option<f64>,
    r#macro: Option<AveragesDocument>,
    micro: Option<AveragesDocument>,
    classes: Vec<ClassDocument<'a>>,
    /// Rows are true classes, columns predicted ones, both in the order of `classes`.
    confusion: Vec<Vec<u64>>,
    places: BTreeMap<String, u64>,
    median_ns: u64,
    #[serde(skip)]
    worst: Vec<(usize, usize, u64)>,
}

/// Precision, recall and F1 over all classes.
#[derive(Debug, Serialize)]
struct AveragesDocument {
    precision: f64,
    recall: f64,
    f1: f64,
}

impl From<Averages> for AveragesDocument {
    fn from(Averages { precision, recall, f1 }: Averages) -> Self {
        Self { precision, recall, f1 }
    }
}

/// One class.
#[derive(Debug, Serialize)]
struct ClassDocument<'a> {
    class: usize,
    name: Option<&'a str>,
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    support: u64,
}

impl ClassDocument<'_> {
    fn label(&self) -> String {
        self.name.map_or_else(|| self.class.to_string(), str::to_owned)
    }
}

impl<'a> Report<'a> {
    /// The report of what was counted.
    pub(super) fn new(
        model: &'a str,
        confusion: &Confusion,
        names: &'a ClassNames,
        places: BTreeMap<String, u64>,
        median: Duration,
    ) -> Self {
        let class = |ClassMetrics { class, precision, recall, f1, support }| {
            let name = names.name(class);
            ClassDocument { class, name, precision, recall, f1, support }
        };
        let classes = confusion.classes();
        let row =
            |&truth: &usize| classes.iter().map(|&predicted| confusion.count(truth, predicted)).collect();
        Self {
            model,
            samples: confusion.total(),
            correct: confusion.correct(),
            accuracy: confusion.accuracy(),
            r#macro: confusion.macro_average().map(Into::into),
            micro: confusion.micro_average().map(Into::into),
            classes: confusion.per_class().into_iter().map(class).collect(),
            confusion: classes.iter().map(row).collect(),
            places,
            median_ns: nanoseconds(median),
            worst: confusion.worst(),
        }
    }

    /// Writes the report for people.
    pub(super) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let places: Vec<String> =
            self.places.iter().map(|(place, count)| format!("{count} {place}")).collect();
        let median = time(Duration::from_nanos(self.median_ns));
        writeln!(
            writer,
            "{} on {} files: {}",
            printable(self.model),
            self.samples,
            printable(&places.join(", "))
        )?;
        writeln!(writer, "accuracy {} ({} of {})", share(self.accuracy), self.correct, self.samples)?;
        writeln!(writer, "median time of a run {median}")?;
        writeln!(writer)?;
        self.class_table().write(writer, 0)?;
        writeln!(writer)?;
        if self.classes.len() <= MAX_MATRIX {
            writeln!(writer, "confusion (rows are what is, columns what was predicted)")?;
            self.matrix().write(writer, 0)
        } else {
            writeln!(writer, "most frequent confusions")?;
            self.worst_table().write(writer, 0)
        }
    }

    fn class_table(&self) -> Table {
        let right = |name| (name, Align::Right);
        let mut table = Table::new([
            ("class", Align::Left),
            right("precision"),
            right("recall"),
            right("F1"),
            right("files"),
        ]);
        for class in &self.classes {
            let cells = [
                class.label(),
                share(class.precision),
                share(class.recall),
                share(class.f1),
                class.support.to_string(),
            ];
            table.row(cells);
        }
        if let Some(AveragesDocument { precision, recall, f1 }) = self.r#macro {
            let cells = [
                "mean of classes".to_owned(),
                share(Some(precision)),
                share(Some(recall)),
                share(Some(f1)),
                self.samples.to_string(),
            ];
            table.row(cells);
        }
        table
    }

    fn matrix(&self) -> Table {
        let labels: Vec<String> = self.classes.iter().map(ClassDocument::label).collect();
        let columns = labels.iter().map(|label| (label.as_str(), Align::Right));
        let mut table = Table::new([("", Align::Left)].into_iter().chain(columns));
        for (label, row) in labels.iter().zip(&self.confusion) {
            let cell = |&count: &u64| if count == 0 { ".".to_owned() } else { count.to_string() };
            table.row([label.clone()].into_iter().chain(row.iter().map(cell)));
        }
        table
    }

    fn worst_table(&self) -> Table {
        let labels: BTreeMap<usize, String> =
            self.classes.iter().map(|class| (class.class, class.label())).collect();
        let label = |class: usize| labels.get(&class).cloned().unwrap_or_else(|| class.to_string());
        let mut table =
            Table::new([("is", Align::Left), ("predicted", Align::Left), ("files", Align::Right)]);
        for &(truth, predicted, count) in self.worst.iter().take(WORST) {
            table.row([label(truth), label(predicted), count.to_string()]);
        }
        table
    }
}

/// A ratio with four digits, or a dash where there was nothing to count.
fn share(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(classes: usize) -> String {
        let mut confusion = Confusion::default();
        for class in 0..classes {
            confusion.record(class, class);
        }
        confusion.record(1, 0);
        let names = ClassNames::default();
        let report =
            Report::new("m", &confusion, &names, [("on device".to_owned(), 1)].into(), Duration::ZERO);
        let mut text = Vec::new();
        report.write(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn few_classes_have_a_matrix() {
        let text = written(2);
        assert!(text.contains("accuracy 0.6667 (2 of 3)"), "{text}");
        assert!(text.ends_with("   0  1\n0  1  .\n1  1  1\n"), "{text}");
    }

    #[test]
    fn many_classes_have_their_worst_confusions() {
        let text = written(20);
        assert!(
            text.ends_with("most frequent confusions\nis  predicted  files\n1   0              1\n"),
            "{text}"
        );
    }
}
