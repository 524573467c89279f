//! How scores lie in clusters.

/// How many scores the clusters have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sizes {
    /// One each.
    One,
    /// Five each.
    Equal,
    /// From 1 to 20.
    Mixed,
    /// Five each, but for one that has 30% of all scores.
    OneLarge,
}

impl Sizes {
    /// The sizes of clusters of several scores.
    pub const OF_SEVERAL: [Self; 3] = [Self::Equal, Self::Mixed, Self::OneLarge];
    /// All sizes.
    pub const ALL: [Self; 4] = [Self::One, Self::Equal, Self::Mixed, Self::OneLarge];

    /// The share of the variance that the scores of a cluster have in common.
    pub fn correlation(self) -> f64 {
        if self == Self::One { 0.0 } else { 0.6 }
    }

    /// The number of the cluster of each score.
    pub fn clusters(self, count: usize) -> Vec<usize> {
        let large = (0.3 / 0.7 * 5.0 * (count - 1) as f64) as usize;
        let size = |cluster: usize| match self {
            Self::One => 1,
            Self::Equal => 5,
            Self::Mixed => 1 + cluster * 20 / count,
            Self::OneLarge if cluster == 0 => large.max(5),
            Self::OneLarge => 5,
        };
        (0..count).flat_map(|cluster| std::iter::repeat_n(cluster, size(cluster))).collect()
    }
}

/// A cluster for each of `n` scores.
pub fn own(n: usize) -> Vec<usize> {
    (0..n).collect()
}
