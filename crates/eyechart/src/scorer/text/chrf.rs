//! `chrf`: overlap of character n-grams, as sacrebleu's `CHRF()` computes it with its defaults.
//!
//! It computes the score of single answers only, not the corpus score, which adds up the counts of all samples.

use std::collections::HashMap;

use super::python_str::split;
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault};
use crate::scorer::measure::Measure;
use crate::types::{Formula, Metric, ScoreEntry};

/// Length of the longest n-gram in characters (Popović 2015).
const ORDERS: usize = 6;

/// Weight of the recall: the square of beta = 2.
const RECALL_WEIGHT: f64 = 4.0;

/// The counts of n-grams of one length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct NgramCounts {
    /// Number of n-grams of the answer; 0 if the reference has no n-gram of this length.
    answer: u64,
    /// Number of n-grams of the reference.
    reference: u64,
    /// Number of n-grams of the answer that are in the reference, each at most as often as in the reference.
    common: u64,
}

/// Returns the chrF2 of an answer against one reference, in [0, 1]. Case matters, white space does not.
///
/// Precision and recall are means over the lengths of which both texts have n-grams ("effective order"). The value is 0
/// if there is no such length, as for an empty text. Source: Popović 2015; sacrebleu's `CHRF()`.
#[must_use]
pub fn chrf(answer: &str, reference: &str) -> f64 {
    let (answer, reference) = (characters(answer), characters(reference));
    let orders = (1..=ORDERS).map(|order| counts_of_order(&answer, &reference, order));
    let (mut precision, mut recall, mut effective) = (0.0, 0.0, 0.0);
    for order in orders.filter(|order| order.answer > 0 && order.reference > 0) {
        precision += order.common as f64 / order.answer as f64;
        recall += order.common as f64 / order.reference as f64;
        effective += 1.0;
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    (precision, recall) = (precision / effective, recall / effective);
    (1.0 + RECALL_WEIGHT) * precision * recall / (RECALL_WEIGHT * precision + recall)
}

fn characters(text: &str) -> Vec<char> {
    split(text).flat_map(str::chars).collect()
}

/// Counts the n-grams of one length. Only the n-grams of the reference are stored, because an answer may be far longer.
fn counts_of_order(answer: &[char], reference: &[char], order: usize) -> NgramCounts {
    let mut unmatched: HashMap<&[char], u64> = HashMap::new();
    let mut counts = NgramCounts::default();
    for ngram in reference.windows(order) {
        *unmatched.entry(ngram).or_default() += 1;
        counts.reference += 1;
    }
    if counts.reference == 0 {
        return counts;
    }
    for ngram in answer.windows(order) {
        counts.answer += 1;
        if let Some(count) = unmatched.get_mut(ngram).filter(|count| **count > 0) {
            *count -= 1;
            counts.common += 1;
        }
    }
    counts
}

/// The scorer `chrf`.
pub(in crate::scorer) const CHRF: Declaration = Declaration::new("chrf", build);

fn build(_: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let mean = Metric::new(
        "mean",
        Formula::Mean,
        "mean F score of character n-grams (chrF2 of each answer, not of the corpus)",
    )
    .titled("chrF");
    Ok(ConfiguredScorer::plain(vec![mean], Measure::of_pair(chrf)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_and_texts_without_a_common_character_zero() {
        assert_eq!(chrf("green door", "green  door"), 1.0);
        assert_eq!(chrf("abc", "xyz"), 0.0);
        assert_eq!(chrf("", "xyz"), 0.0);
        assert_eq!(chrf("xyz", ""), 0.0);
    }

    #[test]
    fn case_counts() {
        assert!(chrf("Green", "green") < 1.0);
    }

    #[test]
    fn orders_that_one_side_lacks_are_left_out() {
        // Order 1 only: precision 1/1, recall 1/3.
        let expected = 5.0 * (1.0 / 3.0) / (4.0 + 1.0 / 3.0);
        assert!((chrf("x", "xyz") - expected).abs() < 1e-12);
    }

    #[test]
    fn a_repeated_character_counts_as_often_as_both_have_it() {
        let counts = counts_of_order(&characters("aaaa"), &characters("aab"), 1);
        assert_eq!(counts, NgramCounts { answer: 4, reference: 3, common: 2 });
    }
}
