//! Reads the line that a program writes for each sample: a score, or the reason why the sample is unscored.

use serde_json::{Map, Value};

use super::process::Line;
use crate::scorer::measure::{Item, Outcome};
use crate::types::{Counts, READABLE, SCORES, ScoreValue};

/// Maximum length of a text from the program in `scores.jsonl`, in characters.
const LONGEST_TEXT: usize = 10_000;
/// Maximum length of a reason, and of the quoted part of an unreadable line, in characters.
const LONGEST_REASON: usize = 200;
/// Maximum number of counts of one score.
const MOST_COUNTS: usize = 100;

/// A message that says what is wrong with a line.
type Fault = String;

/// Returns the outcome that `line` gives to `item`. After an invalid line the sample is unscored.
pub(super) fn read(line: Line<'_>, item: &Item<'_>, range: [f64; 2]) -> Outcome {
    let read = match line {
        Line::Whole(bytes) => parse(bytes, item, range),
        Line::TooLong(_) => Err("the command's line is longer than 4 MiB".to_owned()),
    };
    // The reason is the same for every sample with the fault, so that reasons can be counted.
    read.unwrap_or_else(|fault| Outcome {
        explanation: Some(format!("the command wrote {}", quoted(line.bytes()))),
        ..Outcome::unscored(fault)
    })
}

fn parse(bytes: &[u8], item: &Item<'_>, range: [f64; 2]) -> Result<Outcome, Fault> {
    let line: Value = serde_json::from_slice(bytes).map_err(|_| not_json(bytes))?;
    let Value::Object(line) = line else { return Err("the command's line is not a JSON object".to_owned()) };
    check_sample(&line, item)?;
    Ok(Outcome {
        value: value(&line, range)?,
        answer: text(&line, "answer")?.map(|text| shortened(text, LONGEST_TEXT)),
        explanation: text(&line, "explanation")?.map(|text| shortened(text, LONGEST_TEXT)),
        span: None,
        counts: counts(&line)?,
    })
}

fn not_json(bytes: &[u8]) -> Fault {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    // Python's `json` writes such numbers, which JSON does not have.
    match has(b"NaN") || has(b"Infinity") {
        true => "the command's line has a number that is not finite".to_owned(),
        false => "the command's line is not JSON".to_owned(),
    }
}

/// Checks the sample that the line names, if it names one.
fn check_sample(line: &Map<String, Value>, item: &Item<'_>) -> Result<(), Fault> {
    let has_id = present(line, "id").is_none_or(|id| id.as_str() == Some(&item.record.id));
    // Languages without integers write 1.0.
    let epoch = Some(f64::from(item.record.epoch));
    let has_epoch = present(line, "epoch").is_none_or(|given| given.as_f64() == epoch);
    match has_id && has_epoch {
        true => Ok(()),
        false => Err("the command's line is of another sample".to_owned()),
    }
}

fn value(line: &Map<String, Value>, range: [f64; 2]) -> Result<ScoreValue, Fault> {
    match (present(line, "value"), text(line, "unscored")?) {
        (Some(_), Some(_)) => Err("the command's line has both `value` and `unscored`".to_owned()),
        (None, None) => Err("the command's line has neither `value` nor `unscored`".to_owned()),
        (None, Some(reason)) if reason.trim().is_empty() => Err("`unscored` is empty".to_owned()),
        (None, Some(reason)) => Ok(ScoreValue::Unscored(shortened(reason, LONGEST_REASON))),
        (Some(value), None) => match value.as_f64() {
            Some(value) if (range[0]..=range[1]).contains(&value) => Ok(ScoreValue::Value(value)),
            Some(_) => Err(format!("`value` is outside the range {} to {}", range[0], range[1])),
            None => Err("`value` is not a number".to_owned()),
        },
    }
}

fn counts(line: &Map<String, Value>) -> Result<Counts, Fault> {
    let Some(value) = present(line, "counts") else { return Ok(Counts::new()) };
    let Value::Object(given) = value else { return Err("`counts` is not a JSON object".to_owned()) };
    if given.len() > MOST_COUNTS {
        return Err(format!("`counts` has more than {MOST_COUNTS} numbers"));
    }
    if let Some(reserved) = [READABLE, SCORES].into_iter().find(|name| given.contains_key(*name)) {
        return Err(format!("`counts` has the name `{reserved}`, which eyechart uses itself"));
    }
    let number = |(name, count): (&String, &Value)| Some((name.clone(), count.as_f64()?));
    let counts: Option<Counts> = given.iter().map(number).collect();
    counts.ok_or_else(|| "`counts` has a value that is not a number".to_owned())
}

fn text<'a>(line: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Fault> {
    let Some(value) = present(line, key) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| format!("`{key}` is not a text"))
}

/// Returns the value at `key`. A null counts as absent, because many languages write it for a missing value.
fn present<'a>(line: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    line.get(key).filter(|value| !value.is_null())
}

/// Quotes the beginning of a line, which may hold any bytes.
fn quoted(bytes: &[u8]) -> String {
    let beginning = &bytes[..bytes.len().min(4 * LONGEST_REASON)];
    format!("{:?}", shortened(String::from_utf8_lossy(beginning).trim_end(), LONGEST_REASON))
}

/// Cuts `text` to at most `longest` characters. The last character of a cut text is `…`.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
    }
}
