//! The variance of a figure that is no mean: leave out one cluster at a time.

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
