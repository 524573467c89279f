//! `exact_match`: equality after the SQuAD normalisation. This file does not know how references are combined.

use super::squad::normalize;
use crate::scorer::declaration::{Built, Declaration, KeyFault, right_or_wrong};
use crate::scorer::measure::Measure;
use crate::types::ScoreEntry;

/// Whether the answer equals the reference after the normalisation of SQuAD 1.1: lower case, without ASCII
/// punctuation, without "a", "an" and "the", white space joined.
///
/// Two texts without any word left are equal. Source: Rajpurkar et al. 2016, the official evaluation script.
#[must_use]
pub fn exact_match(answer: &str, reference: &str) -> bool {
    normalize(answer) == normalize(reference)
}

/// The scorer `exact_match`.
pub(in crate::scorer) const EXACT_MATCH: Declaration = Declaration::new("exact_match", build);

fn build(entry: &ScoreEntry) -> Result<Built, KeyFault> {
    let metrics = vec![right_or_wrong(
        entry,
        "share of answers equal to a reference, whatever their case, punctuation and articles",
    )];
    Ok(Built::plain(metrics, Measure::right_or_wrong(exact_match)))
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
