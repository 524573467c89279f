//! `exact_match`: equality after the SQuAD normalisation. It compares an answer with one reference.

use super::squad::normalize;
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, right_or_wrong};
use crate::scorer::measure::Measure;
use crate::types::ScoreEntry;

/// Returns whether the answer equals the reference after the normalisation of SQuAD 1.1: lower case, without ASCII
/// punctuation, without "a", "an" and "the", white space joined.
///
/// Two texts of which no word is left are equal. Source: Rajpurkar et al. 2016, the official evaluation script.
#[must_use]
pub fn exact_match(answer: &str, reference: &str) -> bool {
    normalize(answer) == normalize(reference)
}

/// The scorer `exact_match`.
pub(in crate::scorer) const EXACT_MATCH: Declaration = Declaration::new("exact_match", build);

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let metrics = vec![right_or_wrong(
        entry,
        "share of answers equal to a reference, without regard to case, punctuation and articles",
    )];
    Ok(ConfiguredScorer::plain(metrics, Measure::right_or_wrong(exact_match)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_matches_in_any_case_and_punctuation() {
        assert!(exact_match("A green DOOR.", "green door"));
        assert!(exact_match("**2019**", "2019"));
        assert!(!exact_match("2018", "2019"));
    }

    #[test]
    fn an_article_alone_equals_an_empty_text() {
        assert!(exact_match("An", ""));
        assert!(!exact_match("", "door"));
    }
}
