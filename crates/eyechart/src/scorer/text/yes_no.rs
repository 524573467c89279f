//! `yes_no`: compares answers to yes-or-no questions with their labels, and computes the figures of POPE.

use std::ops::AddAssign;

use super::ratio;
pub use crate::scorer::choice::YesNo;
use crate::scorer::choice::{YesNoReading, is_true_or_false, read_true_or_false, read_yes_no};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, right_or_wrong};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::types::{Counts, Formula, Metric, ScoreEntry, Unparsed, readable_metric};

/// The counts of answers to yes-or-no questions. Each figure is `None` if its denominator is 0.
///
/// An answer that is neither yes nor no counts as an answer other than yes, and as wrong. Source: Li et al. 2023
/// (POPE).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct YesNoCounts {
    /// Number of answers.
    pub answers: u64,
    /// Number of answers that equal the label.
    pub right: u64,
    /// Number of answers "yes" to questions with the label "yes".
    pub true_positives: u64,
    /// Number of answers "yes" to questions with the label "no".
    pub false_positives: u64,
    /// Number of answers other than "yes" to questions with the label "yes".
    pub false_negatives: u64,
}

impl YesNoCounts {
    /// Returns the counts of one answer. `None` is an answer that is neither yes nor no.
    #[must_use]
    pub fn of(answer: Option<YesNo>, label: YesNo) -> Self {
        let is_yes = answer == Some(YesNo::Yes);
        let is_positive = label == YesNo::Yes;
        Self {
            answers: 1,
            right: u64::from(answer == Some(label)),
            true_positives: u64::from(is_yes && is_positive),
            false_positives: u64::from(is_yes && !is_positive),
            false_negatives: u64::from(!is_yes && is_positive),
        }
    }

    /// Returns the share of right answers among the answers "yes", in [0, 1].
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Returns the share of the questions with the label "yes" that are answered "yes", in [0, 1].
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Returns the harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), in [0, 1].
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let positives = 2 * self.true_positives;
        ratio(positives, positives + self.false_positives + self.false_negatives)
    }

    /// Returns the share of right answers, in [0, 1].
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.right, self.answers)
    }

    /// Returns the share of answers that are "yes", in [0, 1]. It does not depend on the labels.
    #[must_use]
    pub fn yes_share(&self) -> Option<f64> {
        ratio(self.true_positives + self.false_positives, self.answers)
    }
}

impl AddAssign for YesNoCounts {
    fn add_assign(&mut self, other: Self) {
        self.answers += other.answers;
        self.right += other.right;
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
    }
}

/// The scorer `yes_no`.
pub(in crate::scorer) const YES_NO: Declaration =
    Declaration { reads_all_references: true, ..Declaration::new("yes_no", build) };

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    fn of_counts(id: &str, meaning: &str, formula: fn(&Counts) -> Option<f64>) -> Metric {
        Metric::new(id, Formula::OfCounts(formula), meaning)
    }
    let metrics = vec![
        right_or_wrong(entry, "share of answers that are the label"),
        of_counts("precision", "share of right answers among the answers yes", |counts| {
            read(counts).precision()
        }),
        of_counts("recall", "share of answers yes among the labels yes", |counts| read(counts).recall()),
        of_counts("f1", "harmonic mean of precision and recall", |counts| read(counts).f1()).titled("F1"),
        of_counts("yes_share", "share of answers yes", |counts| read(counts).yes_share())
            .without_better_side(),
        readable_metric("share of answers that are yes or no"),
    ];
    let unparsed = entry.unparsed;
    Ok(ConfiguredScorer::plain(metrics, Measure::of_item(move |item| outcome(item, unparsed))))
}

fn outcome(item: &Item<'_>, unparsed: Unparsed) -> Outcome {
    match LabelledAnswer::read(item) {
        Err(reason) => Outcome::unscored(reason),
        Ok(labelled) => {
            let counts = to_counts(YesNoCounts::of(labelled.answer.verdict, labelled.label));
            let mut outcome = labelled.outcome(unparsed);
            if outcome.has_value() {
                outcome.counts.extend(counts);
            }
            outcome
        }
    }
}

/// An answer and its label.
pub(super) struct LabelledAnswer {
    answer: YesNoReading,
    label: YesNo,
}

