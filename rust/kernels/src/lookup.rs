//! Rows of a table by their numbers, as embeddings are looked up.

use crate::error::{KernelError, check_length, volume};
use crate::memory::Packed;
use crate::saved::{Restorer, Save, Saver};

/// A table of which rows are copied.
#[derive(Debug)]
pub struct Lookup {
    rows: usize,
    columns: usize,
    table: Packed,
}

impl Lookup {
    /// A table of `[rows, columns]`, one row after the other.
    pub fn new([rows, columns]: [usize; 2], table: Packed) -> Result<Self, KernelError> {
        check_length("the table", table.as_slice(), volume("a table", &[rows, columns])?)?;
        Ok(Self { rows, columns, table })
    }

    /// Copies a row to `out` for each of `numbers`, which count from the end where they are negative.
    ///
    /// Fails for the number of a row that is not there, and where `out` has another length than so many rows.
    pub fn run(&self, numbers: &[i64], out: &mut [f32]) -> Result<(), KernelError> {
        check_length("out", out, volume("the rows", &[numbers.len(), self.columns])?)?;
        for (index, &number) in numbers.iter().enumerate() {
            let row = self.row(number)?;
            out[index * self.columns..][..self.columns].copy_from_slice(row);
        }
        Ok(())
    }

    fn row(&self, number: i64) -> Result<&[f32], KernelError> {
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let place = if number < 0 { number.saturating_add(rows) } else { number };
        let place = usize::try_from(place).ok().filter(|&place| place < self.rows);
        let place = place
            .ok_or_else(|| KernelError::parameter("a row's number", number, "the table has no such row"))?;
        Ok(&self.table.as_slice()[place * self.columns..][..self.columns])
    }
}

impl Save for Lookup {
    fn save(&self, to: &mut Saver) {
        to.sizes([self.rows, self.columns]);
        to.packed(&self.table);
    }

    fn restore(from: &mut Restorer<'_>) -> Result<Self, KernelError> {
        let [rows, columns] = from.sizes()?;
        Self::new([rows, columns], from.packed(&[rows, columns])?)
    }
}
