//! The scorer `json_fields`: reads its keys, and finds the expected values in a record.

use serde_json::{Map, Value, json};

use super::{FieldRule, FieldVerdict, FieldsScore, JsonFieldsOptions, json_fields, look_up};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, Target, right_or_wrong};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::scorer::text::number::Tolerance;
use crate::types::{Counts, Formula, Metric, ScoreEntry, Unparsed, readable_metric};

/// The scorer `json_fields`.
pub(in crate::scorer) const JSON_FIELDS: Declaration = Declaration {
    keys: &["fields"],
    target: Target::Optional,
    reads_all_references: true,
    ..Declaration::new("json_fields", build)
};

const RIGHT: &str = "right_fields";
const FIELDS: &str = "fields";

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let fields = match entry.own.get("fields") {
        None => Map::new(),
        Some(Value::Object(fields)) => fields.clone(),
        Some(other) => {
            return Err(KeyFault::new("fields", format!("`fields`: expected a table, found {other}")));
        }
    };
    if fields.is_empty() && entry.target.is_none() {
        let what = "json_fields needs `target`, the column with the expected JSON object, or `fields`, a table from \
                    each field to its rule";
        return Err(KeyFault::new("scorer", what));
    }
    let fault = |reason| KeyFault::new("fields", format!("`fields`: {reason}"));
    let expected =
        Expected { rules: options_of_fields(&fields).map_err(fault)?, columns: columns_of(entry, &fields) };
    let meaning = "share of expected fields that are right";
    let metrics = vec![
        Metric {
            id: "records".to_owned(),
            title: "records".to_owned(),
            ..right_or_wrong(entry, "share of answers of which every field is right")
        },
        Metric::new("fields", Formula::OfCounts(share_of_fields), meaning),
        readable_metric("share of answers that hold one JSON object"),
    ];
    let columns = expected.columns.iter().map(|column| column.name.clone()).collect();
    let unparsed = entry.unparsed;
    Ok(ConfiguredScorer {
        parameters: Map::from_iter([("fields".to_owned(), json!(fields))]),
        metrics,
        columns,
        measure: Measure::of_item(move |item| outcome(item, &expected, unparsed)),
    })
}

fn share_of_fields(counts: &Counts) -> Option<f64> {
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    (count(FIELDS) > 0.0).then(|| count(RIGHT) / count(FIELDS))
}

/// The rules, and where the expected values are.
struct Expected {
    rules: JsonFieldsOptions,
    /// The columns with the expected values; empty if the target holds all of them.
    columns: Vec<Column>,
}

/// A field whose expected value is in a column of its own.
struct Column {
    field: String,
    name: String,
}

/// Returns the column of each field if the entry has no target: the column that the field names, or the column with the
/// name of the field.
fn columns_of(entry: &ScoreEntry, fields: &Map<String, Value>) -> Vec<Column> {
    if entry.target.is_some() {
        return Vec::new();
    }
    let column = |(field, rule): (&String, &Value)| {
        let named = rule.get("column").and_then(Value::as_str);
        Column { field: field.clone(), name: named.unwrap_or(field).to_owned() }
    };
    fields.iter().map(column).collect()
}

/// Reads the rules of fields: `"exact"`, `"number"`, or a table with `rule`, `tolerance`, `relative_tolerance` and
/// `column`.
///
/// # Errors
/// A message that names the field and what was expected.
pub(crate) fn options_of_fields(fields: &Map<String, Value>) -> Result<JsonFieldsOptions, String> {
    let mut options = JsonFieldsOptions::default();
    for (field, rule) in fields {
        options.rules.insert(field.clone(), rule_of(rule).map_err(|reason| format!("{field}: {reason}"))?);
    }
    Ok(options)
}

