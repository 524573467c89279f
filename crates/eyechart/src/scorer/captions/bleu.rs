//! BLEU-1 to BLEU-4 of captions with several references, as pycocoevalcap computes them ("closest" reference length).
//!
//! Source of the formula: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002, with
//! the small constants of pycocoevalcap.

use super::vocabulary::{Caption, LONGEST, shared};

/// Added to each number of matches, as pycocoevalcap does, so that no score is exactly 0.
const TINY: f64 = 1e-15;
/// Added to each denominator, as pycocoevalcap does, so that it is not 0.
const SMALL: f64 = 1e-9;

/// The counts of a caption for BLEU. The counts of a run are the sums over its captions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BleuCounts {
    /// For n = 1 to 4: number of n-grams of the caption that are in a reference. Each n-gram counts at most as often as
    /// in the reference in which it is most frequent.
    pub matches: [u64; 4],
    /// For n = 1 to 4: number of n-grams of the caption.
    pub guesses: [u64; 4],
    /// Number of words of the caption.
    pub length: u64,
    /// Number of words of the reference with the closest length; the shorter one of two equally close references.
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

/// Counts the matches of `answer` with its `references`; `None` without a reference.
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

/// Returns BLEU-1 to BLEU-4 of single or summed counts, each in [0, 1].
///
/// A caption without words has the value 0, up to the small constants. The result for a sum over no captions has no
/// meaning.
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
