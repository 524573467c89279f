//! Compares the values of an answer with expected values, field by field.

use std::collections::HashMap;

use serde_json::Value;

use super::super::number::{Decimal, NumberMatch, number};
use super::super::python_str::join_white_space;
use super::{FieldRule, FieldScore, FieldVerdict, JsonFieldsOptions};

/// The fields that have been compared so far.
pub(super) struct Comparison<'a> {
    default_rule: FieldRule,
    rules: &'a HashMap<String, FieldRule>,
    is_readable: bool,
    pub(super) fields: Vec<FieldScore>,
    pub(super) has_longer_list: bool,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(options: &'a JsonFieldsOptions, is_readable: bool) -> Self {
        Self {
            default_rule: options.default_rule,
            rules: &options.rules,
            is_readable,
            fields: Vec::new(),
            has_longer_list: false,
        }
    }

    /// Compares each expected value at or below the path, and adds one field for each.
    pub(super) fn compare(&mut self, path: &str, expected: &Value, found: Option<&Value>) {
        match expected {
            Value::Object(object) => {
                let found = found.and_then(Value::as_object);
                for (key, value) in object {
                    let found = found.and_then(|found| found.get(key));
                    self.compare(&format!("{path}.{key}"), value, found);
                }
            }
            Value::Array(elements) if !elements.is_empty() => {
                let found = found.and_then(Value::as_array);
                self.has_longer_list |= found.is_some_and(|found| found.len() > elements.len());
                for (position, value) in elements.iter().enumerate() {
                    let found = found.and_then(|found| found.get(position));
                    self.compare(&format!("{path}.{position}"), value, found);
                }
            }
            _ => self.push(path, expected, found),
        }
    }

    fn push(&mut self, path: &str, expected: &Value, found: Option<&Value>) {
        let verdict = if self.is_readable {
            verdict(expected, found.unwrap_or(&Value::Null), self.rule_of(path))
        } else {
            FieldVerdict::Missing
        };
        self.fields.push(FieldScore { path: path.to_owned(), verdict });
    }

    /// Returns the rule for a path: of the path with positions, else without, else of the longest path above.
    fn rule_of(&self, path: &str) -> FieldRule {
        let keys: Vec<&str> = path.split('.').filter(|key| key.parse::<usize>().is_err()).collect();
        let above = (1..=keys.len()).rev().map(|length| keys[..length].join("."));
        let mut candidates = std::iter::once(path.to_owned()).chain(above);
        candidates.find_map(|path| self.rules.get(&path).copied()).unwrap_or(self.default_rule)
    }
}

fn verdict(expected: &Value, found: &Value, rule: FieldRule) -> FieldVerdict {
    match (is_empty(expected), is_empty(found)) {
        (true, true) => return FieldVerdict::Right,
        (true, false) => return FieldVerdict::Wrong,
        (false, true) => return FieldVerdict::Missing,
        (false, false) => {}
    }
    let (Some(expected_text), Some(found_text)) = (text_of(expected), text_of(found)) else {
        return FieldVerdict::Wrong;
    };
    let is_right = match rule {
        FieldRule::Number(tolerance) => match number(&found_text, &expected_text, tolerance) {
            NumberMatch::ReferenceNotRead => return FieldVerdict::NotScored,
            outcome => outcome == NumberMatch::Right,
        },
        FieldRule::Exact if expected.is_number() || found.is_number() => {
            let expected = Decimal::from_plain(expected_text.trim());
            expected.is_some() && expected == Decimal::from_plain(found_text.trim())
        }
        FieldRule::Exact => folded(&expected_text) == folded(&found_text),
    };
    if is_right { FieldVerdict::Right } else { FieldVerdict::Wrong }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

/// Returns a text, number or boolean as text; `None` for other values.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn folded(text: &str) -> String {
    join_white_space(&text.to_lowercase())
}