fn rule_of(rule: &Value) -> Result<FieldRule, String> {
    let expected = || format!("expected \"exact\", \"number\" or a table with a `rule`, found {rule}");
    let (word, table) = match rule {
        Value::String(word) => (word.as_str(), None),
        Value::Object(table) => {
            (table.get("rule").map_or(Some("exact"), Value::as_str).ok_or_else(expected)?, Some(table))
        }
        _ => return Err(expected()),
    };
    let known = ["rule", "column", "tolerance", "relative_tolerance"];
    if let Some(unknown) = table.and_then(|table| table.keys().find(|key| !known.contains(&key.as_str()))) {
        return Err(format!("unknown key `{unknown}`: the keys are {}", known.join(", ")));
    }
    let number = |key: &str| match table.and_then(|table| table.get(key)) {
        None => Ok(0.0),
        Some(value) => value
            .as_f64()
            .filter(|number| *number >= 0.0 && number.is_finite())
            .ok_or_else(|| format!("`{key}`: expected a number from 0 up, found {value}")),
    };
    match word {
        "exact" => Ok(FieldRule::Exact),
        "number" => {
            let tolerance =
                Tolerance { absolute: number("tolerance")?, relative: number("relative_tolerance")? };
            Ok(FieldRule::Number(tolerance))
        }
        _ => Err(expected()),
    }
}

fn outcome(item: &Item<'_>, expected: &Expected, unparsed: Unparsed) -> Outcome {
    let values = match values(item, expected) {
        Ok(values) => values,
        Err(reason) => return Outcome::unscored(reason),
    };
    let score = json_fields(item.text, &values, &expected.rules);
    let is_readable = score.unreadable.is_none();
    let outcome = match (is_readable, unparsed, score.is_record_right()) {
        (false, Unparsed::Unscored, _) => Outcome::unscored("no answer could be read"),
        (_, _, Some(is_right)) => Outcome::right(is_right),
        (_, _, None) => Outcome::unscored("an expected value is not a number"),
    };
    let mut outcome = Outcome { explanation: score.explanation(), ..outcome.readable(is_readable) };
    if outcome.has_value() {
        outcome.counts.insert(RIGHT.to_owned(), score.right() as f64);
        outcome.counts.insert(FIELDS.to_owned(), score.scored() as f64);
    }
    outcome
}

/// Returns the expected values of a sample by field.
///
/// # Errors
/// The target is not one JSON object.
fn values(item: &Item<'_>, expected: &Expected) -> Result<Map<String, Value>, String> {
    let Some(reference) = item.references.first() else {
        let value = |column: &Column| {
            let text = item.record.fields.get(&column.name).cloned();
            (column.field.clone(), text.map_or(Value::Null, Value::String))
        };
        return Ok(expected.columns.iter().map(value).collect());
    };
    if item.references.iter().any(|other| other != reference) {
        return Err("the target has several references: expected one JSON object".to_owned());
    }
    let object = match serde_json::from_str(reference) {
        Ok(Value::Object(object)) => object,
        _ => return Err("the target is not a JSON object".to_owned()),
    };
    if expected.rules.rules.is_empty() {
        return Ok(object);
    }
    // Only the fields that the task names are compared.
    let object = Value::Object(object);
    let value = |field: &String| (field.clone(), look_up(&object, field).cloned().unwrap_or(Value::Null));
    Ok(expected.rules.rules.keys().map(value).collect())
}

impl FieldsScore {
    /// Returns which fields are not right, or why the answer cannot be read; `None` if all fields are right.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        if let Some(unreadable) = &self.unreadable {
            return Some(unreadable.to_string());
        }
        let of = |verdict: FieldVerdict, word: &str| {
            let fields = self.fields.iter().filter(|field| field.verdict == verdict);
            let paths: Vec<&str> = fields.map(|field| field.path.as_str()).collect();
            (!paths.is_empty()).then(|| format!("{word}: {}", paths.join(", ")))
        };
        let longer = self.has_longer_list.then(|| "a list is longer than expected".to_owned());
        let parts = [of(FieldVerdict::Wrong, "wrong"), of(FieldVerdict::Missing, "missing"), longer];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        (!text.is_empty()).then_some(text)
    }
}
