//! `token_f1`: overlap of the words of two texts. It compares an answer with one reference.

use std::collections::HashMap;

use super::squad::normalize;
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault};
use crate::scorer::measure::Measure;
use crate::types::{Formula, Metric, ScoreEntry};

/// Returns the F1 score of the words of the answer against the words of the reference, in [0, 1].
///
/// Both texts are normalised as for [`exact_match`](super::exact_match()); a repeated word counts as often as both
/// texts have it. If one text has no words the value is 0; if both have none it is 1. Source: SQuAD 2.0's official
/// evaluation script.
#[must_use]
pub fn token_f1(answer: &str, reference: &str) -> f64 {
    let (answer, reference) = (normalize(answer), normalize(reference));
    if answer.is_empty() || reference.is_empty() {
        return f64::from(answer == reference);
    }
    let mut unmatched: HashMap<&str, usize> = HashMap::new();
    let mut words = 0_usize;
    for word in reference.split(' ') {
        *unmatched.entry(word).or_default() += 1;
        words += 1;
    }
    let mut common = 0_usize;
    for word in answer.split(' ') {
        words += 1;
        if let Some(count) = unmatched.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    (2 * common) as f64 / words as f64
}

/// The scorer `token_f1`.
pub(in crate::scorer) const TOKEN_F1: Declaration = Declaration::new("token_f1", build);

fn build(_: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let mean = Metric::new(
        "mean",
        Formula::Mean,
        "mean F1 of the words that answer and reference share, as SQuAD has it",
    )
    .titled("F1");
    Ok(ConfiguredScorer::plain(vec![mean], Measure::of_pair(token_f1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_two_times_the_common_words_by_all_words() {
        assert_eq!(token_f1("small red boat", "the red boat"), 4.0 / 5.0);
        assert_eq!(token_f1("car", "boat"), 0.0);
    }

    #[test]
    fn a_repeated_word_counts_as_often_as_both_have_it() {
        assert_eq!(token_f1("very very good", "very good"), 4.0 / 5.0);
        assert_eq!(token_f1("very", "very very very"), 2.0 / 4.0);
    }

    #[test]
    fn two_texts_without_words_agree_and_one_without_words_does_not() {
        assert_eq!(token_f1("the", "!"), 1.0);
        assert_eq!(token_f1("", "boat"), 0.0);
        assert_eq!(token_f1("boat", "a"), 0.0);
    }
}
