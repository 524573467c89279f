//! Compares one figure of two runs: reads what its metric needs out of the pairs, with and without failed samples.

use super::changed::{ChangedScore, Changes};
use super::difference::{
    CountFormula, CountedRow, CountedSide, Difference, Frame, PairedValues, of_counts, of_means, of_shares,
};
use super::pairing::PairedScores;
use super::scores::{CountTable, EntryScores, ScoreLine};
use crate::stats::Level;
use crate::types::{Direction, Formula, Metric, READABLE};

/// The comparison of a figure, as far as it does not depend on other comparisons.
pub(super) struct ComparedFigure {
    pub(super) difference: Difference,
    /// The same with failed samples at the bottom of the range; absent if none failed, or there is no bottom.
    pub(super) with_failures: Option<FailuresCounted>,
    pub(super) changes: Changes,
    /// The numbers of samples that only the baseline and only the other run has; absent if the pairs have them.
    pub(super) only: Option<[usize; 2]>,
}

/// The difference with failed samples and unreadable answers without a score at the bottom of the range.
pub(super) struct FailuresCounted {
    pub(super) difference: Difference,
    /// The value of a failed sample.
    pub(super) bottom: f64,
    pub(super) failed_baseline: usize,
    pub(super) failed_other: usize,
}

/// Why a figure of both runs is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoComparison {
    /// Only the baseline has the figure.
    OnlyBaseline,
    /// Only the other run has the figure.
    OnlyOther,
    /// Means of the highest scores are of other samples in each run.
    TopK,
    /// The figure is not computed from paired scores, or not by this version.
    NotPaired,
    /// No sample has a score in both runs, or the figure is not defined over them.
    NoPairs,
}

impl NoComparison {
    /// The reason in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::OnlyBaseline => "only the baseline has it",
            Self::OnlyOther => "only the other run has it",
            Self::TopK => "means of the highest scores are of other samples in each run",
            Self::NotPaired => "it is not computed from single scores that could be paired",
            Self::NoPairs => "no sample has a score in both runs, or it is not defined over them",
        }
    }
}

/// What a side of a pair says to a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Value(f64),
    /// The sample failed, or its answer is unreadable and has no score.
    Failed,
    Missing,
}

/// The figure to compare, and the scores of its entry in both runs.
pub(super) struct FigureComparer<'a> {
    pub(super) metric: &'a Metric,
    pub(super) baseline: &'a EntryScores,
    pub(super) other: &'a EntryScores,
    pub(super) paired: &'a PairedScores<'a>,
    pub(super) level: Level,
    /// The number of changed samples to list.
    pub(super) changed: usize,
}

