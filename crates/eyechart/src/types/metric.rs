//! Metrics: how the scores of a run give one figure. Scorers declare their metrics; whatever computes figures knows
//! only the kinds of metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::results::Direction;

/// Named numbers that a metric sums up over all scores.
pub type Counts = BTreeMap<String, f64>;

/// The count that is 1 if an answer could be read and 0 otherwise; absent if every text is an answer.
pub const READABLE: &str = "readable";

/// The number of scores with counts, which is added to their sums.
pub const SCORES: &str = "scores";

/// One metric of a scorer.
#[derive(Debug, Clone)]
pub struct Metric {
    /// The id in files and flags, such as `accuracy`. It does not depend on the task.
    pub id: String,
    /// The column title in tables.
    pub title: String,
    /// The description below a table, without a final full stop.
    pub meaning: String,
    /// How the metric is computed.
    pub formula: Formula,
    /// The lowest and highest possible value.
    pub range: [f64; 2],
    /// Which values are better.
    pub direction: Direction,
}

/// How a metric is computed from scores.
#[derive(Debug, Clone, Copy)]
pub enum Formula {
    /// Arithmetic mean of the values.
    Mean,
    /// Share of values that are 1; every value is 0 or 1.
    Share,
    /// Share of values strictly above a threshold.
    ShareAbove(f64),
    /// A function of the summed counts; `None` if it is not defined, such as a ratio over nothing.
    OfCounts(fn(&Counts) -> Option<f64>),
    /// Mean of the highest `k` values; not defined for fewer than `k`.
    TopK(usize),
    /// Mean of the highest share of the values, such as 0.1.
    TopShare(f64),
}

/// The kinds of metrics, by their names in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Arithmetic mean of the values.
    Mean,
    /// Share of 0/1 values. With a `threshold`, a value counts as 1 if it is above.
    Share,
    /// A ratio or another function of summed counts.
    Ratio,
    /// Mean of the highest values.
    TopK,
    /// Mean of the highest share of the values.
    TopShare,
    /// Mean over samples of a value that all epochs of a sample have together.
    PerSample,
}

impl Metric {
    /// A metric in [0, 1] for which higher is better, with its id as title.
    #[must_use]
    pub fn new(id: &str, formula: Formula, meaning: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: id.replace('_', " "),
            meaning: meaning.to_owned(),
            formula,
            range: [0.0, 1.0],
            direction: Direction::Higher,
        }
    }

    /// The metric with another title.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// The metric, of which neither higher nor lower values are better.
    #[must_use]
    pub fn without_better_side(self) -> Self {
        Self { direction: Direction::Neither, ..self }
    }

    /// The metric with another range.
    #[must_use]
    pub fn within(self, range: [f64; 2]) -> Self {
        Self { range, ..self }
    }
}

impl Formula {
    /// The kind of the formula.
    #[must_use]
    pub fn kind(self) -> MetricKind {
        match self {
            Self::Mean => MetricKind::Mean,
            Self::Share | Self::ShareAbove(_) => MetricKind::Share,
            Self::OfCounts(_) => MetricKind::Ratio,
            Self::TopK(_) => MetricKind::TopK,
            Self::TopShare(_) => MetricKind::TopShare,
        }
    }

    /// The threshold, for a share of values above one.
    #[must_use]
    pub fn threshold(self) -> Option<f64> {
        match self {
            Self::ShareAbove(threshold) => Some(threshold),
            _ => None,
        }
    }
}

/// The share of answers that could be read.
#[must_use]
pub fn readable_metric(meaning: &str) -> Metric {
    fn readable(counts: &Counts) -> Option<f64> {
        let asked = counts.get(SCORES).copied().unwrap_or_default();
        (asked > 0.0).then(|| counts.get(READABLE).copied().unwrap_or_default() / asked)
    }
    Metric::new("readable", Formula::OfCounts(readable), meaning)
}
