//! CIDEr of captions with several references, as pycocoevalcap's `Cider` computes it.
//!
//! Source of the formula: Vedantam et al., "CIDEr: consensus-based image description evaluation", 2015. The counts are
//! clipped and differences of length are penalised, which the paper calls CIDEr-D. The weight of an n-gram increases
//! with the number of samples whose references lack it, so a score depends on the references of the whole run.

use super::vocabulary::{Caption, GramCount, LONGEST, shared};

/// Standard deviation of the penalty for a difference of length.
const SIGMA: f64 = 6.0;

/// The weights of the n-grams of a run.
pub(super) struct Weights {
    /// For n = 1 to 4, by the number of the n-gram: the logarithm of samples / samples with the n-gram in a reference.
    by_gram: [Vec<f64>; LONGEST],
}

/// A caption with the norm of its vector of weighted counts, for n = 1 to 4.
pub(super) struct WeightedCaption<'a> {
    caption: &'a Caption,
    norms: [f64; LONGEST],
    /// pycocoevalcap measures length in bigrams.
    bigrams: f64,
}

impl Weights {
    /// Computes the weights from the references of each scored sample. `distinct` is the number of distinct n-grams for
    /// n = 1 to 4.
    pub(super) fn new<'a>(
        samples: impl Iterator<Item = Vec<&'a Caption>>,
        distinct: [usize; LONGEST],
    ) -> Weights {
        let mut having = distinct.map(|count| vec![0_u32; count]);
        // The sample that last increased the count of an n-gram, plus one, so that each sample counts once.
        let mut last = distinct.map(|count| vec![0_usize; count]);
        let mut number = 0_usize;
        for references in samples {
            number += 1;
            for (n, gram) in references.iter().flat_map(|reference| numbered(reference)) {
                if std::mem::replace(&mut last[n][gram], number) != number {
                    having[n][gram] += 1;
                }
            }
        }
        let all = (number as f64).ln();
        let by_gram =
            having.map(|counts| counts.iter().map(|&count| all - f64::from(count.max(1)).ln()).collect());
        Weights { by_gram }
    }

    fn of(&self, n: usize, count: GramCount) -> f64 {
        f64::from(count.count) * self.by_gram[n][count.gram as usize]
    }

    /// Computes the norms of a caption.
    pub(super) fn weigh<'a>(&self, caption: &'a Caption) -> WeightedCaption<'a> {
        let norms = std::array::from_fn(|n| {
            caption.grams[n].iter().map(|&count| self.of(n, count).powi(2)).sum::<f64>().sqrt()
        });
        WeightedCaption { caption, norms, bigrams: caption.length.saturating_sub(1) as f64 }
    }

    /// Returns CIDEr in [0, 10]; `None` without a reference.
    pub(super) fn cider(&self, answer: &WeightedCaption, references: &[WeightedCaption]) -> Option<f64> {
        if references.is_empty() {
            return None;
        }
        let sum: f64 = references.iter().map(|reference| self.similarity(answer, reference)).sum();
        Some(10.0 * sum / (LONGEST as f64) / references.len() as f64)
    }

    /// Returns the sum over n = 1 to 4 of the clipped cosines, times the penalty for a difference of length.
    fn similarity(&self, answer: &WeightedCaption, reference: &WeightedCaption) -> f64 {
        let difference = answer.bigrams - reference.bigrams;
        let penalty = (-difference.powi(2) / (2.0 * SIGMA * SIGMA)).exp();
        let cosines = (0..LONGEST).map(|n| {
            let product: f64 = shared(&answer.caption.grams[n], &reference.caption.grams[n])
                .map(|(one, other)| self.of(n, one).min(self.of(n, other)) * self.of(n, other))
                .sum();
            let norm = answer.norms[n] * reference.norms[n];
            if norm == 0.0 { product } else { product / norm }
        });
        penalty * cosines.sum::<f64>()
    }
}

/// Returns all distinct n-grams of a caption as (n - 1, number of the n-gram).
fn numbered(caption: &Caption) -> impl Iterator<Item = (usize, usize)> + '_ {
    caption
        .grams
        .iter()
        .enumerate()
        .flat_map(|(n, grams)| grams.iter().map(move |count| (n, count.gram as usize)))
}
