//! Plans a comparison of two models: how many samples show a difference, and which difference some samples show.
//!
//! Everything here is about a difference that a user would like to find. The power of a difference that was observed says
//! nothing beyond its p value, and is computed nowhere.

mod measured;

use crate::stats;
use crate::types::MetricKind;

pub use measured::{MeasuredComparison, RunScores};

/// The share of right answers that is assumed if nothing is measured: more samples are needed than with any other.
pub const USUAL_P: f64 = 0.5;
/// The correlation of the scores of two models over the same samples that is assumed if only one run is measured.
pub const USUAL_CORRELATION: f64 = 0.5;

/// A figure that two models are to be compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedFigure {
    /// The id of the figure.
    pub id: String,
    /// The kind of its metric.
    pub kind: MetricKind,
    /// The lowest and highest possible value.
    pub range: [f64; 2],
}

/// How the scores of two models differ, sample by sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Differing {
    /// For scores of 0 and 1: the share of samples that only one model has right.
    Discordant(f64),
    /// For other scores: the variance of the differences.
    Variance(f64),
}

/// The chances that a comparison is to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    /// The two-sided level of the test.
    pub alpha: f64,
    /// The probability that the difference is found if it exists.
    pub power: f64,
}

impl Default for Chances {
    /// 0.05 and 0.8.
    fn default() -> Self {
        Self { alpha: 0.05, power: 0.8 }
    }
}

/// A comparison of two models over the same samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedComparison {
    /// How the scores differ.
    pub differing: Differing,
    /// The factor by which clusters raise the number of samples, at least 1.
    pub design_effect: f64,
    /// The chances that it is to have.
    pub chances: Chances,
}

/// The share of samples that only one of two models has right, if both have the share `p` right and their scores correlate
/// by `correlation`.
fn discordant(p: f64, correlation: f64) -> f64 {
    2.0 * p * (1.0 - p) * (1.0 - correlation)
}

impl PlannedFigure {
    /// Whether a comparison by the figure can be planned.
    #[must_use]
    pub fn can_be_planned(&self) -> bool {
        matches!(self.kind, MetricKind::Share | MetricKind::Mean)
    }

    /// How the scores of two models differ that both have the mean `p` on a scale from 0 to 1, and whose scores correlate
    /// by `correlation`. Scores between the ends of the range are taken for scores at its ends, which differ most. `None`
    /// for a figure without a lowest or highest value, and for one that cannot be planned.
    #[must_use]
    pub fn differing(&self, p: f64, correlation: f64) -> Option<Differing> {
        let width = self.range[1] - self.range[0];
        let discordant = discordant(p, correlation);
        match self.kind {
            MetricKind::Share => Some(Differing::Discordant(discordant)),
            MetricKind::Mean if width.is_finite() => Some(Differing::Variance(width * width * discordant)),
            _ => None,
        }
    }
}

impl PlannedComparison {
    /// Number of samples that show `difference`; `None` if no number does, because the scores differ on too few samples.
    #[must_use]
    pub fn samples_needed(&self, difference: f64) -> Option<u64> {
        let Chances { alpha, power } = self.chances;
        let independent = match self.differing {
            Differing::Discordant(discordant) => stats::samples_needed(discordant, difference, alpha, power)?,
            Differing::Variance(variance) => {
                stats::samples_needed_for_means(variance, difference, alpha, power)?
            }
        };
        Some((independent * self.design_effect).ceil() as u64)
    }

    /// The smallest difference that `samples` show; `None` if they show none.
    #[must_use]
    pub fn detectable(&self, samples: usize) -> Option<f64> {
        let Chances { alpha, power } = self.chances;
        let independent = samples as f64 / self.design_effect;
        match self.differing {
            Differing::Discordant(discordant) => {
                stats::detectable_difference(discordant, independent, alpha, power)
            }
            Differing::Variance(variance) => {
                stats::detectable_difference_of_means(variance, independent, alpha, power)
            }
        }
    }
}
