//! CIDEr of captions with several references, as pycocoevalcap's `Cider` computes it.
//!
//! Source of the formula: Vedantam et al., "CIDEr: consensus-based image description evaluation", 2015. The counts are
//! clipped and differences of length are penalised: this is what the paper calls CIDEr-D. An n-gram weighs more, the
//! fewer samples have it in their references, so a score depends on the references of the whole run.

use super::vocabulary::{Caption, GramCount, LONGEST, shared};

/// Standard deviation of the penalty for a difference of length.
const SIGMA: f64 = 6.0;

/// Weights of the n-grams of a run.
pub(super) struct Weights {
    /// For n = 1 to 4, by the n-gram's number: the logarithm of samples / samples that have it in a reference.
    by_gram: [Vec<f64>; LONGEST],
}

/// A caption as a vector of weighted counts.
pub(super) struct Weighted<'a> {
    caption: &'a Caption,
    norms: [f64; LONGEST],
    /// pycocoevalcap measures length in bigrams.
    bigrams: f64,
}

impl Weights {
    /// The weights from the references of each scored sample. `distinct` has the number of n-grams for n = 1 to 4.
    pub(super) fn new<'a>(
        samples: impl Iterator<Item = Vec<&'a Caption>>,
        distinct: [usize; LONGEST],
    ) -> Weights {
        let mut having = distinct.map(|count| vec![0_u32; count]);
        // The sample that last raised an n-gram's count, plus one: each sample counts once.
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

    /// `caption` with the norms of its vector.
    pub(super) fn weigh<'a>(&self, caption: &'a Caption) -> Weighted<'a> {
        let norms = std::array::from_fn(|n| {
            caption.grams[n].iter().map(|&count| self.of(n, count).powi(2)).sum::<f64>().sqrt()
        });
        Weighted { caption, norms, bigrams: caption.length.saturating_sub(1) as f64 }
    }

    /// CIDEr in [0, 10]; nothing without a reference.
    pub(super) fn cider(&self, answer: &Weighted, references: &[Weighted]) -> Option<f64> {
        if references.is_empty() {
            return None;
        }
        let sum: f64 = references.iter().map(|reference| self.similarity(answer, reference)).sum();
        Some(10.0 * sum / (LONGEST as f64) / references.len() as f64)
    }

    /// The sum over n = 1 to 4 of the clipped cosine, with the penalty for a difference of length.
    fn similarity(&self, answer: &Weighted, reference: &Weighted) -> f64 {
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

/// All distinct n-grams of a caption as (n, number).
fn numbered(caption: &Caption) -> impl Iterator<Item = (usize, usize)> + '_ {
    caption
        .grams
        .iter()
        .enumerate()
        .flat_map(|(n, grams)| grams.iter().map(move |count| (n, count.gram as usize)))
}