impl FigureComparer<'_> {
    /// Compares the figure.
    ///
    /// # Errors
    /// [`NoComparison`] if it cannot be compared.
    pub(super) fn compare(&self) -> Result<ComparedFigure, NoComparison> {
        match self.metric.formula {
            Formula::TopK(_) | Formula::TopShare(_) => Err(NoComparison::TopK),
            Formula::OfCounts(formula) if self.metric.id != READABLE => self.compare_counts(formula),
            _ => self.compare_values(),
        }
    }

    fn frame(&self) -> Frame {
        Frame { range: self.metric.range, level: self.level }
    }

    /// The worst value of the range; absent for a figure without one, or without a better side.
    fn bottom(&self) -> Option<f64> {
        let [low, high] = self.metric.range;
        let bottom = match self.metric.direction {
            Direction::Higher => low,
            Direction::Lower => high,
            Direction::Neither => return None,
        };
        bottom.is_finite().then_some(bottom)
    }

    fn read(&self, line: Option<&ScoreLine>, counts: &CountTable) -> Reading {
        let Some(line) = line else { return Reading::Failed };
        let value = match self.metric.formula {
            Formula::OfCounts(_) => {
                let readable = counts.column(READABLE);
                line.counts.zip(readable).map(|(row, readable)| readable.value(row))
            }
            Formula::ShareAbove(threshold) => line.value.map(|value| f64::from(u8::from(value > threshold))),
            _ => line.value,
        };
        match value {
            Some(value) => Reading::Value(value),
            None if line.is_unreadable => Reading::Failed,
            None => Reading::Missing,
        }
    }

    fn compare_values(&self) -> Result<ComparedFigure, NoComparison> {
        let is_share = !matches!(self.metric.formula, Formula::Mean);
        let compare = |values: &PairedValues| {
            if is_share { of_shares(values, self.frame()) } else { of_means(values, self.frame()) }
        };
        let (mut answered, mut with_failed) = (ValuePairs::default(), ValuePairs::default());
        let mut changes = Vec::new();
        let (mut failed_baseline, mut failed_other) = (0, 0);
        let bottom = self.bottom();
        for pair in &self.paired.pairs {
            let own = self.read(pair.baseline, &self.baseline.counts);
            let other = self.read(pair.other, &self.other.counts);
            if let (Reading::Value(baseline), Reading::Value(other)) = (own, other) {
                answered.add(pair.cluster, baseline, other);
                changes.push(ChangedScore { key: pair.key, baseline, other });
            }
            let counted = |reading: Reading| match reading {
                Reading::Value(value) => Some(value),
                Reading::Failed => bottom,
                Reading::Missing => None,
            };
            if let (Some(baseline), Some(value)) = (counted(own), counted(other)) {
                with_failed.add(pair.cluster, baseline, value);
                failed_baseline += usize::from(own == Reading::Failed);
                failed_other += usize::from(other == Reading::Failed);
            }
        }
        let difference = compare(&answered.values).ok_or(NoComparison::NoPairs)?;
        let failures = bottom.filter(|_| failed_baseline + failed_other > 0);
        let with_failures = failures.and_then(|bottom| {
            let difference = compare(&with_failed.values)?;
            Some(FailuresCounted { difference, bottom, failed_baseline, failed_other })
        });
        Ok(ComparedFigure { difference, with_failures, changes: self.changes(changes), only: None })
    }

    fn compare_counts(
        &self,
        formula: fn(&crate::types::Counts) -> Option<f64>,
    ) -> Result<ComparedFigure, NoComparison> {
        let mut answered = CountPairs::new(self);
        let mut with_failed = CountPairs::new(self);
        let mut changes = Vec::new();
        let bottom = self.bottom();
        for pair in &self.paired.pairs {
            let row = |line: Option<&ScoreLine>| line.and_then(|line| line.counts);
            if let (Some(own), Some(other)) = (row(pair.baseline), row(pair.other)) {
                answered.add(pair.cluster, Some(own), Some(other));
            }
            if let Some((baseline, other)) = pair.baseline.zip(pair.other).and_then(values) {
                changes.push(ChangedScore { key: pair.key, baseline, other });
            }
            let is_failed =
                |line: Option<&ScoreLine>| line.is_none_or(|line| line.value.is_none() && line.is_unreadable);
            let counted = |line| if is_failed(line) { Some(None) } else { row(line).map(Some) };
            if let (Some(own), Some(other)) = (counted(pair.baseline), counted(pair.other)) {
                with_failed.add(pair.cluster, own, other);
            }
        }
        let difference = answered.compare(CountFormula { formula, bottom: 0.0 }, self.frame());
        let difference = difference.ok_or(NoComparison::NoPairs)?;
        let (failed_baseline, failed_other) =
            (with_failed.baseline.failed.len(), with_failed.other.failed.len());
        let failures = bottom.filter(|_| failed_baseline + failed_other > 0);
        let with_failures = failures.and_then(|bottom| {
            let difference = with_failed.compare(CountFormula { formula, bottom }, self.frame())?;
            Some(FailuresCounted { difference, bottom, failed_baseline, failed_other })
        });
        Ok(ComparedFigure { difference, with_failures, changes: self.changes(changes), only: None })
    }

    fn changes(&self, scores: Vec<ChangedScore>) -> Changes {
        // A figure without a better side is a function of counts: the scores that it comes with have one.
        Changes::of(scores, self.metric.direction != Direction::Lower, self.changed)
    }
}

fn values((baseline, other): (&ScoreLine, &ScoreLine)) -> Option<(f64, f64)> {
    baseline.value.zip(other.value)
}

/// Numbers for those of the clusters that a figure has, from 0 on without gaps.
#[derive(Default)]
struct Renumbered {
    numbers: Vec<Option<usize>>,
    count: usize,
}

impl Renumbered {
    fn number(&mut self, cluster: usize) -> usize {
        if self.numbers.len() <= cluster {
            self.numbers.resize(cluster + 1, None);
        }
        *self.numbers[cluster].get_or_insert_with(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

#[derive(Default)]
pub(super) struct ValuePairs {
    values: PairedValues,
    clusters: Renumbered,
}

impl ValuePairs {
    pub(super) fn add(&mut self, cluster: usize, baseline: f64, other: f64) {
        self.values.baseline.push(baseline);
        self.values.other.push(other);
        self.values.clusters.push(self.clusters.number(cluster));
    }

    pub(super) fn means(&self, frame: Frame) -> Option<Difference> {
        of_means(&self.values, frame)
    }
}

struct CountPairs<'a> {
    baseline: CountedSide<'a>,
    other: CountedSide<'a>,
    sizes: Vec<usize>,
    clusters: Renumbered,
}

impl<'a> CountPairs<'a> {
    fn new(of: &FigureComparer<'a>) -> Self {
        let side = |scores: &'a EntryScores| CountedSide {
            table: &scores.counts,
            rows: Vec::new(),
            failed: Vec::new(),
        };
        Self {
            baseline: side(of.baseline),
            other: side(of.other),
            sizes: Vec::new(),
            clusters: Renumbered::default(),
        }
    }

    /// Adds the rows of a pair. A side without a row failed.
    fn add(&mut self, cluster: usize, baseline: Option<u32>, other: Option<u32>) {
        let cluster = self.clusters.number(cluster);
        self.sizes.resize(self.clusters.count, 0);
        self.sizes[cluster] += 1;
        for (side, row) in [(&mut self.baseline, baseline), (&mut self.other, other)] {
            match row {
                Some(row) => side.rows.push(CountedRow { cluster, row }),
                None => side.failed.push(cluster),
            }
        }
    }

    fn compare(&self, formula: CountFormula, frame: Frame) -> Option<Difference> {
        of_counts(formula, &self.baseline, &self.other, &self.sizes, frame)
    }
}
