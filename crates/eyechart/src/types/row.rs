//! A row of a dataset in any format, and its cells as text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::text::{json_without_nan, parse_python, with_long_integers_quoted};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A row as read from its file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Position in the dataset over all its files, from 0. Bad rows count, so that numbers never change.
    pub number: u64,
    /// The file with the pictures, if the dataset has several files.
    pub file: Option<PathBuf>,
    /// The cells that JSON can represent. An empty CSV cell is an empty string; a null of JSON is null, of Parquet absent.
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
    /// Whether the file is damaged here, and not this row alone.
    pub is_damage: bool,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl Row {
    /// The cell named `path`: a column, or a path into one (`public_images_metadata.OriginalURL`). `answers[].answer` is
    /// the list of the key `answer` of each item in the list `answers`. A string on the path is read as JSON or Python.
    /// `None` for absent and null cells.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value> {
        if let Some(value) = self.cells.get(path) {
            return (!value.is_null()).then(|| value.clone());
        }
        let (column, rest) = path.split_at_checked(column_of(path).len())?;
        if rest.is_empty() {
            return None;
        }
        value_at(self.cells.get(column)?.clone(), rest)
    }
}

impl Row {
    /// Puts the list in place of each text at `path` that is written as a list. Returns whether a text was one.
    pub(crate) fn read_lists(&mut self, path: &str) -> bool {
        if let Some(cell) = self.cells.get_mut(path) {
            return read_lists_at(cell, "");
        }
        let (column, rest) = path.split_at(column_of(path).len());
        self.cells.get_mut(column).is_some_and(|cell| !rest.is_empty() && read_lists_at(cell, rest))
    }
}

/// As [`Row::read_lists`], for the values at `path` within `value`. A text on the path is read only if the path leads to a
/// list.
fn read_lists_at(value: &mut Value, path: &str) -> bool {
    if path.is_empty() {
        let list = value.as_str().and_then(parse_literal_list);
        let is_list = list.is_some();
        if let Some(items) = list {
            *value = Value::Array(items);
        }
        return is_list;
    }
    if let Value::String(text) = value {
        let Some(mut read) = parse_notation(text).filter(|read| read.is_object() || read.is_array()) else {
            return false;
        };
        let has_lists = read_lists_at(&mut read, path);
        if has_lists {
            *value = read;
        }
        return has_lists;
    }
    if let Some(rest) = path.strip_prefix(EACH) {
        let mut has_lists = false;
        for item in value.as_array_mut().into_iter().flatten() {
            has_lists |= read_lists_at(item, rest);
        }
        return has_lists;
    }
    let Some(path) = path.strip_prefix('.') else { return false };
    let key = column_of(path);
    let field = value.as_object_mut().and_then(|fields| fields.get_mut(key));
    field.is_some_and(|field| read_lists_at(field, &path[key.len()..]))
}

/// The list that a text writes, or the tuple that Python writes for it.
fn parse_literal_list(text: &str) -> Option<Vec<Value>> {
    let tuple = || match parse_python(text).filter(|_| text.trim_start().starts_with('('))? {
        Value::Array(items) => Some(items),
        _ => None,
    };
    parse_list(text).or_else(tuple)
}

/// The column in a path such as `meta.url` or `answers[].answer`, if no column has the whole path as its name.
#[must_use]
pub fn column_of(path: &str) -> &str {
    let end = [path.find('.'), path.find(EACH)].into_iter().flatten().min();
    &path[..end.unwrap_or(path.len())]
}

/// Stands for every item of a list in a path.
const EACH: &str = "[]";

/// The value at `path` within `value`: `.key` and `[]` in any order. Nested lists become one list.
fn value_at(value: Value, path: &str) -> Option<Value> {
    let value = match value {
        Value::String(text) if !path.is_empty() => parse_notation(&text)?,
        value => value,
    };
    if path.is_empty() {
        return (!value.is_null()).then_some(value);
    }
    if let Some(rest) = path.strip_prefix(EACH) {
        let Value::Array(items) = value else { return None };
        let mut found = Vec::new();
        for value in items.into_iter().map(|item| value_at(item, rest)) {
            match value {
                Some(Value::Array(inner)) if rest.contains(EACH) => found.extend(inner),
                None if rest.contains(EACH) => {}
                // An item without a value keeps its place: labels and markers count items.
                value => found.push(value.unwrap_or_default()),
            }
        }
        return Some(Value::Array(found));
    }
    let path = path.strip_prefix('.')?;
    let key = column_of(path);
    let rest = &path[key.len()..];
    let Value::Object(mut fields) = value else { return None };
    value_at(fields.get_mut(key)?.take(), rest)
}

