//! Intervals of one figure.

use super::distribution::{normal_critical, t_critical};

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The share of intervals that are to cover the true value, strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level(f64);

impl Default for Level {
    /// 0.95.
    fn default() -> Self {
        Self(0.95)
    }
}

impl Level {
    /// A level; `None` if it is not strictly between 0 and 1.
    #[must_use]
    pub fn new(level: f64) -> Option<Self> {
        (level > 0.0 && level < 1.0).then_some(Self(level))
    }

    /// The level as a number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }

    /// The probability on each side of an interval, such as 0.025.
    #[must_use]
    pub fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }

    /// The normal quantile of the upper end, such as 1.96.
    #[must_use]
    pub fn z(self) -> f64 {
        normal_critical(self.tail())
    }

    /// Student's quantile of the upper end for `df` degrees of freedom.
    #[must_use]
    pub fn t(self, df: f64) -> f64 {
        t_critical(self.tail(), df)
    }
}

/// The lowest and the highest value that a figure can have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The lowest value.
    pub low: f64,
    /// The highest value, above `low`.
    pub high: f64,
}

impl Scale {
    /// The scale of shares.
    pub const SHARE: Self = Self { low: 0.0, high: 1.0 };
    /// The scale of correlations and of agreement beyond chance.
    pub const CORRELATION: Self = Self { low: -1.0, high: 1.0 };

    fn width(self) -> f64 {
        self.high - self.low
    }
}

/// How much an estimate varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The variance of the estimate.
    pub variance: f64,
    /// The degrees of freedom for Student's quantile, above 0.
    pub df: f64,
    /// The number of clusters, at least 1.
    pub clusters: usize,
}

impl Spread {
    /// The standard error.
    #[must_use]
    pub fn standard_error(self) -> f64 {
        self.variance.sqrt()
    }
}

/// Variances below this share of the squared scale are rounding errors of 0.
const NO_VARIANCE: f64 = 1e-15;

/// Wilson's interval (1927) of a share `p` of `n` observations, which need not be a whole number, with the quantile `z`
/// of a normal or Student's t distribution.
#[must_use]
pub fn wilson(p: f64, n: f64, z: f64) -> Interval {
    let square = z * z;
    let scale = 1.0 + square / n;
    let centre = (p + square / (2.0 * n)) / scale;
    let half = z / scale * ((p * (1.0 - p)).max(0.0) / n + square / (4.0 * n * n)).sqrt();
    Interval {
        low: if p <= 0.0 { 0.0 } else { (centre - half).max(0.0) },
        high: if p >= 1.0 { 1.0 } else { (centre + half).min(1.0) },
    }
}

/// The interval of a figure on a `scale`: Wilson's with the effective number of observations
/// p(1 − p)/v and Student's quantile. Without variance it is [pA, 1 − (1 − p)A] with A = tail^(1/clusters), the interval
/// that Clopper and Pearson give for 0 or all of so many clusters.
#[must_use]
pub fn score_interval(estimate: f64, spread: Spread, scale: Scale, level: Level) -> Interval {
    let p = (estimate - scale.low) / scale.width();
    let v = spread.variance / (scale.width() * scale.width());
    let share = if v > NO_VARIANCE && p > 0.0 && p < 1.0 {
        wilson(p, p * (1.0 - p) / v, level.t(spread.df))
    } else {
        let bound = level.tail().powf(1.0 / spread.clusters as f64);
        Interval { low: p * bound, high: 1.0 - (1.0 - p) * bound }
    };
    Interval { low: scale.low + share.low * scale.width(), high: scale.low + share.high * scale.width() }
}

/// Student's interval of a figure without a scale; `None` without variance.
#[must_use]
pub fn t_interval(estimate: f64, spread: Spread, level: Level) -> Option<Interval> {
    let half = level.t(spread.df) * spread.variance.sqrt();
    let interval = Interval { low: estimate - half, high: estimate + half };
    (half > 0.0).then_some(interval)
}

/// Whether a variance on `scale` is more than a rounding error.
pub(super) fn has_variance(variance: f64) -> bool {
    variance > NO_VARIANCE
}
