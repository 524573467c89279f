//! `anls`: similarity by edit distance, as in DocVQA. It compares an answer with one reference.

use super::edit_distance::edit_distance_within;
use super::python_str::join_white_space;
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault};
use crate::scorer::measure::Measure;
use crate::types::{Formula, Metric, ScoreEntry};

/// Returns the normalised Levenshtein similarity of an answer and a reference: 0, or a value in [0.5, 1].
///
/// Both texts are lower-cased and their white space is joined. The value is 1 - edits / length of the longer text, in
/// Unicode characters. A value below 0.5 becomes 0. Two empty texts have the value 1. Source: Biten
/// et al. 2019, as the official DocVQA script computes it.
#[must_use]
pub fn anls(answer: &str, reference: &str) -> f64 {
    let (answer, reference) = (characters(answer), characters(reference));
    let longer = answer.len().max(reference.len());
    if longer == 0 {
        return 1.0;
    }
    // More edits than half the length give a similarity below 0.5.
    match edit_distance_within(&answer, &reference, longer / 2) {
        Some(edits) => 1.0 - edits as f64 / longer as f64,
        None => 0.0,
    }
}

fn characters(text: &str) -> Vec<char> {
    join_white_space(&text.to_lowercase()).chars().collect()
}

/// The scorer `anls`.
pub(in crate::scorer) const ANLS: Declaration = Declaration::new("anls", build);

fn build(_: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let mean = Metric::new(
        "mean",
        Formula::Mean,
        "mean similarity by edit distance, below 0.5 counted as 0, as DocVQA has it",
    )
    .titled("ANLS");
    Ok(ConfiguredScorer::plain(vec![mean], Measure::of_pair(anls)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_white_space_do_not_count() {
        assert_eq!(anls("  Invoice\n No ", "invoice no"), 1.0);
    }

    #[test]
    fn one_half_counts_and_less_is_zero() {
        assert_eq!(anls("wxab", "wxcd"), 0.5);
        assert_eq!(anls("wabc", "wdef"), 0.0);
        assert_eq!(anls("abc", "abxyz"), 0.0);
    }

    #[test]
    fn lengths_are_in_characters_not_bytes() {
        assert_eq!(anls("çé", "çà"), 0.5);
    }

    #[test]
    fn an_empty_answer_matches_an_empty_reference_only() {
        assert_eq!(anls(" ", ""), 1.0);
        assert_eq!(anls("", "total"), 0.0);
    }

    #[test]
    fn a_very_long_answer_to_a_short_reference_is_zero() {
        assert_eq!(anls(&"the total is 5 ".repeat(60_000), "5"), 0.0);
    }
}
