//! A mistake in a TOML text, shown with its line and column, the line itself, and the expected spelling.
//!
//! Knows TOML and the error messages of serde; does not know what the keys mean.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::types::nearest;

/// The names of types in serde's messages, and the names in TOML's terms.
const TYPE_WORDS: [(&str, &str); 10] = [
    ("nonzero u32", "whole number from 1 up"),
    ("nonzero u64", "whole number from 1 up"),
    ("sequence", "list"),
    ("map", "table"),
    ("usize", "whole number from 0 up"),
    ("u64", "whole number from 0 up"),
    ("u32", "whole number from 0 up"),
    ("u8", "whole number from 0 to 255"),
    ("f64", "number"),
    ("floating point", "number"),
];

/// A mistake and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The bytes of the text with the mistake; absent if the mistake has no position.
    span: Option<Range<usize>>,
    what: String,
    /// Shown next to the mark below the line.
    hint: Option<String>,
    /// A last line with the valid spellings.
    note: Option<String>,
}

impl Mistake {
    /// A mistake in the value at `path`: keys and list positions joined by dots (`compare.1.target`). If the text has
    /// no such value, the mistake is shown at the nearest table above it.
    pub(super) fn at(text: &str, path: &str, what: String) -> Self {
        let span = DeTable::parse(text).ok().and_then(|table| span_of(table.get_ref(), path));
        Self { span, what, hint: None, note: None }
    }

    /// The mistake that the parser or a type reports for `text`.
    pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let keys = error.span().and_then(|span| key_path_at(text, span.start)).unwrap_or_default();
        let message = error.message().replace('\n', ", ");
        let mistake = unknown(&message, &keys)
            .or_else(|| missing(&message, &keys))
            .or_else(|| wrong_type(&message, &keys));
        let mistake = mistake.unwrap_or(Self { span: None, what: message, hint: None, note: None });
        Self { span: error.span(), ..mistake }
    }

    /// The message for the mistake, with its line in `text`.
    pub(super) fn show(&self, text: &str) -> String {
        let Some(span) = &self.span else { return self.what.clone() };
        let (number, column, line) = line_at(text, span.start);
        let gutter = " ".repeat(number.to_string().len());
        let width =
            text.get(span.clone()).map_or(1, |marked| marked.lines().next().unwrap_or("").chars().count());
        let before: String =
            line.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let hint = self.hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
        let mut shown = format!(
            "line {number}, column {column}: {}\n{gutter} |\n{number} | {line}\n{gutter} | {before}{}{hint}",
            self.what,
            "^".repeat(width.max(1)),
        );
        if let Some(note) = &self.note {
            shown.push_str(&format!("\n{gutter} = {note}"));
        }
        shown
    }
}

/// `` unknown field `x`, expected one of `a`, `b` ``, and the same for the words of an enum.
fn unknown(message: &str, keys: &KeyPath) -> Option<Mistake> {
    let is_key = message.starts_with("unknown field ");
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let names: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let (given, known) = names.split_first()?;
    let hint = nearest(given, known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    let known = known.join(", ");
    let (what, note) = if is_key {
        let table = keys.table();
        (
            format!("unknown key `{given}` {}", within(&table)),
            format!("the keys {} are {known}", within(&table)),
        )
    } else {
        (format!("`{}` cannot be {given:?}", keys.key()), format!("it can be {known}"))
    };
    Some(Mistake { span: None, what, hint, note: Some(note) })
}

/// `` missing field `x` ``, reported for the table that lacks the field.
fn missing(message: &str, keys: &KeyPath) -> Option<Mistake> {
    let key = message.strip_prefix("missing field `")?.trim_end_matches('`');
    let table = keys.steps.as_slice();
    let what = format!("the key `{key}` is missing {}", within(&heading(table, keys.in_list)));
    Some(Mistake { span: None, what, hint: None, note: None })
}

/// ``invalid type: integer `3`, expected a string``, and the same for values.
fn wrong_type(message: &str, keys: &KeyPath) -> Option<Mistake> {
    let said = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let (found, expected) = match said {
        Some(said) => said.split_once(", expected ")?,
        None => ("something else", message.strip_prefix("wanted ")?),
    };
    let table = keys.table();
    let what = format!(
        "`{}` {}: expected {}, found {}",
        keys.key(),
        within(&table),
        in_toml(expected),
        in_toml(found)
    );
    Some(Mistake { span: None, what, hint: None, note: None })
}

fn in_toml(kind: &str) -> String {
    if kind.starts_with("struct ") {
        return "a table".to_owned();
    }
    let bare = kind.trim_start_matches("a ");
    match TYPE_WORDS.iter().find(|(serde, _)| *serde == bare) {
        Some((_, word)) => format!("a {word}"),
        None => kind.to_owned(),
    }
}

fn within(table: &str) -> String {
    if table.is_empty() { "at the top level".to_owned() } else { format!("in {table}") }
}

/// The keys that lead to a place in the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct KeyPath {
    steps: Vec<String>,
    /// Whether one of the keys has a list of tables.
    in_list: bool,
}

impl KeyPath {
    fn key(&self) -> &str {
        self.steps.last().map_or("the whole", String::as_str)
    }

    /// The heading of the table around the last key.
    fn table(&self) -> String {
        heading(&self.steps[..self.steps.len().saturating_sub(1)], self.in_list)
    }
}

fn heading(steps: &[String], in_list: bool) -> String {
    match steps.join(".").as_str() {
        "" => String::new(),
        name if in_list => format!("[[{name}]]"),
        name => format!("[{name}]"),
    }
}

/// The path to the key at the byte `start`, or to the key whose value starts there.
fn key_path_at(text: &str, start: usize) -> Option<KeyPath> {
    let table = DeTable::parse(text).ok()?;
    for (key, value) in table.get_ref() {
        let mut keys = KeyPath { steps: vec![key.get_ref().to_string()], in_list: false };
        let found = holds(value.get_ref(), value.span(), start, &mut keys);
        if found || key.span().start == start || value.span().start == start {
            return Some(keys);
        }
    }
    None
}

/// Whether `start` is within the value. Extends `keys` by the keys that lead there.
fn holds(value: &DeValue<'_>, span: Range<usize>, start: usize, keys: &mut KeyPath) -> bool {
    if let Some(items) = value.as_array().filter(|items| items.iter().any(|item| item.get_ref().is_table())) {
        let was_in_list = std::mem::replace(&mut keys.in_list, true);
        if items.iter().any(|item| holds(item.get_ref(), item.span(), start, keys)) {
            return true;
        }
        keys.in_list = was_in_list;
    }
    if let Some(table) = value.as_table() {
        for (key, value) in table {
            keys.steps.push(key.get_ref().to_string());
            if key.span().start == start || holds(value.get_ref(), value.span(), start, keys) {
                return true;
            }
            keys.steps.pop();
        }
    }
    span.contains(&start)
}

fn span_of(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (_, mut value) = table.iter().find(|(key, _)| key.get_ref() == step)?;
    let mut rest = rest;
    if let (Some(items), Some(path)) = (value.get_ref().as_array(), rest) {
        let (index, after) = path.split_once('.').map_or((path, None), |(index, after)| (index, Some(after)));
        value = items.get(index.parse::<usize>().ok()?)?;
        rest = after;
    }
    let below = rest.and_then(|rest| span_of(value.get_ref().as_table()?, rest));
    below.or_else(|| Some(value.span()))
}

/// The line and column of the byte `at`, both from 1, and the text of the line. Columns count characters.
fn line_at(text: &str, at: usize) -> (usize, usize, &str) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or("");
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1, line)
}
