//! Columns of text, aligned.

use std::io::{self, Write};

use super::printable;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under a heading. Cells may hold foreign text.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Self {
        let (heading, columns) = columns.into_iter().map(|(name, align)| (name.to_owned(), align)).unzip();
        Self { columns, rows: vec![heading] }
    }

    /// Adds a row; cells beyond the columns are not shown.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(cells.into_iter().map(|cell| printable(cell.as_ref()).into_owned()).collect());
    }

    /// Writes the rows, each behind `indent` spaces, two spaces between columns.
    pub(crate) fn write(&self, writer: &mut impl Write, indent: usize) -> io::Result<()> {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for ((cell, &width), align) in row.iter().zip(&widths).zip(&self.columns) {
                let gap = " ".repeat(width - cell.chars().count());
                let (before, after) =
                    if *align == Align::Left { ("", gap.as_str()) } else { (gap.as_str(), "") };
                line.extend([before, cell, after, "  "]);
            }
            writeln!(writer, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_foreign_text_is_tamed() {
        let mut table = Table::new([("name", Align::Left), ("bytes", Align::Right)]);
        table.row(["größe", "1"]);
        table.row(["x\x07", "1000000"]);
        let mut text = Vec::new();
        table.write(&mut text, 2).unwrap();
        let expected = "  name      bytes\n  größe         1\n  x\\u{7}  1000000\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
