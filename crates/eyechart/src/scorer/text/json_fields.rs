//! `json_fields`: compares the fields of a JSON answer with expected values. `scorer` knows which columns hold the
//! expected values.
//!
//! The answer must hold one JSON object: on its own, in a code fence or inside prose. Fields that are not expected are
//! ignored. A field is right if its text is equal after trimming, in any case, or if its number is equal. Nested
//! objects and lists are compared value by value, lists in their order. The record is right if all fields are right and
//! no list is longer than expected.

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
    /// The texts are equal after white space is trimmed and joined, in any case. JSON numbers are compared by value.
    #[default]
    Exact,
    /// The numbers in the texts are equal, as [`number`](super::number()) compares them.
    Number(Tolerance),
}

/// The rules by which the fields are compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JsonFieldsOptions {
    /// The rule of a field that `rules` does not name.
    pub default_rule: FieldRule,
    /// Rules by path. A path without list positions, such as `items.price`, names the field in every element. A path
    /// with positions, such as `items.0.price`, takes precedence. The rule of `total` also applies to all fields below
    /// `total` that have no rule of their own.
    pub rules: HashMap<String, FieldRule>,
}

/// The outcome of the comparison of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldVerdict {
    /// The value equals the expected value.
    Right,
    /// The value differs from the expected value.
    Wrong,
    /// The answer lacks the field, the field has no value, or the answer cannot be read.
    Missing,
    /// The expected value cannot be compared, because the rule is a number and the expected value is not a number.
    NotScored,
}

/// The verdict on one expected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldScore {
    /// The keys and list positions, separated by points: `items.0.price`.
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
    /// The reason why the answer cannot be read. If it is present, all fields are missing.
    pub unreadable: Option<UnreadableJson>,
}

impl FieldsScore {
    /// Returns the number of fields that are right.
    #[must_use]
    pub fn right(&self) -> usize {
        self.count(FieldVerdict::Right)
    }

    /// Returns the number of fields that are right, wrong or missing.
    #[must_use]
    pub fn scored(&self) -> usize {
        self.fields.len() - self.count(FieldVerdict::NotScored)
    }

    /// Returns whether the whole record is right; `None` if no field is scored, or if all scored fields are right and
    /// some fields are not scored.
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
/// An expected key such as `total.amount` is looked up as a key first, then as a path. If the expected value is null,
/// an empty text or an empty list, the field is right if the answer has no value there.
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

/// Returns the value at a key, or at a path of keys and list positions.
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
