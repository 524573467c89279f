//! A row of a dataset in any format, and its cells as text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::text::json_without_nan;
use bytes::Bytes;
use serde_json::{Map, Value};

/// A row as read from its file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Position in the dataset over all its files, from 0. Bad rows count, so that numbers never change.
    pub number: u64,
    /// The file with the pictures, if the dataset has several files.
    pub file: Option<PathBuf>,
    /// The cells that JSON can represent. An empty CSV cell is an empty string; a null is absent.
    pub cells: Map<String, Value>,
    /// Pictures stored in the data file (Parquet's `struct<bytes, path>`), by column.
    pub blobs: BTreeMap<String, Bytes>,
}

/// A row that cannot be read. The other rows of the file can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Position in the dataset, from 0.
    pub number: u64,
    /// Path of the data file.
    pub file: String,
    /// Line in the file, from 1; for Parquet the row in the file, from 1.
    pub line: u64,
    /// What is wrong with the row.
    pub reason: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl Row {
    /// The cell named `path`: a column, or a path into one (`public_images_metadata.OriginalURL`). A string on the
    /// path is read as JSON. `None` for absent and null cells.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value> {
        if let Some(value) = self.cells.get(path) {
            return (!value.is_null()).then(|| value.clone());
        }
        let (column, rest) = path.split_once('.')?;
        let mut value = self.cells.get(column)?.clone();
        for key in rest.split('.') {
            if let Value::String(text) = &value {
                value = parse_json(text)?;
            }
            value = value.get_mut(key)?.take();
        }
        (!value.is_null()).then_some(value)
    }
}

/// A cell as one text: a string unchanged, numbers, booleans, lists and objects as JSON.
#[must_use]
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A cell as several texts: the items of a list (without nulls), or of a string that is a JSON list of strings, as in
/// CSV files. Anything else is one text.
#[must_use]
pub fn texts_of(value: &Value) -> Vec<String> {
    items_of(value).into_iter().flatten().collect()
}

/// As [`texts_of`], but with `None` for each null, so that every item keeps its position.
#[must_use]
pub fn items_of(value: &Value) -> Vec<Option<String>> {
    let text_or_none = |item: &Value| (!item.is_null()).then(|| text_of(item));
    match value {
        Value::Array(items) => items.iter().map(text_or_none).collect(),
        Value::String(text) if text.trim_start().starts_with('[') => {
            string_list(text).unwrap_or_else(|| vec![Some(text.clone())])
        }
        other => vec![Some(text_of(other))],
    }
}

fn string_list(text: &str) -> Option<Vec<Option<String>>> {
    let Value::Array(items) = parse_json(text)? else { return None };
    let text = |item| match item {
        Value::String(text) => Some(Some(text)),
        Value::Null => Some(None),
        _ => None,
    };
    items.into_iter().map(text).collect()
}

/// Parses JSON, also as written by Python's `json.dumps`: bare `NaN` and `Infinity` become null.
#[must_use]
pub fn parse_json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&json_without_nan(text)).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(cells: Value) -> Row {
        let Value::Object(cells) = cells else { panic!("an object") };
        Row { cells, ..Row::default() }
    }

    #[test]
    fn a_path_reads_json_held_in_a_string() {
        let row = row(json!({"meta": "{\"OriginalURL\": \"https://a.b/c.jpg\", \"x\": NaN}", "n": null}));
        assert_eq!(row.get("meta.OriginalURL"), Some(json!("https://a.b/c.jpg")));
        assert_eq!(row.get("meta.x"), None);
        assert_eq!(row.get("n"), None);
        assert_eq!(row.get("absent.key"), None);
    }

    #[test]
    fn a_column_whose_name_has_a_dot_wins_over_the_path() {
        assert_eq!(row(json!({"a.b": 1, "a": {"b": 2}})).get("a.b"), Some(json!(1)));
    }

    #[test]
    fn lists_of_texts_come_from_lists_and_from_json_in_a_cell() {
        assert_eq!(texts_of(&json!(["a", null, 3])), ["a", "3"]);
        assert_eq!(texts_of(&json!("[\"NaN, \\\"quoted\\\"\", NaN]")), ["NaN, \"quoted\""]);
        assert_eq!(texts_of(&json!("[not a list")), ["[not a list"]);
        assert_eq!(texts_of(&json!("[1, 2]")), ["[1, 2]"]);
    }
}
