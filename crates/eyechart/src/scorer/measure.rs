//! How scorers score: an answer against one reference, an answer against everything in its record, or by a program.

use std::ops::Range;

use super::command::Program;
use super::declaration::{ScorerError, Tools};
use crate::types::{Counts, READABLE, SampleRecord, ScoreValue};

/// An answer to score, with its record and its references.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The record of the sample.
    pub record: &'a SampleRecord,
    /// The text to score: a part of the answer, what `extract` found in it, or a recorded column.
    pub text: &'a str,
    /// The references that are not blank, in the order of the dataset.
    pub references: Vec<&'a str>,
}

/// An answer to score against one reference.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The text to score.
    pub text: &'a str,
    /// The reference.
    pub reference: &'a str,
}

/// How a scorer scores. Each function returns one outcome for each input, in the order of the inputs.
pub enum Measure {
    /// Scores each reference separately. The caller combines the scores of several references.
    Pairs(Box<PairScorer>),
    /// Scores all answers of a run at once, each with its record and all of its references.
    Items(Box<ItemScorer>),
    /// A program of the user. It gets the same input as [`Measure::Items`].
    Program(Box<Program>),
}

/// Scores answers, each against one reference.
pub type PairScorer = dyn Fn(&[Pair<'_>], &Tools<'_>) -> Result<Vec<Outcome>, ScorerError>;

/// Scores answers, each against all of its references.
pub type ItemScorer = dyn Fn(&[Item<'_>], &Tools<'_>) -> Result<Vec<Outcome>, ScorerError>;

/// The result of scoring one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The score, or the reason why the answer is unscored.
    pub value: ScoreValue,
    /// The answer that the scorer read from the text; absent if it scores the whole text.
    pub answer: Option<String>,
    /// The rule that decided; absent if the scorer has only one rule.
    pub explanation: Option<String>,
    /// The bytes of the text in which the scorer found the answer.
    pub span: Option<Range<usize>>,
    /// Counts by name. Metrics are computed from their sums over the run.
    pub counts: Counts,
}

impl Outcome {
    /// Returns a score without answer, explanation, span and counts.
    pub(super) fn value(value: f64) -> Self {
        Self {
            value: ScoreValue::Value(value),
            answer: None,
            explanation: None,
            span: None,
            counts: Counts::new(),
        }
    }

    /// Returns a score of 1 for a right answer and of 0 for a wrong one.
    pub(super) fn right(is_right: bool) -> Self {
        Self::value(f64::from(u8::from(is_right)))
    }

    /// Adds the count [`READABLE`]: 1 if the scorer could read the answer, else 0.
    pub(super) fn readable(mut self, is_readable: bool) -> Self {
        self.counts.insert(READABLE.to_owned(), f64::from(u8::from(is_readable)));
        self
    }

    /// Returns the score; `None` if the answer is unscored.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Value(value) => Some(value),
            ScoreValue::Unscored(_) => None,
        }
    }

    /// Returns whether the answer is scored.
    pub(super) fn has_value(&self) -> bool {
        self.number().is_some()
    }

    /// Returns an outcome without a score, for `reason`.
    pub(super) fn unscored(reason: impl Into<String>) -> Self {
        Self { value: ScoreValue::Unscored(reason.into()), ..Self::value(0.0) }
    }
}

impl Measure {
    /// Returns a measure that calls `score` with the answer and one reference.
    pub(super) fn of_pair(score: impl Fn(&str, &str) -> f64 + 'static) -> Self {
        Self::Pairs(Box::new(move |pairs, _| {
            Ok(pairs.iter().map(|pair| Outcome::value(score(pair.text, pair.reference))).collect())
        }))
    }

    /// Returns a measure that gives 1 if the answer is right by one reference, else 0.
    pub(super) fn right_or_wrong(is_right: fn(&str, &str) -> bool) -> Self {
        Self::Pairs(Box::new(move |pairs, _| {
            Ok(pairs.iter().map(|pair| Outcome::right(is_right(pair.text, pair.reference))).collect())
        }))
    }

    /// Returns a measure that scores each item separately.
    pub(super) fn of_item(score: impl Fn(&Item<'_>) -> Outcome + 'static) -> Self {
        Self::Items(Box::new(move |items, _| Ok(items.iter().map(&score).collect())))
    }
}
