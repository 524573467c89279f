//! The variance of a figure that is no mean: leave out one cluster at a time.

use super::clusters::{FEW_CLUSTERS, bell_mccaffrey_df};
use super::interval::Spread;

/// A cluster of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterPart {
    /// The number of its scores.
    pub size: usize,
    /// Whether the figure is defined in the cluster on its own, as recall is if it has a positive sample.
    pub is_defined: bool,
}

/// How much a figure varies, from the figure without each of its `clusters`. All clusters count, unless the figure is
/// defined on its own in fewer than ten and in less than half of them, or is the same without each of them: then only those
/// in which it is defined count, because the others show nothing of it. A standard error of at most `rounding` is 0. `None` if a figure is not
/// defined without some cluster, or if fewer than two clusters count.
#[must_use]
pub fn jackknife_spread(
    without_each: &[Option<f64>],
    clusters: &[ClusterPart],
    rounding: f64,
) -> Option<Spread> {
    let variance = jackknife_variance(without_each)?;
    let variance = if variance.sqrt() <= rounding { 0.0 } else { variance };
    let sizes = |is_counted: fn(&&ClusterPart) -> bool| -> Vec<usize> {
        clusters.iter().filter(is_counted).map(|cluster| cluster.size).collect()
    };
    let defined = sizes(|cluster| cluster.is_defined);
    let are_few = defined.len() < FEW_CLUSTERS && 2 * defined.len() < clusters.len();
    let sizes = if variance == 0.0 || are_few { defined } else { sizes(|_| true) };
    (sizes.len() > 1).then(|| Spread { variance, df: bell_mccaffrey_df(&sizes), clusters: sizes.len() })
}

/// The jackknife variance (G − 1)/G · Σ(θ_g − θ̄)² from the figure without each of the G clusters. `None` if a figure is
/// not defined without some cluster, or for fewer than two clusters.
#[must_use]
pub fn jackknife_variance(without_each: &[Option<f64>]) -> Option<f64> {
    let figures: Vec<f64> = without_each.iter().copied().collect::<Option<_>>()?;
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    (figures.len() > 1).then(|| (count - 1.0) / count * squares)
}
