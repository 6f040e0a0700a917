//! A small map that never grows beyond its size.

use serde::{Deserialize, Serialize};

use super::snapshot::{Sane, past};

/// How many rows a table holds: more than a device meets in a day, and quick to walk.
const MOST: usize = 64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row<V> {
    key: (String, String),
    used: f64,
    value: V,
}

/// Values under pairs of names. The row that was not changed for longest makes way for a new one.
///
/// Rows lie in a list, which for so few is faster to walk than a tree and takes no allocation to search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Table<V>(Vec<Row<V>>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Table<V> {
    pub(super) fn get(&self, first: &str, second: &str) -> Option<&V> {
        self.0.iter().find(|row| row.key.0 == first && row.key.1 == second).map(|row| &row.value)
    }

    /// The value of that key, made by `new` where there is none.
    pub(super) fn entry(&mut self, first: &str, second: &str, now: f64, new: impl FnOnce() -> V) -> &mut V {
        let index = match self.0.iter().position(|row| row.key.0 == first && row.key.1 == second) {
            Some(index) => index,
            None => self.insert(Row { key: (first.to_owned(), second.to_owned()), used: now, value: new() }),
        };
        let row = &mut self.0[index];
        row.used = now;
        &mut row.value
    }

    fn insert(&mut self, row: Row<V>) -> usize {
        if self.0.len() < MOST {
            self.0.push(row);
            return self.0.len() - 1;
        }
        let used = |index: &usize| self.0[*index].used;
        let oldest = (0..self.0.len()).min_by(|a, b| used(a).total_cmp(&used(b))).unwrap_or(0);
        self.0[oldest] = row;
        oldest
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|row| &mut row.value)
    }

    /// The values whose first name is this.
    pub(super) fn of<'a>(&'a self, first: &'a str) -> impl Iterator<Item = (&'a str, &'a V)> {
        self.0.iter().filter(move |row| row.key.0 == first).map(|row| (row.key.1.as_str(), &row.value))
    }
}

impl<V: Sane> Sane for Table<V> {
    fn is_sane(&self, now: f64) -> bool {
        self.0.len() <= MOST && self.0.iter().all(|row| past([Some(row.used)], now) && row.value.is_sane(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_forgets_what_was_not_used_for_longest() {
        let mut table = Table::default();
        for index in 0..MOST {
            *table.entry("a", &index.to_string(), crate::number::float(index as u64), || 0) = index;
        }
        // The oldest is used once more, so the second oldest goes.
        table.entry("a", "0", 1e3, || 0);
        table.entry("b", "new", 1e3, || 0);
        assert_eq!(table.0.len(), MOST);
        assert!(table.get("a", "0").is_some() && table.get("b", "new").is_some());
        assert!(table.get("a", "1").is_none());
        assert_eq!(table.of("a").count(), MOST - 1);
    }
}
