//! `json_fields`: the fields of a JSON answer against expected values. This file does not know which columns hold
//! the expected values.
//!
//! The rule: the answer must hold one JSON object, alone, in a code fence or inside prose; fields that are not
//! expected do not count. A field is right if its text is equal after trimming, in any case, or if its number is
//! equal. Nested objects and lists are compared value by value, lists in their order; the record is right if all
//! fields are right and no list is longer than expected.

mod compare;
mod find_object;
mod scorer;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::number::Tolerance;
pub use find_object::UnreadableJson;
pub(in crate::scorer) use scorer::JSON_FIELDS;
pub(crate) use scorer::options_of_fields;

/// How the values of a field are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum FieldRule {
    /// Equal texts after trimming and joining of white space, in any case. A JSON number is compared by value.
    #[default]
    Exact,
    /// The number in the text, as [`number`](super::number()) compares it.
    Number(Tolerance),
}

/// The rules of the fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JsonFieldsOptions {
    /// The rule of a field that `rules` does not name.
    pub default_rule: FieldRule,
    /// Rules by path. A path without list positions, `items.price`, names the field in every element; a path with
    /// positions, `items.0.price`, takes precedence. A rule of `total` is also the rule of all fields below `total`
    /// that have no rule of their own.
    pub rules: HashMap<String, FieldRule>,
}

/// The outcome of the comparison of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldVerdict {
    /// The value is the expected one.
    Right,
    /// The value is another one.
    Wrong,
    /// The answer has no such field, or no value in it, or cannot be read.
    Missing,
    /// The expected value cannot be compared: the rule is a number, and the expected value is not one.
    NotScored,
}

/// The verdict on one expected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldScore {
    /// Keys and list positions, separated by points: `items.0.price`.
    pub path: String,
    /// The verdict.
    pub verdict: FieldVerdict,
}

/// The verdicts on one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldsScore {
    /// One entry for each expected value, in the order of the expected fields.
    pub fields: Vec<FieldScore>,
    /// Whether a list of the answer has more elements than expected.
    pub has_longer_list: bool,
    /// Why the answer cannot be read; then all fields are missing.
    pub unreadable: Option<UnreadableJson>,
}

impl FieldsScore {
    /// Number of fields that are right.
    #[must_use]
    pub fn right(&self) -> usize {
        self.count(FieldVerdict::Right)
    }

    /// Number of fields that are right, wrong or missing.
    #[must_use]
    pub fn scored(&self) -> usize {
        self.fields.len() - self.count(FieldVerdict::NotScored)
    }

    /// Whether the whole record is right; absent if no field is scored, or if only a field that is not scored
    /// could make the record wrong.
    #[must_use]
    pub fn is_record_right(&self) -> Option<bool> {
        if self.right() < self.scored() || (self.has_longer_list && self.scored() > 0) {
            return Some(false);
        }
        (self.scored() > 0 && self.scored() == self.fields.len()).then_some(true)
    }

    fn count(&self, verdict: FieldVerdict) -> usize {
        self.fields.iter().filter(|field| field.verdict == verdict).count()
    }
}

/// Compares the JSON object in the answer with the expected fields.
///
/// An expected key such as `total.amount` is looked up as it is, then as a path. An expected value that is null, an
/// empty text or an empty list is right if the answer has no value there.
#[must_use]
pub fn json_fields(answer: &str, expected: &Map<String, Value>, options: &JsonFieldsOptions) -> FieldsScore {
    let (object, unreadable) = match find_object::find_object(answer) {
        Ok(object) => (Some(Value::Object(object)), None),
        Err(reason) => (None, Some(reason)),
    };
    let mut comparison = compare::Comparison::new(options, object.is_some());
    for (key, value) in expected {
        let found = object.as_ref().and_then(|object| look_up(object, key));
        comparison.compare(key, value, found);
    }
    FieldsScore { fields: comparison.fields, has_longer_list: comparison.has_longer_list, unreadable }
}

/// The value at a key, else at a path of keys and list positions.
fn look_up<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => object.get(path).or_else(|| {
            let (key, rest) = path.split_once('.')?;
            look_up(object.get(key)?, rest)
        }),
        Value::Array(elements) => {
            let (position, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
            let element = elements.get(position.parse::<usize>().ok()?)?;
            rest.map_or(Some(element), |rest| look_up(element, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
