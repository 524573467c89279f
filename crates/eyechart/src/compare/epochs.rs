//! Compares a figure over epochs (`pass_at_k`, `consistency`): one number for each sample of a run, paired by id.

use std::collections::BTreeMap;

use super::changed::{ChangedScore, Changes};
use super::difference::Frame;
use super::figures::{ComparedFigure, FailuresCounted, NoComparison, ValuePairs};
use super::ids::{Ids, SampleEpoch};
use super::pairing::{ClusterNumbers, RunEntry};
use super::scores::ScoreKey;
use crate::analyze::EpochMetric;

/// The figure to compare, and the scores of its entry in both runs.
pub(super) struct EpochComparer<'a> {
    pub(super) metric: EpochMetric,
    pub(super) baseline: RunEntry<'a>,
    pub(super) other: RunEntry<'a>,
    pub(super) ids: &'a Ids,
    pub(super) frame: Frame,
    /// The number of changed samples to list.
    pub(super) changed: usize,
}

/// What has one number: a sample, or one of its references if each has its own score.
type SampleKey = (u32, Option<u32>);

/// The scores of one sample over its epochs.
#[derive(Default)]
struct Repeated {
    values: Vec<f64>,
    /// Hashes of the answers.
    answers: Vec<u64>,
    /// The number of unreadable answers without a score.
    unscored: usize,
    /// The number of failed epochs.
    failed: usize,
}

impl Repeated {
    fn value(&self, metric: EpochMetric) -> Option<f64> {
        metric.value(&self.values, &self.answers)
    }

    /// The value if failed epochs are wrong, and each of their answers is unlike any other.
    fn value_with_failures(&self, metric: EpochMetric) -> Option<f64> {
        let (mut values, mut answers) = (self.values.clone(), self.answers.clone());
        values.extend(std::iter::repeat_n(0.0, self.failed + self.unscored));
        answers.extend((0..self.failed).map(|at| at as u64));
        metric.value(&values, &answers)
    }
}

/// The samples of one run.
type Side = BTreeMap<SampleKey, Repeated>;

impl EpochComparer<'_> {
    /// Compares the figure.
    ///
    /// # Errors
    /// [`NoComparison`] if it cannot be compared.
    pub(super) fn compare(&self) -> Result<ComparedFigure, NoComparison> {
        let mut keys = BTreeMap::new();
        let (own, others) = (self.side(self.baseline, &mut keys), self.side(self.other, &mut keys));
        let mut clusters = ClusterNumbers::new(self.ids, self.baseline.samples);
        let (mut answered, mut with_failed) = (ValuePairs::default(), ValuePairs::default());
        let (mut failed, mut only, mut changes) = ([0, 0], [0, 0], Vec::new());
        for (key, first) in &keys {
            let sides = [own.get(key), others.get(key)];
            let key = ScoreKey { sample: *first, reference: key.1 };
            match sides.map(|side| side?.value(self.metric)) {
                [Some(baseline), Some(other)] => {
                    answered.add(clusters.number(key), baseline, other);
                    changes.push(ChangedScore { key, baseline, other });
                }
                [own, other] => {
                    only[0] += usize::from(own.is_some());
                    only[1] += usize::from(other.is_some());
                }
            }
            // A sample that a run did not ask has not failed.
            let [Some(own), Some(other)] = sides else { continue };
            let values = [own, other].map(|side| side.value_with_failures(self.metric));
            if let [Some(baseline), Some(value)] = values {
                with_failed.add(clusters.number(key), baseline, value);
                failed[0] += own.failed + own.unscored;
                failed[1] += other.failed + other.unscored;
            }
        }
        let difference = answered.means(self.frame).ok_or(NoComparison::NoPairs)?;
        let failures = (failed != [0, 0]).then(|| with_failed.means(self.frame)).flatten();
        let with_failures = failures.map(|difference| FailuresCounted {
            difference,
            bottom: 0.0,
            failed_baseline: failed[0],
            failed_other: failed[1],
        });
        let changes = Changes::of(changes, true, self.changed);
        Ok(ComparedFigure { difference, with_failures, changes, only: Some(only) })
    }

    /// The samples of a run. Adds an epoch of each to `keys`.
    fn side(&self, run: RunEntry<'_>, keys: &mut BTreeMap<SampleKey, SampleEpoch>) -> Side {
        let mut side = Side::new();
        let mut of = |key: ScoreKey, side: &mut Side, change: &dyn Fn(&mut Repeated)| {
            let sample = (self.ids.sample_of(key.sample), key.reference);
            keys.entry(sample).or_insert(key.sample);
            change(side.entry(sample).or_default());
        };
        for line in &run.scores.lines {
            of(line.key, &mut side, &|sample| {
                sample.values.extend(line.value);
                sample.unscored += usize::from(line.value.is_none() && line.is_unreadable);
            });
        }
        for (key, answer) in &run.scores.answers {
            of(*key, &mut side, &|sample| sample.answers.push(*answer));
        }
        // A failed epoch has no line. It counts for each score that it could have had.
        let is_each = side.keys().any(|(_, reference)| reference.is_some());
        for (sample, possible) in &run.samples.failed {
            for at in 0..possible[run.index] {
                let key = ScoreKey { sample: *sample, reference: is_each.then_some(at as u32) };
                of(key, &mut side, &|sample| sample.failed += 1);
            }
        }
        side
    }
}