impl LabelledAnswer {
    /// Reads an answer and its label.
    ///
    /// # Errors
    /// A message that says why the sample has no label.
    pub(super) fn read(item: &Item<'_>) -> Result<Self, &'static str> {
        // Answers may repeat the words of the label.
        let is_truth = item.references.iter().any(|reference| is_true_or_false(reference));
        let read = if is_truth { read_true_or_false } else { read_yes_no };
        let mut labels = item.references.iter().map(|reference| read(reference).verdict);
        let Some(label) = labels.next().flatten() else { return Err("the label is neither yes nor no") };
        match labels.all(|other| other == Some(label)) {
            true => Ok(Self { answer: read(item.text), label }),
            false => Err("the target has several references that are not the same label"),
        }
    }

    /// Returns whether the answer is the label.
    pub(super) fn is_right(&self) -> bool {
        self.answer.verdict == Some(self.label)
    }

    /// Returns the score: 1 if the answer is the label, else 0, with the answer that was read.
    pub(super) fn outcome(self, unparsed: Unparsed) -> Outcome {
        let outcome = match (self.answer.verdict, unparsed) {
            (None, Unparsed::Unscored) => Outcome::unscored("no answer could be read"),
            _ => Outcome::right(self.is_right()),
        };
        let name = match self.answer.verdict {
            Some(YesNo::Yes) => "yes",
            Some(YesNo::No) => "no",
            None => "none",
        };
        Outcome {
            answer: Some(name.to_owned()),
            explanation: Some(self.answer.explanation.to_owned()),
            span: self.answer.span,
            ..outcome.readable(self.answer.verdict.is_some())
        }
    }
}

/// Returns the counts by name, as a score records them.
fn to_counts(counts: YesNoCounts) -> impl Iterator<Item = (String, f64)> {
    let named = [
        ("answers", counts.answers),
        ("right", counts.right),
        ("true_positives", counts.true_positives),
        ("false_positives", counts.false_positives),
        ("false_negatives", counts.false_negatives),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count as f64))
}

/// Converts the sums of the counts by name, which are whole numbers, into counts.
fn read(counts: &Counts) -> YesNoCounts {
    let count = |name: &str| counts.get(name).map_or(0, |count| *count as u64);
    YesNoCounts {
        answers: count("answers"),
        right: count("right"),
        true_positives: count("true_positives"),
        false_positives: count("false_positives"),
        false_negatives: count("false_negatives"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Option<YesNo> = Some(YesNo::Yes);
    const NO: Option<YesNo> = Some(YesNo::No);

    fn sum(pairs: &[(Option<YesNo>, YesNo)]) -> YesNoCounts {
        let mut counts = YesNoCounts::default();
        for (answer, label) in pairs {
            counts += YesNoCounts::of(*answer, *label);
        }
        counts
    }

    #[test]
    fn the_figures_come_from_the_summed_counts() {
        let counts =
            sum(&[(YES, YesNo::Yes), (YES, YesNo::No), (NO, YesNo::Yes), (NO, YesNo::No), (YES, YesNo::Yes)]);
        assert_eq!(counts.precision(), Some(2.0 / 3.0));
        assert_eq!(counts.recall(), Some(2.0 / 3.0));
        assert_eq!(counts.f1(), Some(4.0 / 6.0));
        assert_eq!(counts.accuracy(), Some(3.0 / 5.0));
        assert_eq!(counts.yes_share(), Some(3.0 / 5.0));
    }

    #[test]
    fn an_unreadable_answer_is_wrong_and_not_yes() {
        let counts = sum(&[(None, YesNo::Yes), (None, YesNo::No)]);
        assert_eq!(
            (counts.accuracy(), counts.yes_share(), counts.recall()),
            (Some(0.0), Some(0.0), Some(0.0))
        );
        assert_eq!(counts.precision(), None);
    }

    #[test]
    fn a_ratio_over_nothing_is_absent() {
        let nothing = YesNoCounts::default();
        assert_eq!((nothing.accuracy(), nothing.yes_share(), nothing.f1()), (None, None, None));
        let only_no = sum(&[(NO, YesNo::No)]);
        assert_eq!((only_no.precision(), only_no.recall(), only_no.f1()), (None, None, None));
        assert_eq!(only_no.accuracy(), Some(1.0));
    }
}