/// The number in `row:17`, which names a sample by its row; `None` for other ids.
#[must_use]
pub fn named_row(id: &str) -> Option<u64> {
    id.strip_prefix("row:")?.parse().ok()
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

/// Integers up to this size are exact in a float: 2 to the power of 53.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A cell as an id: as [`text_of`], but a number such as `1.0` is `1`. Tables with empty cells often turn integers into
/// floats.
#[must_use]
pub fn id_of(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(number) if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT => format!("{number:.0}"),
        _ => text_of(value),
    }
}

/// A cell as several texts: the items of a list without nulls. Anything else is one text.
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
        other => vec![Some(text_of(other))],
    }
}

/// The list that a text writes in the notation of JSON or Python; `None` if the text is not such a list.
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    match parse_notation(text)? {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// The object that a text writes in the notation of JSON or Python; `None` if the text is not such an object.
#[must_use]
pub fn parse_object(text: &str) -> Option<Map<String, Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    match parse_notation(text)? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// A cell in which a text that is written as a list is that list; any other cell unchanged.
#[must_use]
pub fn list_or_cell(cell: Value) -> Value {
    match &cell {
        Value::String(text) => parse_list(text).map_or(cell, Value::Array),
        _ => cell,
    }
}

fn parse_notation(text: &str) -> Option<Value> {
    parse_json(text).or_else(|| parse_python(text))
}

/// Parses JSON, also as written by Python's `json.dumps`: bare `NaN` and `Infinity` become null. An integer beyond 64 bits
/// becomes a text, so that it keeps all its digits.
#[must_use]
pub fn parse_json(text: &str) -> Option<Value> {
    let text = with_long_integers_quoted(text);
    serde_json::from_str(&text).ok().or_else(|| serde_json::from_str(&json_without_nan(&text)).ok())
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
    fn an_id_that_became_a_float_is_the_integer_and_long_integers_keep_their_digits() {
        let ids =
            [json!(1.0), json!(-7.0), json!(1), json!("1.0"), json!(1.5), json!(1e300)].map(|id| id_of(&id));
        assert_eq!(ids, ["1", "-7", "1", "1.0", "1.5", "1e+300"]);
        let parsed = parse_json("[9007199254740993, 123456789012345678901234]").unwrap();
        let texts: Vec<_> = texts_of(&parsed);
        assert_eq!(texts, ["9007199254740993", "123456789012345678901234"]);
    }

    #[test]
    fn a_column_whose_name_has_a_dot_wins_over_the_path() {
        assert_eq!(row(json!({"a.b": 1, "a": {"b": 2}})).get("a.b"), Some(json!(1)));
    }

    #[test]
    fn a_path_reads_each_item_of_a_list() {
        let answers = json!([{"answer": "yes", "id": 1}, {"answer": null}, {"answer": "no"}]);
        let in_text = answers.to_string();
        let python = "[{'answer': 'yes'}, {'answer': None}, {'answer': 'no'}]";
        for cell in [answers, json!(in_text), json!(python)] {
            let found = row(json!({"answers": cell})).get("answers[].answer");
            assert_eq!(found, Some(json!(["yes", null, "no"])), "an item without an answer keeps its place");
        }
        let nested =
            row(json!({"qa": [{"a": [{"t": 1}, {"t": 2}]}, {"a": [{"t": 3}]}], "l": [["a"], ["b"]]}));
        assert_eq!(nested.get("qa[].a[].t"), Some(json!([1, 2, 3])));
        assert_eq!(nested.get("l[]"), Some(json!([["a"], ["b"]])));
        assert_eq!(row(json!({"m": {"l": [{"t": 1}]}})).get("m.l[].t"), Some(json!([1])));
        assert_eq!(row(json!({"a": "x"})).get("a[].t"), None);
        assert_eq!(["a[].b", "a.b[]", "a", "[]", ""].map(column_of), ["a", "a", "a", "", ""]);
    }

    #[test]
    fn lists_of_texts_come_from_lists_only() {
        assert_eq!(texts_of(&json!(["a", null, 3])), ["a", "3"]);
        assert_eq!(texts_of(&json!("[\"a\"]")), ["[\"a\"]"]);
    }

    #[test]
    fn a_text_is_read_as_a_list_where_that_is_asked_for() {
        let list = |text: &str| list_or_cell(json!(text));
        assert_eq!(list("[\"NaN, \\\"quoted\\\"\", NaN]"), json!(["NaN, \"quoted\"", null]));
        assert_eq!(list(" ['a', \"b's\"]"), json!(["a", "b's"]));
        assert_eq!(list("[1, 2]"), json!([1, 2]));
        for text in ["[not a list", "{\"a\": 1}", "a", ""] {
            assert_eq!(list(text), json!(text));
        }
        assert_eq!(list_or_cell(json!(["[1]"])), json!(["[1]"]));
    }
}
