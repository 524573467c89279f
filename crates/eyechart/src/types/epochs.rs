//! What results have of samples that were asked several times, besides figures.

use serde::{Deserialize, Serialize};

/// How the variance of the scores of one `[[score]]` divides: a one-way analysis of variance with random effects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VarianceSplit {
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Number of samples with a score. If each reference has its own score, each reference counts.
    pub samples: usize,
    /// The variance between the epochs of a sample.
    pub within: f64,
    /// The variance between samples, at least 0; absent for one sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<f64>,
    /// The share of the variance within samples; absent without variance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_share: Option<f64>,
}

/// The positions of the options that answers pick, over the answers to one `[[score]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionPicks {
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Number of answers that pick an option.
    pub n: usize,
    /// The confidence level of the intervals, such as 0.95; absent in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The positions, in order.
    pub positions: Vec<Position>,
}

/// One position among the options as they were sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// `A` for the first position; a number after `Z`.
    pub position: String,
    /// Share of answers that pick it.
    pub picked: f64,
    /// The lower end of the interval of the share; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Share of these answers whose right option is there.
    pub right: f64,
}
