//! Finds columns that a task names and that no row has, for formats without a common list of columns.

use std::path::Path;

use crate::dataset::DatasetError;
use crate::types::{Row, column_of};

/// The named columns that no row had so far, and the columns that rows did have.
pub(super) struct MissingColumns {
    named: Vec<String>,
    seen: Vec<String>,
    rows: usize,
}

impl MissingColumns {
    pub(super) fn new(named: Vec<String>) -> Self {
        Self { named, seen: Vec::new(), rows: 0 }
    }

    /// Removes the columns of `row` from the missing ones. A null counts as present.
    pub(super) fn remove_found(&mut self, row: &Row) {
        self.rows += 1;
        // Every named column was found: nothing is left to look for.
        if self.named.is_empty() {
            return;
        }
        let has = |name: &str| row.cells.contains_key(name) || row.blobs.contains_key(name);
        self.named.retain(|name| !has(name) && !has(column_of(name)));
        for column in row.cells.keys() {
            if !self.seen.contains(column) {
                self.seen.push(column.clone());
            }
        }
    }

    /// # Errors
    /// [`DatasetError::NoColumn`] for the first column that no row has, if there are rows at all.
    pub(super) fn into_result(self, path: &Path) -> Result<(), DatasetError> {
        match self.named.into_iter().next() {
            Some(column) if self.rows > 0 => {
                Err(DatasetError::NoColumn { path: path.to_owned(), column, available: self.seen })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn missing(named: &[&str], rows: &[Value]) -> Option<String> {
        let mut missing = MissingColumns::new(named.iter().map(|&name| name.to_owned()).collect());
        for cells in rows {
            missing.remove_found(&Row { cells: cells.as_object().unwrap().clone(), ..Row::default() });
        }
        missing.into_result(Path::new("f")).err().map(|error| error.to_string())
    }

    #[test]
    fn a_column_is_missing_only_if_no_row_has_it() {
        let rows = [json!({"question": "?", "meta": {"url": "x"}}), json!({"answer": null})];
        assert_eq!(missing(&["question", "answer", "meta.url"], &rows), None);
        let said = "f has no column \"anser\" (did you mean \"answer\"?); it has question, meta, answer";
        assert_eq!(missing(&["question", "anser"], &rows).unwrap(), said);
        assert_eq!(missing(&["question"], &[]), None);
    }
}
