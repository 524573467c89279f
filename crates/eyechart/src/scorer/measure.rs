//! The ways in which scorers score: an answer beside one reference, beside all that belongs to it, or by a program.

use std::ops::Range;

use super::command::Program;
use super::declaration::{ScorerError, Tools};
use crate::types::{Counts, READABLE, SampleRecord, ScoreValue};

/// An answer that is scored, with what belongs to it.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The sample.
    pub record: &'a SampleRecord,
    /// The text that is scored: a part of the answer, what was read out of it, or a recorded column.
    pub text: &'a str,
    /// The references that are not empty, in their order.
    pub references: Vec<&'a str>,
}

/// An answer and one reference.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The text that is scored.
    pub text: &'a str,
    /// The reference.
    pub reference: &'a str,
}

/// How a scorer scores. Each returns as many outcomes as it is given items, in their order.
pub enum Measure {
    /// Each reference by itself; how several make one score is not the scorer's concern.
    Pairs(Box<PairScorer>),
    /// All that belongs to an answer at once, and all answers of the run at once.
    Items(Box<ItemScorer>),
    /// A program of the user's own, which is given the same as [`Measure::Items`].
    Program(Box<Program>),
}

/// Scores answers, each beside one reference.
pub type PairScorer = dyn Fn(&[Pair<'_>], &Tools<'_>) -> Result<Vec<Outcome>, ScorerError>;

/// Scores answers, each beside all of its references.
pub type ItemScorer = dyn Fn(&[Item<'_>], &Tools<'_>) -> Result<Vec<Outcome>, ScorerError>;

/// What a scorer makes of one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The score, or why there is none.
    pub value: ScoreValue,
    /// What it read out of the text; absent where it scores all of it.
    pub answer: Option<String>,
    /// The rule that decided; absent where it has only one.
    pub explanation: Option<String>,
    /// The bytes of the text in which it read the answer.
    pub span: Option<Range<usize>>,
    /// Numbers that metrics sum up.
    pub counts: Counts,
}

impl Outcome {
    /// A score and nothing besides.
    pub(super) fn value(value: f64) -> Self {
        Self {
            value: ScoreValue::Value(value),
            answer: None,
            explanation: None,
            span: None,
            counts: Counts::new(),
        }
    }

    /// 1 if the answer is right, else 0.
    pub(super) fn right(is_right: bool) -> Self {
        Self::value(f64::from(u8::from(is_right)))
    }

    /// The same with the count of whether the answer could be read.
    pub(super) fn readable(mut self, is_readable: bool) -> Self {
        self.counts.insert(READABLE.to_owned(), f64::from(u8::from(is_readable)));
        self
    }

    /// Its score, where it has one.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Value(value) => Some(value),
            ScoreValue::Unscored(_) => None,
        }
    }

    /// Whether it has a score.
    pub(super) fn has_value(&self) -> bool {
        self.number().is_some()
    }

    /// No score, with the reason.
    pub(super) fn unscored(reason: impl Into<String>) -> Self {
        Self { value: ScoreValue::Unscored(reason.into()), ..Self::value(0.0) }
    }
}

impl Measure {
    /// A function of the answer and one reference.
    pub(super) fn of_pair(score: impl Fn(&str, &str) -> f64 + 'static) -> Self {
        Self::Pairs(Box::new(move |pairs, _| {
            Ok(pairs.iter().map(|pair| Outcome::value(score(pair.text, pair.reference))).collect())
        }))
    }

    /// Whether the answer is right by one reference.
    pub(super) fn right_or_wrong(is_right: fn(&str, &str) -> bool) -> Self {
        Self::Pairs(Box::new(move |pairs, _| {
            Ok(pairs.iter().map(|pair| Outcome::right(is_right(pair.text, pair.reference))).collect())
        }))
    }

    /// A function of one item.
    pub(super) fn of_item(score: impl Fn(&Item<'_>) -> Outcome + 'static) -> Self {
        Self::Items(Box::new(move |items, _| Ok(items.iter().map(&score).collect())))
    }
}
