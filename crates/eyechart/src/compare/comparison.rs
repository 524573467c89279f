//! The result of a comparison as plain data. Its JSON form is `docs/schemas/comparison.schema.json`.

use serde::Serialize;

use super::difference::{DifferenceMethod, NoTest};
use super::figures::NoComparison;
use super::pairing::LackReason;
use super::verdict::Verdict;
use crate::record::{BadLine, RunFolder};
use crate::types::{Direction, Epoch, MetricKind, Results};

/// Runs, and every figure of every pair of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The compared runs, in the order of the call.
    pub runs: Vec<ComparedRun>,
    /// What differs between the runs.
    pub differing: Vec<DifferingSetting>,
    /// What a reader must know about single pairs, such as other prompts, or differences that `--force` overrides.
    pub notes: Vec<PairNote>,
    /// Pairs of runs that are left out by [`Options::only_alike`](super::Options::only_alike).
    pub left_out: Vec<RunPair>,
    /// Each compared figure of each pair of runs.
    pub pairs: Vec<FigureComparison>,
    /// Figures that are not compared.
    pub not_compared: Vec<FigureNotCompared>,
    /// Scores that one side lacks.
    pub lacking: Vec<LackingScores>,
    /// With three or more runs: for each figure, the runs that no other run beats.
    pub unbeaten: Vec<Unbeaten>,
    /// The figure of `--primary`.
    pub primary: Option<String>,
    /// The confidence level of the intervals.
    pub level: f64,
}

impl Comparison {
    /// The ids of the compared figures.
    #[must_use]
    pub fn figure_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for pair in &self.pairs {
            if !ids.contains(&pair.figure) {
                ids.push(pair.figure.clone());
            }
        }
        ids
    }
}

/// A compared run.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRun {
    /// The folder of the run.
    pub folder: RunFolder,
    /// The results of the run.
    pub results: Results,
    /// The lines of its record that could not be read. Their samples count as not asked.
    pub bad_lines: Vec<BadLine>,
}

/// Two of the compared runs, by their positions. The baseline was named first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPair {
    /// The position of the baseline.
    pub baseline: usize,
    /// The position of the other run.
    pub other: usize,
}

/// A setting in which runs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferingSetting {
    /// The name, such as `temperature`.
    pub name: String,
    /// The value of each run; absent for runs without it.
    pub values: Vec<Option<String>>,
}

/// A note on a pair of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairNote {
    /// The runs.
    pub runs: RunPair,
    /// The note, which speaks of "the baseline" and "the other run".
    pub text: String,
}

/// One figure of two runs, over the samples that have a score in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureComparison {
    /// The runs.
    #[serde(skip)]
    pub runs: RunPair,
    /// The id of the figure in the baseline.
    pub figure: String,
    /// How the metric is computed from scores.
    pub kind: MetricKind,
    /// Which values are better.
    pub direction: Direction,
    /// The lowest and the highest possible value of the figure.
    pub range: [f64; 2],
    /// A description of the metric.
    #[serde(skip)]
    pub meaning: String,
    /// Number of paired scores.
    pub n: usize,
    /// Number of clusters of the pairs. Scores of one cluster are not independent.
    pub clusters: usize,
    /// The figure of the baseline over the pairs.
    pub baseline_value: f64,
    /// The figure of the other run over the pairs.
    pub other_value: f64,
    /// The difference, other − baseline.
    pub difference: f64,
    /// The lower end of the interval of the difference; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The p value of no difference; absent if there is no test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The p value adjusted for the number of comparisons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// How the interval and the p value are computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<DifferenceMethod>,
    /// Why there is no interval and no p value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_interval: Option<NoTest>,
    /// Number of scores that are better in the other run.
    pub won: usize,
    /// Number of scores that are worse in the other run.
    pub lost: usize,
    /// Number of scores that are equal.
    pub same: usize,
    /// Number of scores that only the baseline has.
    pub only_baseline: usize,
    /// Number of scores that only the other run has.
    pub only_other: usize,
    /// The verdict about the other run.
    pub verdict: Verdict,
    /// The comparison with failed samples at the bottom of the range; absent if none failed, and for a figure without a
    /// lowest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_failures: Option<ComparisonWithFailures>,
    /// The samples whose scores changed most, the largest change first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedSample>,
}

/// A comparison with failed samples, and unreadable answers without a score, at the bottom of the range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonWithFailures {
    /// The value of a failed sample.
    pub bottom: f64,
    /// Number of failed samples of the baseline among the pairs.
    pub failed_baseline: usize,
    /// Number of failed samples of the other run among the pairs.
    pub failed_other: usize,
    /// Number of pairs, with those of failed samples.
    pub n: usize,
    /// The figure of the baseline.
    pub baseline_value: f64,
    /// The figure of the other run.
    pub other_value: f64,
    /// The difference, other − baseline.
    pub difference: f64,
    /// The lower end of the interval; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The p value of no difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The p value adjusted for the number of comparisons, all of them with failed samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// The verdict that these numbers give.
    pub verdict: Verdict,
}

/// A sample with different scores in two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangedSample {
    /// The sample's id.
    pub id: String,
    /// Its repetition, from 1.
    pub epoch: Epoch,
    /// The position of the reference; absent if the score is of all references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<u32>,
    /// The score of the baseline.
    pub baseline: f64,
    /// The score of the other run.
    pub other: f64,
}

/// A figure that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FigureNotCompared {
    /// The runs.
    #[serde(skip)]
    pub runs: RunPair,
    /// The id of the figure.
    pub figure: String,
    /// The reason.
    pub reason: NoComparison,
}

/// The scores of one entry that only one of two runs has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LackingScores {
    /// The runs.
    #[serde(skip)]
    pub runs: RunPair,
    /// The name of the task's `[[score]]`.
    pub name: String,
    /// The scored part.
    pub part: String,
    /// The target; absent for scorers without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Scores that only the baseline has.
    pub only_baseline: Vec<LackingScore>,
    /// Scores that only the other run has.
    pub only_other: Vec<LackingScore>,
}

/// A score that one of two runs lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LackingScore {
    /// The sample's id.
    pub id: String,
    /// Its repetition, from 1.
    pub epoch: Epoch,
    /// The position of the reference; absent if the score is of all references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<u32>,
    /// Why the run lacks it.
    pub reason: LackReason,
}

/// The runs that no other run beats in a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbeaten {
    /// The id of the figure.
    pub figure: String,
    /// The positions of the runs.
    pub runs: Vec<usize>,
}
