//! Figures of samples that were asked several times.

use std::collections::HashMap;
use std::hash::Hash;

/// The chance that at least one of `k` answers is right, from `right` of `n` answers (Chen 2021, equation 1: unbiased).
/// `None` for more than `n` answers or none.
#[must_use]
pub fn pass_at_k(n: usize, right: usize, k: usize) -> Option<f64> {
    if k == 0 || k > n || right > n {
        return None;
    }
    if n - right < k {
        return Some(1.0);
    }
    let all_wrong: f64 = (n - right + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product();
    Some(1.0 - all_wrong)
}

/// The share of pairs of answers that are equal; `None` for fewer than two answers.
#[must_use]
pub fn consistency<T: Eq + Hash>(answers: &[T]) -> Option<f64> {
    let mut counts: HashMap<&T, usize> = HashMap::new();
    answers.iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    let equal: usize = counts.values().map(|count| count * (count - 1)).sum();
    let pairs = answers.len() * answers.len().saturating_sub(1);
    (pairs > 0).then(|| equal as f64 / pairs as f64)
}

/// How the variance of scores divides into that between samples and that between the epochs of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceSplit {
    /// The variance between epochs of a sample; absent if no sample has two.
    pub within: Option<f64>,
    /// The variance between samples, at least 0; absent for one sample, or if no sample has two epochs.
    pub between: Option<f64>,
}

impl VarianceSplit {
    /// The share of the variance within samples; absent without variance.
    #[must_use]
    pub fn within_share(self) -> Option<f64> {
        let (within, between) = (self.within?, self.between?);
        (within + between > 0.0).then(|| within / (within + between))
    }
}

/// The one-way analysis of variance with random effects, for any numbers of epochs. `samples` has the scores of the epochs
/// of each sample; samples without scores do not count.
#[must_use]
pub fn variance_split(samples: &[Vec<f64>]) -> VarianceSplit {
    let samples: Vec<&Vec<f64>> = samples.iter().filter(|scores| !scores.is_empty()).collect();
    let (n, count) = (samples.iter().map(|scores| scores.len()).sum::<usize>(), samples.len());
    if n == count {
        return VarianceSplit { within: None, between: None };
    }
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let all = samples.iter().flat_map(|scores| scores.iter()).sum::<f64>() / n as f64;
    let (mut inside, mut outside, mut squares) = (0.0, 0.0, 0.0);
    for scores in &samples {
        let (own, size) = (mean(scores), scores.len() as f64);
        inside += scores.iter().map(|score| (score - own).powi(2)).sum::<f64>();
        outside += size * (own - all).powi(2);
        squares += size * size;
    }
    let within = inside / (n - count) as f64;
    let between = (count > 1).then(|| {
        let groups = (count - 1) as f64;
        let usual_size = (n as f64 - squares / n as f64) / groups;
        ((outside / groups - within) / usual_size).max(0.0)
    });
    VarianceSplit { within: Some(within), between }
}
