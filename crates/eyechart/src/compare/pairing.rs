//! Pairs the scores of two runs by id, epoch and reference, and lists what one side lacks.

use std::collections::HashMap;

use super::ids::Ids;
use super::samples::Samples;
use super::scores::{EntryScores, ScoreKey, ScoreLine};
use crate::types::Status;

/// One entry of a run: its scores, and the samples that they are of.
#[derive(Clone, Copy)]
pub(super) struct RunEntry<'a> {
    pub(super) scores: &'a EntryScores,
    pub(super) samples: &'a Samples,
    /// The position of the entry in the run.
    pub(super) index: usize,
}

/// A score of each of two runs. A side without a line is of a failed sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScorePair<'a> {
    /// The number of the cluster, from 0 on without gaps.
    pub(super) cluster: usize,
    pub(super) key: ScoreKey,
    pub(super) baseline: Option<&'a ScoreLine>,
    pub(super) other: Option<&'a ScoreLine>,
}

/// The scores of one entry in two runs.
#[derive(Debug, Default)]
pub(super) struct PairedScores<'a> {
    pub(super) pairs: Vec<ScorePair<'a>>,
    /// Scores that only the baseline has.
    pub(super) only_baseline: Vec<Lacking>,
    /// Scores that only the other run has.
    pub(super) only_other: Vec<Lacking>,
}

/// A score that one of two runs lacks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lacking {
    pub(super) key: ScoreKey,
    pub(super) reason: LackReason,
}

/// Why a run lacks a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LackReason {
    /// The sample failed.
    Failed,
    /// The scorer found no answer in the text.
    Unreadable,
    /// The answer has no score for another reason.
    Unscored,
    /// The run has no record of the sample.
    NotAsked,
}

impl LackReason {
    /// The reason in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Unscored => "unscored",
            Self::NotAsked => "not asked",
        }
    }
}

impl RunEntry<'_> {
    /// Why the run lacks the score of `key`, for which it has the line `line` or none.
    fn reason(&self, key: ScoreKey, line: Option<&ScoreLine>) -> LackReason {
        match (line, self.samples.status(key.sample)) {
            (Some(line), _) if line.is_unreadable => LackReason::Unreadable,
            (_, Some(Status::Failed)) => LackReason::Failed,
            (_, Some(Status::Completed)) => LackReason::Unscored,
            (_, None) => LackReason::NotAsked,
        }
    }
}

/// Pairs the scores of one entry. The clusters are those of the baseline.
pub(super) fn pair<'a>(baseline: RunEntry<'a>, other: RunEntry<'a>, ids: &Ids) -> PairedScores<'a> {
    let mut paired = PairedScores::default();
    let mut clusters = ClusterNumbers::new(ids, baseline.samples);
    let (mut own, mut others) =
        (baseline.scores.lines.iter().peekable(), other.scores.lines.iter().peekable());
    loop {
        let key = match (own.peek(), others.peek()) {
            (Some(own), Some(other)) => own.key.min(other.key),
            (Some(line), None) | (None, Some(line)) => line.key,
            (None, None) => break,
        };
        let (line, other_line) =
            (own.next_if(|line| line.key == key), others.next_if(|line| line.key == key));
        let value = |line: Option<&ScoreLine>| line.and_then(|line| line.value);
        match (value(line), value(other_line)) {
            (Some(_), None) => {
                paired.only_baseline.push(Lacking { key, reason: other.reason(key, other_line) });
            }
            (None, Some(_)) => {
                paired.only_other.push(Lacking { key, reason: baseline.reason(key, line) });
            }
            _ => {}
        }
        let is_missing = |line: Option<&ScoreLine>, run: RunEntry<'_>| {
            line.is_none() && run.samples.status(key.sample) != Some(Status::Failed)
        };
        if !is_missing(line, baseline) && !is_missing(other_line, other) {
            let cluster = clusters.number(key);
            paired.pairs.push(ScorePair { cluster, key, baseline: line, other: other_line });
        }
    }
    add_failed_in_both(&mut paired, baseline, other, &mut clusters);
    paired
}

/// Adds the samples that failed in both runs, with as many scores as an answer would have.
fn add_failed_in_both(
    paired: &mut PairedScores<'_>,
    baseline: RunEntry<'_>,
    other: RunEntry<'_>,
    clusters: &mut ClusterNumbers<'_>,
) {
    for (sample, possible) in &baseline.samples.failed {
        if other.samples.failed.contains_key(sample) {
            let key = ScoreKey { sample: *sample, reference: None };
            let pair = ScorePair { cluster: clusters.number(key), key, baseline: None, other: None };
            paired.pairs.extend(std::iter::repeat_n(pair, possible[baseline.index]));
        }
    }
}

/// A cluster that the record names, or the sample's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cluster {
    Named(u32),
    Own(u32),
}

/// Numbers for the clusters of a run, in the order of their first occurrence.
pub(super) struct ClusterNumbers<'a> {
    ids: &'a Ids,
    samples: &'a Samples,
    numbers: HashMap<Cluster, usize>,
}

impl<'a> ClusterNumbers<'a> {
    pub(super) fn new(ids: &'a Ids, samples: &'a Samples) -> Self {
        Self { ids, samples, numbers: HashMap::new() }
    }

    pub(super) fn number(&mut self, key: ScoreKey) -> usize {
        let sample = self.ids.sample_of(key.sample);
        let next = self.numbers.len();
        *self.numbers.entry(cluster_of(self.samples, sample)).or_insert(next)
    }
}

fn cluster_of(samples: &Samples, sample: u32) -> Cluster {
    samples.cluster(sample).map_or(Cluster::Own(sample), Cluster::Named)
}

/// The number of samples in both runs that are grouped in another way in the other run than in the baseline.
pub(super) fn regrouped(baseline: &Samples, other: &Samples, ids: &Ids) -> usize {
    let (mut forwards, mut backwards) = (HashMap::new(), HashMap::new());
    let is_regrouped = |number: &u32| {
        let sample = ids.sample_of(*number);
        let (own, others) = (cluster_of(baseline, sample), cluster_of(other, sample));
        *forwards.entry(own).or_insert(others) != others || *backwards.entry(others).or_insert(own) != own
    };
    baseline.shared(other).filter(is_regrouped).count()
}
