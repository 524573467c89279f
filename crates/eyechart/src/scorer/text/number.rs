//! `number`: compares two numbers by value. It compares an answer with one reference.
//!
//! An answer is readable if it holds exactly one number, once or repeated. Currency signs, units and thousands
//! separators are ignored. Dates, times, ranges and fractions make an answer unreadable. A comma before exactly three
//! digits separates thousands; any other comma is a decimal comma. English number words count in an answer without
//! digits. If only one side has a percent sign, `12.5%` matches both 12.5 and 0.125.

mod decimal;
mod digits;
mod numeral;
mod words;

use std::ops::Range;

pub(super) use decimal::Decimal;
use serde_json::{Map, json};

use crate::scorer::declaration::{
    ConfiguredScorer, Declaration, KeyFault, number as number_at, right_or_wrong,
};
use crate::scorer::measure::{Measure, Outcome, Pair};
use crate::types::{ScoreEntry, Unparsed, readable_metric};

/// The largest allowed difference between a number and the reference. Both bounds are inclusive, and the larger bound
/// applies. The default is exact equality.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tolerance {
    /// Largest difference, in the unit of the numbers.
    pub absolute: f64,
    /// Largest difference as a share of the reference.
    pub relative: f64,
}

/// The number that a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadNumber {
    decimal: Decimal,
    /// Whether a percent sign or the word "percent" follows. The value is not divided by 100.
    pub is_percent: bool,
    /// The bytes of the number in the text, from its sign or currency sign to its last digit or number word.
    pub span: Range<usize>,
}

impl ReadNumber {
    /// Returns the value; infinite if it exceeds the range of `f64`.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.decimal.to_f64()
    }
}

/// The outcome of a comparison of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberMatch {
    /// The numbers differ by at most the tolerance.
    Right,
    /// The numbers differ by more.
    Wrong,
    /// The answer does not hold exactly one number.
    AnswerNotRead,
    /// The reference does not hold exactly one number.
    ReferenceNotRead,
}

/// Compares the number in the answer with the number in the reference.
///
/// Without a tolerance the decimal digits are compared, so long numbers are not rounded. If only one side has a
/// percent sign, the other side may be the number itself or a hundredth of it.
#[must_use]
pub fn number(answer: &str, reference: &str, tolerance: Tolerance) -> NumberMatch {
    let Some(reference) = read_number(reference) else { return NumberMatch::ReferenceNotRead };
    let Some(answer) = read_number(answer) else { return NumberMatch::AnswerNotRead };
    let is_close = |answer: &Decimal, reference: &Decimal| is_within(answer, reference, tolerance);
    let is_right = is_close(&answer.decimal, &reference.decimal)
        || (answer.is_percent
            && !reference.is_percent
            && is_close(&answer.decimal.shifted(-2), &reference.decimal))
        || (reference.is_percent
            && !answer.is_percent
            && is_close(&answer.decimal, &reference.decimal.shifted(-2)));
    if is_right { NumberMatch::Right } else { NumberMatch::Wrong }
}

/// Reads the number that a text holds; `None` if the text has no number, or more than one reading.
#[must_use]
pub fn read_number(text: &str) -> Option<ReadNumber> {
    let found = digits::find_numbers(text)?;
    let (enclosed, mut numbers): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.is_enclosed);
    if numbers.is_empty() {
        // On its own, `(1,234)` can be a negative amount. Next to its words, as in "three (3)", it is not.
        numbers = words::find_numbers(text)?;
    }
    let (last, others) = numbers.split_last()?;
    let is_same = |other: &Found| {
        other.decimal == last.decimal && (other.is_percent == last.is_percent || other.is_enclosed)
    };
    (others.iter().all(is_same) && enclosed.iter().all(is_same)).then(|| ReadNumber {
        decimal: last.decimal.clone(),
        is_percent: last.is_percent,
        span: last.span.clone(),
    })
}

/// A number at one place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    decimal: Decimal,
    is_percent: bool,
    /// Whether the number, with its currency sign and percent sign, is in parentheses.
    is_enclosed: bool,
    span: Range<usize>,
}

fn is_within(value: &Decimal, target: &Decimal, tolerance: Tolerance) -> bool {
    if value == target {
        return true;
    }
    let allowed = tolerance.absolute.max(tolerance.relative * target.to_f64().abs());
    let (value, target) = (value.to_f64(), target.to_f64());
    // A difference on the bound may be rounded up: 1.1 - 1.0 exceeds 0.1.
    let rounding = 4.0 * f64::EPSILON * value.abs().max(target.abs());
    allowed > 0.0 && (value - target).abs() <= allowed + rounding
}

/// The scorer `number`.
pub(in crate::scorer) const NUMBER: Declaration =
    Declaration { keys: &["tolerance", "relative_tolerance"], ..Declaration::new("number", build) };

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let tolerance = Tolerance {
        absolute: tolerance_at(entry, "tolerance")?,
        relative: tolerance_at(entry, "relative_tolerance")?,
    };
    let parameters = Map::from_iter([
        ("tolerance".to_owned(), json!(tolerance.absolute)),
        ("relative_tolerance".to_owned(), json!(tolerance.relative)),
    ]);
    let metrics = vec![
        right_or_wrong(entry, "share of answers whose number is that of a reference"),
        readable_metric("share of answers that hold exactly one number"),
    ];
    let unparsed = entry.unparsed;
    let score = move |pairs: &[Pair<'_>], _: &crate::scorer::Tools<'_>| {
        Ok(pairs.iter().map(|pair| outcome(pair, tolerance, unparsed)).collect())
    };
    Ok(ConfiguredScorer {
        parameters,
        metrics,
        columns: Vec::new(),
        measure: Measure::Pairs(Box::new(score)),
    })
}

fn tolerance_at(entry: &ScoreEntry, key: &str) -> Result<f64, KeyFault> {
    match number_at(entry, key)?.unwrap_or(0.0) {
        tolerance if tolerance >= 0.0 => Ok(tolerance),
        tolerance => Err(KeyFault::new(key, format!("`{key}` is {tolerance}: expected 0 or more"))),
    }
}

fn outcome(pair: &Pair<'_>, tolerance: Tolerance, unparsed: Unparsed) -> Outcome {
    let outcome = match (number(pair.text, pair.reference, tolerance), unparsed) {
        (NumberMatch::ReferenceNotRead, _) => {
            return Outcome::unscored("the reference does not hold exactly one number");
        }
        (NumberMatch::AnswerNotRead, Unparsed::Unscored) => Outcome::unscored("no answer could be read"),
        (found, _) => Outcome::right(found == NumberMatch::Right),
    };
    let span = read_number(pair.text).map(|read| read.span);
    let answer = span.clone().map(|span| pair.text[span].to_owned());
    Outcome { answer, span: span.clone(), ..outcome.readable(span.is_some()) }
}

#[cfg(test)]
mod tests;
