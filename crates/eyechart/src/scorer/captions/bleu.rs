//! BLEU-1 to BLEU-4 of captions with several references, as pycocoevalcap computes them ("closest" reference length).
//!
//! Source of the formula: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002, with
//! pycocoevalcap's small constants. This file knows n-grams only by number.

use super::vocabulary::{Caption, LONGEST, shared};

/// Added to each number of matches, so that a score without matches is not exactly 0.
const TINY: f64 = 1e-15;
/// Added to each number of guesses, so that nothing is divided by 0.
const SMALL: f64 = 1e-9;

/// What one caption adds to the BLEU of a run. The counts of a run are the sums of those of its captions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BleuCounts {
    /// For n = 1 to 4 the n-grams that the caption shares with a reference, each as often as in the reference that has
    /// it most often.
    pub matches: [u64; 4],
    /// For n = 1 to 4 the n-grams of the caption.
    pub guesses: [u64; 4],
    /// Words of the caption.
    pub length: u64,
    /// Words of the reference whose length is closest; of two equally close ones the shorter.
    pub reference_length: u64,
}

impl BleuCounts {
    /// Adds the counts of another caption.
    pub fn add(&mut self, other: &BleuCounts) {
        for n in 0..LONGEST {
            self.matches[n] += other.matches[n];
            self.guesses[n] += other.guesses[n];
        }
        self.length += other.length;
        self.reference_length += other.reference_length;
    }
}

/// Counts the matches of `answer` with its `references`; nothing without a reference.
pub(super) fn count(answer: &Caption, references: &[&Caption]) -> Option<BleuCounts> {
    let length = answer.length;
    let reference_length =
        references.iter().map(|reference| (reference.length.abs_diff(length), reference.length)).min()?.1;
    let mut counts = BleuCounts {
        length: length as u64,
        reference_length: reference_length as u64,
        ..BleuCounts::default()
    };
    for n in 0..LONGEST {
        let grams = &answer.grams[n];
        counts.guesses[n] = length.saturating_sub(n) as u64;
        let mut most = vec![0; grams.len()];
        for reference in references {
            for (one, other) in shared(grams, &reference.grams[n]) {
                if let Ok(place) = grams.binary_search_by_key(&one.gram, |count| count.gram) {
                    most[place] = other.count.max(most[place]);
                }
            }
        }
        counts.matches[n] = grams.iter().zip(&most).map(|(one, &most)| u64::from(one.count.min(most))).sum();
    }
    Some(counts)
}

/// BLEU-1 to BLEU-4 of single or summed counts, each in [0, 1].
///
/// A caption without words has 0, up to the small constants. The sum over no caption has no meaning: the caller does
/// not ask for it.
pub fn bleu(counts: &BleuCounts) -> [f64; 4] {
    let ratio = (counts.length as f64 + TINY) / (counts.reference_length as f64 + SMALL);
    let brevity = if ratio < 1.0 { (1.0 - 1.0 / ratio).exp() } else { 1.0 };
    let mut product = 1.0;
    let mut order = 0.0;
    std::array::from_fn(|n| {
        product *= (counts.matches[n] as f64 + TINY) / (counts.guesses[n] as f64 + SMALL);
        order += 1.0;
        product.powf(1.0 / order) * brevity
    })
}
