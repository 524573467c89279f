//! ROUGE-L of a caption with several references, as pycocoevalcap computes it.
//!
//! Source of the formula: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, with beta = 1.2.
//! Precision and recall are each the highest value over the references.

use std::collections::HashMap;

use super::vocabulary::Caption;

const BETA_SQUARED: f64 = 1.2 * 1.2;

/// Returns ROUGE-L in [0, 1]; `None` without a reference.
pub(super) fn rouge_l(answer: &Caption, references: &[&Caption]) -> Option<f64> {
    let matcher = CommonSubsequence::new(&answer.spaced);
    let (mut precision, mut recall) = (0.0_f64, 0.0_f64);
    for reference in references {
        let common = matcher.length(&reference.spaced) as f64;
        precision = precision.max(common / answer.spaced.len() as f64);
        recall = recall.max(common / reference.spaced.len() as f64);
    }
    let is_defined = !references.is_empty();
    let score = if precision == 0.0 || recall == 0.0 {
        0.0
    } else {
        (1.0 + BETA_SQUARED) * precision * recall / (recall + BETA_SQUARED * precision)
    };
    is_defined.then_some(score)
}

/// Computes the length of the longest common subsequence with a given sequence, 64 positions at a time.
///
/// Source of the method: Hyyrö, "Bit-parallel LCS-length computation revisited", 2004.
struct CommonSubsequence {
    /// The number of each distinct token of the sequence.
    numbers: HashMap<u32, usize>,
    sequence: Vec<usize>,
}

impl CommonSubsequence {
    fn new(tokens: &[u32]) -> CommonSubsequence {
        let mut numbers = HashMap::new();
        let sequence = tokens
            .iter()
            .map(|&token| {
                let next = numbers.len();
                *numbers.entry(token).or_insert(next)
            })
            .collect();
        CommonSubsequence { numbers, sequence }
    }

    fn length(&self, other: &[u32]) -> u64 {
        let other: Vec<usize> = other.iter().filter_map(|token| self.numbers.get(token).copied()).collect();
        // For each token of `other`: whether the addition in the previous block had a carry.
        let mut carries = vec![false; other.len()];
        let mut places = vec![0_u64; self.numbers.len()];
        let mut length = 0;
        for block in self.sequence.chunks(64) {
            for (place, &token) in block.iter().enumerate() {
                places[token] |= 1 << place;
            }
            length += u64::from(block_length(&places, &other, &mut carries));
            for &token in block {
                places[token] = 0;
            }
        }
        length
    }
}

/// Returns the number of tokens that a block of 64 positions adds to the common subsequence.
fn block_length(places: &[u64], other: &[usize], carries: &mut [bool]) -> u32 {
    // A bit is 0 where the length grows by one.
    let mut row = u64::MAX;
    for (&token, carry) in other.iter().zip(carries) {
        let matches = places[token];
        let (sum, first) = row.overflowing_add(row & matches);
        let (sum, second) = sum.overflowing_add(u64::from(*carry));
        *carry = first || second;
        row = sum | (row & !matches);
    }
    row.count_zeros()
}
