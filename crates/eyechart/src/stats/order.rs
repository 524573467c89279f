//! Figures of sorted scores: quantiles and the mean of the highest.

use super::clusters::cluster_mean;
use super::distribution::binomial;
use super::interval::{Interval, Level, Scale, score_interval};

/// The mean of the highest share has an interval from this many scores on.
const LEAST_TOP: usize = 20;

/// The interval of the `q` quantile from order statistics; `None` if there are too few values for the level. 99% needs
/// 368 values for a level of 0.95.
#[must_use]
pub fn quantile_interval(values: &[f64], q: f64, level: Level) -> Option<Interval> {
    let n = values.len();
    let mut cumulative = 0.0;
    let (mut low, mut high) = (0, 1);
    for probability in binomial(n, q.clamp(0.0, 1.0)) {
        cumulative += probability;
        low += usize::from(cumulative <= level.tail());
        high += usize::from(cumulative < 1.0 - level.tail());
    }
    if low < 1 || high > n {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: sorted[low - 1], high: sorted[high - 1] })
}

/// The mean of the highest share of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopShare {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The interval; absent for a mean of fewer than 20 scores.
    pub interval: Option<Interval>,
}

/// The mean of the ⌈share · n⌉ highest scores. Its variance is that of the mean of its influence values
/// max(x − u, 0)·n/k + u, where u is the k-th highest score. `clusters` has the number of each score's cluster, from 0 on
/// without gaps. `None` for fewer than two clusters, or if the share is less than one score.
#[must_use]
pub fn top_share(
    scores: &[f64],
    clusters: &[usize],
    share: f64,
    scale: Scale,
    level: Level,
) -> Option<TopShare> {
    let n = scores.len();
    let k = top_count(n, share)?;
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let lowest = sorted[k - 1];
    let value = sorted[..k].iter().sum::<f64>() / k as f64;
    let influence = |score: &f64| (score - lowest).max(0.0) * n as f64 / k as f64 + lowest;
    let spread = cluster_mean(&scores.iter().map(influence).collect::<Vec<_>>(), clusters)?.spread?;
    let interval = (k >= LEAST_TOP).then(|| score_interval(value, spread, scale, level));
    Some(TopShare { value, standard_error: spread.standard_error(), interval })
}

/// How many of `n` scores the highest share is; `None` if it is less than one or more than all.
#[must_use]
pub fn top_count(n: usize, share: f64) -> Option<usize> {
    // A share such as 0.1 is no exact binary number: 0.1 · 30 must not become 4.
    let k = (share * n as f64 - 1e-9).ceil().max(0.0) as usize;
    (1..=n).contains(&k).then_some(k)
}
