//! Means and shares of scores that come in clusters: scores of one cluster are not independent.

use super::interval::{Interval, Level, Spread, has_variance, wilson};

/// Clusters of which fewer than this hold a 1 (or a 0) are too few for the variance among them to be trusted.
pub(super) const FEW_CLUSTERS: usize = 10;
/// A standard error of at most this share of the largest score is a rounding error.
const ROUNDING: f64 = 1e-12;

/// A mean with its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterMean {
    /// The mean of all scores.
    pub mean: f64,
    /// The number of clusters.
    pub clusters: usize,
    /// How much the mean varies, by CR2; absent for one cluster.
    pub spread: Option<Spread>,
}

/// Standard errors of a mean by other formulas, for comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardErrors {
    /// As if all scores were independent; absent for one score.
    pub naive: Option<f64>,
    /// Miller 2024, equation 4; absent for one cluster.
    pub miller: Option<f64>,
    /// CR1; absent for one cluster.
    pub cr1: Option<f64>,
}

/// A share of 0/1 scores with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterShare {
    /// The share of ones.
    pub value: f64,
    /// The number of clusters.
    pub clusters: usize,
    /// The number of independent observations that the scores are worth; absent for one cluster of several scores.
    pub effective_n: Option<f64>,
    /// The interval; absent for one cluster of several scores.
    pub interval: Option<Interval>,
}

/// Sizes of the clusters and the sums of deviations from the mean in each.
struct Sums {
    mean: f64,
    sizes: Vec<usize>,
    deviations: Vec<f64>,
}

impl Sums {
    /// `clusters` has the number of each score's cluster, from 0 on without gaps. `None` without scores.
    fn of(scores: &[f64], clusters: &[usize]) -> Option<Self> {
        let count = clusters.iter().max()? + 1;
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let (mut sizes, mut deviations) = (vec![0; count], vec![0.0; count]);
        for (score, cluster) in scores.iter().zip(clusters) {
            sizes[*cluster] += 1;
            deviations[*cluster] += score - mean;
        }
        Some(Self { mean, sizes, deviations })
    }

    fn n(&self) -> f64 {
        self.sizes.iter().sum::<usize>() as f64
    }
}

/// The mean of `scores` with its variance by CR2 (Bell and McCaffrey 2002), 0 if only rounding errors differ. `clusters` has the number of each score's
/// cluster, from 0 on without gaps. `None` without scores.
#[must_use]
pub fn cluster_mean(scores: &[f64], clusters: &[usize]) -> Option<ClusterMean> {
    let sums = Sums::of(scores, clusters)?;
    let n = sums.n();
    let spread = (sums.sizes.len() > 1).then(|| {
        let squares = sums.deviations.iter().zip(&sums.sizes);
        let sum: f64 =
            squares.map(|(deviation, size)| deviation * deviation / (1.0 - *size as f64 / n)).sum();
        let variance = sum / (n * n);
        let largest = scores.iter().fold(0.0, |largest: f64, score| largest.max(score.abs()));
        let variance = if variance.sqrt() <= ROUNDING * largest { 0.0 } else { variance };
        Spread { variance, df: bell_mccaffrey_df(&sums.sizes), clusters: sums.sizes.len() }
    });
    Some(ClusterMean { mean: sums.mean, clusters: sums.sizes.len(), spread })
}

/// The degrees of freedom of the CR2 variance of a mean (Bell and McCaffrey 2002), from the sizes of at least two
/// clusters.
#[must_use]
pub fn bell_mccaffrey_df(sizes: &[usize]) -> f64 {
    let n = sizes.iter().sum::<usize>() as f64;
    let (mut weights, mut leverages, mut squares) = (0.0, 0.0, 0.0);
    for size in sizes {
        let weight = *size as f64 / n;
        let leverage = weight * weight / (1.0 - weight);
        weights += weight * weight;
        leverages += leverage;
        squares += leverage * leverage;
    }
    1.0 / (weights + leverages * leverages - squares)
}

/// Standard errors of the mean by other formulas; arguments as for [`cluster_mean`].
#[must_use]
pub fn standard_errors(scores: &[f64], clusters: &[usize]) -> Option<StandardErrors> {
    let sums = Sums::of(scores, clusters)?;
    let n = sums.n();
    let own: f64 = scores.iter().map(|score| (score - sums.mean).powi(2)).sum();
    let between: f64 = sums.deviations.iter().map(|deviation| deviation * deviation).sum();
    let (count, is_clustered) = (sums.sizes.len() as f64, sums.sizes.len() > 1);
    let independent = own / (n - 1.0) / n;
    Some(StandardErrors {
        naive: (scores.len() > 1).then(|| independent.sqrt()),
        miller: is_clustered.then(|| (independent + (between - own) / (n * n)).max(0.0).sqrt()),
        cr1: is_clustered.then(|| (count / (count - 1.0) * between).sqrt() / n),
    })
}

/// The share of ones among `scores` of 0 and 1, with its interval. With one score per cluster this is Wilson's interval.
/// Otherwise the effective number of scores follows from the CR2 variance and is at most their number. Where fewer than
/// ten clusters hold a 1, or a 0, it is at most Kish's n²/Σ n_g², with the normal quantile. `None` without scores.
#[must_use]
pub fn cluster_share(scores: &[f64], clusters: &[usize], level: Level) -> Option<ClusterShare> {
    let sums = Sums::of(scores, clusters)?;
    let (n, count, value) = (sums.n(), sums.sizes.len(), sums.mean);
    let share = |effective_n: Option<f64>, quantile: f64| ClusterShare {
        value,
        clusters: count,
        effective_n,
        interval: effective_n.map(|effective_n| wilson(value, effective_n, quantile)),
    };
    if count == scores.len() {
        return Some(share(Some(n), level.z()));
    }
    let Some(spread) = cluster_mean(scores, clusters)?.spread else { return Some(share(None, 0.0)) };
    let kish = n * n / sums.sizes.iter().map(|size| (size * size) as f64).sum::<f64>();
    let has_spread = value > 0.0 && value < 1.0 && has_variance(spread.variance);
    let effective_n = if has_spread { (value * (1.0 - value) / spread.variance).min(n) } else { kish };
    let holding = |wanted: f64| clusters_with(scores, clusters, count, wanted);
    if holding(1.0).min(holding(0.0)) < FEW_CLUSTERS {
        return Some(share(Some(effective_n.min(kish)), level.z()));
    }
    Some(share(Some(effective_n), level.t(spread.df)))
}

/// Number of clusters that hold a score `wanted`.
fn clusters_with(scores: &[f64], clusters: &[usize], count: usize, wanted: f64) -> usize {
    let mut holds = vec![false; count];
    for (score, cluster) in scores.iter().zip(clusters) {
        holds[*cluster] |= *score == wanted;
    }
    holds.iter().filter(|holds| **holds).count()
}
