//! Comparisons of two runs over the same samples.

use super::clusters::cluster_mean;
use super::distribution::{binomial, normal_upper_tail, t_upper_tail};
use super::interval::{Interval, Level, Scale, Spread, score_interval, t_interval};

/// How often two runs were right on the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedCounts {
    /// Both right.
    pub both: usize,
    /// Only the first right.
    pub only_first: usize,
    /// Only the second right.
    pub only_second: usize,
    /// Neither right.
    pub neither: usize,
}

impl PairedCounts {
    /// The number of samples.
    #[must_use]
    pub fn n(self) -> usize {
        self.both + self.only_first + self.only_second + self.neither
    }

    /// The share that the first has right, less that of the second; `None` without samples.
    #[must_use]
    pub fn difference(self) -> Option<f64> {
        (self.n() > 0).then(|| (self.only_first as f64 - self.only_second as f64) / self.n() as f64)
    }

    /// Tango's score statistic (1998) of the hypothesis that the difference is `difference`.
    fn score(self, difference: f64) -> f64 {
        let (b, c, n) = (self.only_first as f64, self.only_second as f64, self.n() as f64);
        // The restricted maximum likelihood estimate of the share of which only the second is right.
        let linear = -b - c + (2.0 * n - b + c) * difference;
        let constant = -c * difference * (1.0 - difference);
        let root = (linear * linear - 8.0 * n * constant).max(0.0).sqrt();
        let restricted = (root - linear) / (4.0 * n);
        let variance = n * (2.0 * restricted + difference * (1.0 - difference));
        let excess = b - c - n * difference;
        if variance > 0.0 {
            excess / variance.sqrt()
        } else if excess == 0.0 {
            0.0
        } else {
            f64::INFINITY.copysign(excess)
        }
    }
}

/// The interval of the difference of two shares by Tango's score test (1998); `None` without samples.
#[must_use]
pub fn tango(counts: PairedCounts, level: Level) -> Option<Interval> {
    let (difference, z) = (counts.difference()?, level.z());
    // The statistic falls as the hypothesis grows.
    let crossing = |mut below: f64, mut above: f64, wanted: f64| {
        for _ in 0..100 {
            let middle = f64::midpoint(below, above);
            if counts.score(middle) > wanted { below = middle } else { above = middle }
        }
        f64::midpoint(below, above)
    };
    Some(Interval {
        low: if difference <= -1.0 { -1.0 } else { crossing(-1.0, difference, z) },
        high: if difference >= 1.0 { 1.0 } else { crossing(difference, 1.0, -z) },
    })
}

/// A statistic with its p value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreTest {
    /// The statistic.
    pub z: f64,
    /// The one-sided p value.
    pub p: f64,
}

/// Tango's test of the hypothesis that the first run is worse than the second by at least `margin`. `None` without
/// samples.
#[must_use]
pub fn not_worse(counts: PairedCounts, margin: f64) -> Option<ScoreTest> {
    counts.difference()?;
    let z = counts.score(-margin);
    Some(ScoreTest { z, p: normal_upper_tail(z) })
}

/// The p values of McNemar's test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Exact, by the binomial distribution.
    pub exact: f64,
    /// Mid-p (Fagerland, Lydersen and Laake 2013): less conservative than the exact one.
    pub mid: f64,
    /// By the score statistic and χ² with one degree of freedom.
    pub score: f64,
}

/// McNemar's test of `only_first` samples that only the first run has right against `only_second`. Without any, all p
/// values are 1.
#[must_use]
pub fn mcnemar(only_first: usize, only_second: usize) -> McNemar {
    let m = only_first + only_second;
    if m == 0 {
        return McNemar { exact: 1.0, mid: 1.0, score: 1.0 };
    }
    let MidP { exact, mid } = mid_p_below(m)[only_first.min(only_second)];
    let (b, c) = (only_first as f64, only_second as f64);
    McNemar { exact, mid, score: 2.0 * normal_upper_tail((b - c).abs() / (b + c).sqrt()) }
}

/// The p values of one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct MidP {
    pub(super) exact: f64,
    pub(super) mid: f64,
}

/// The p values of McNemar's test for `m` discordant samples, by the smaller of the two counts.
pub(super) fn mid_p_below(m: usize) -> Vec<MidP> {
    let mut cumulative = 0.0;
    let of_count = |(k, probability): (usize, f64)| {
        cumulative += probability;
        let mid = if 2 * k == m { 1.0 - 0.5 * probability } else { 2.0 * cumulative - probability };
        MidP { exact: (2.0 * cumulative).min(1.0), mid }
    };
    binomial(m, 0.5).into_iter().take(m / 2 + 1).enumerate().map(of_count).collect()
}

/// The mean of paired differences, with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedMean {
    /// The mean of first − second.
    pub difference: f64,
    /// How much the difference varies; absent for one cluster.
    pub spread: Option<Spread>,
    /// Student's interval; absent for one cluster or without variance.
    pub interval: Option<Interval>,
    /// The two-sided p value; absent for one cluster or without variance.
    pub p: Option<f64>,
}

/// Compares the means of paired scores by Student's t of their differences with the CR2 variance. `clusters` has the
/// number of each pair's cluster, from 0 on without gaps. `None` without scores.
#[must_use]
pub fn compare_means(first: &[f64], second: &[f64], clusters: &[usize], level: Level) -> Option<PairedMean> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let mean = cluster_mean(&differences, clusters)?;
    let test = mean.spread.and_then(|spread| t_test(mean.mean, spread, level));
    Some(PairedMean {
        difference: mean.mean,
        spread: mean.spread,
        interval: test.map(|test| test.interval),
        p: test.map(|test| test.p),
    })
}

/// An interval of a difference, and the p value of no difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DifferenceTest {
    /// The interval.
    pub interval: Interval,
    /// The two-sided p value.
    pub p: f64,
}

/// Student's interval and test of a difference; `None` without variance.
#[must_use]
pub fn t_test(difference: f64, spread: Spread, level: Level) -> Option<DifferenceTest> {
    let interval = t_interval(difference, spread, level)?;
    Some(DifferenceTest {
        interval,
        p: 2.0 * t_upper_tail(difference.abs() / spread.standard_error(), spread.df),
    })
}

/// The interval and test of a difference that is the same in each of `clusters`, on a `scale` with 0 in its middle. The
/// interval is [`score_interval`]'s without variance; p is the tail of the level at which it reaches 0. For a share of
/// which one side has all and the other nothing, this is the exact sign test.
#[must_use]
pub fn equal_differences_test(
    difference: f64,
    scale: Scale,
    clusters: usize,
    level: Level,
) -> DifferenceTest {
    let share = difference.abs() / (scale.high - scale.low);
    let spread = Spread { variance: 0.0, df: 1.0, clusters };
    DifferenceTest {
        interval: score_interval(difference, spread, scale, level),
        p: (2.0 * (0.5 / (0.5 + share)).powf(clusters as f64)).min(1.0),
    }
}

/// Holm's adjustment (1979) of p values for their number, in the order of the input.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut highest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        let of_rank = (p_values.len() - rank) as f64 * p_values[index];
        highest = highest.max(of_rank.min(1.0));
        adjusted[index] = highest;
    }
    adjusted
}
