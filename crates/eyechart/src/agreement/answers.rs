//! The answers of a run with their scores: a row for each sample and epoch, a column for each entry.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::AgreementError;
use crate::record::{BadLine, RunFolder, for_each_sample_line, for_each_score_line};
use crate::score::DataKey;
use crate::types::{Epoch, Results, ScorerSpec};

/// All answers of a run.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The sample and epoch of each answer, in the order of the record.
    pub(super) keys: Vec<AnswerKey>,
    /// The number of each answer's cluster.
    pub(super) clusters: Vec<usize>,
    pub(super) entries: Vec<Entry>,
    /// The text of the column of labels for each answer, if one was asked for.
    pub(super) labels: Vec<Option<String>>,
    /// The lines of the record that cannot be read.
    pub(super) bad_lines: Vec<BadLine>,
    /// The places of a sample's answers, by its id.
    places: HashMap<String, Vec<usize>>,
}

/// Identifies an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerKey {
    pub(super) id: String,
    pub(super) epoch: Epoch,
    /// The row of the dataset.
    pub(super) row: u64,
}

impl AnswerKey {
    pub(super) fn data_key(&self) -> DataKey<'_> {
        DataKey { id: &self.id, epoch: self.epoch, row: self.row }
    }
}

/// The scores of one `[[score]]`.
#[derive(Debug)]
pub(super) struct Entry {
    /// `NAME[.PART][.TARGET]`, as in the ids of figures.
    pub(super) id: String,
    /// The score of each answer, the mean over its references; absent if it has none.
    pub(super) values: Vec<Option<f64>>,
    /// The text that the scorer read from each answer.
    pub(super) texts: Vec<Option<String>>,
}

impl Answers {
    /// Reads the record and the scores of a run, and the column of labels.
    pub(super) fn read(
        folder: &RunFolder,
        results: &Results,
        label_column: Option<&str>,
    ) -> Result<Self, AgreementError> {
        let mut answers = Self::default();
        let mut clusters = ClusterNumbers::default();
        let bad_lines = for_each_sample_line(&folder.samples_path(), |line| {
            let sample: SampleLine<'_> = serde_json::from_slice(line)?;
            answers.add(&sample, clusters.of(&sample), label_column);
            Ok(())
        })?;
        answers.bad_lines = bad_lines;
        answers.add_scores(folder, results)?;
        Ok(answers)
    }

    /// The number of answers.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether an answer is of a later epoch than the first.
    pub(super) fn has_epochs(&self) -> bool {
        self.keys.iter().any(|key| key.epoch > 1)
    }

    /// The places of the answers of all epochs of a sample.
    pub(super) fn places(&self, id: &str) -> &[usize] {
        self.places.get(id).map_or(&[], Vec::as_slice)
    }

    /// The place of an answer.
    pub(super) fn place(&self, id: &str, epoch: Epoch) -> Option<usize> {
        self.places(id).iter().copied().find(|place| self.keys[*place].epoch == epoch)
    }

    /// Adds a sample. Of several lines with its id and epoch the last counts.
    fn add(&mut self, sample: &SampleLine<'_>, cluster: usize, label_column: Option<&str>) {
        let label = label_column.and_then(|column| sample.text_of(column));
        if let Some(place) = self.place(&sample.id, sample.epoch) {
            (self.clusters[place], self.labels[place]) = (cluster, label);
            return;
        }
        let id = sample.id.clone().into_owned();
        self.places.entry(id.clone()).or_default().push(self.keys.len());
        self.keys.push(AnswerKey { id, epoch: sample.epoch, row: sample.row });
        self.clusters.push(cluster);
        self.labels.push(label);
    }

    fn add_scores(&mut self, folder: &RunFolder, results: &Results) -> Result<(), AgreementError> {
        let n = self.len();
        let mut columns = vec![EntryScores::new(n); results.scorers.len()];
        for_each_score_line(&folder.scores_path(), |line| {
            let score: ScoreLine<'_> = serde_json::from_slice(line)?;
            let entry = results.scorers.iter().position(|spec| score.is_of(spec));
            if let Some((entry, place)) = entry.zip(self.place(&score.id, score.epoch)) {
                columns[entry].add(place, score);
            }
            Ok(())
        })?;
        let entry = |(spec, scores): (&ScorerSpec, EntryScores)| {
            let mean = |(sum, count): (&f64, &u32)| (*count > 0).then(|| sum / f64::from(*count));
            Entry {
                id: entry_id(spec, results),
                values: scores.sums.iter().zip(&scores.counts).map(mean).collect(),
                texts: scores.texts,
            }
        };
        self.entries = results.scorers.iter().zip(columns).map(entry).collect();
        self.entries.retain(|entry| entry.values.iter().any(Option::is_some));
        Ok(())
    }
}

/// What is needed of a line of `samples.jsonl`.
#[derive(Deserialize)]
struct SampleLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    epoch: Epoch,
    row: u64,
    cluster: Option<String>,
    #[serde(default)]
    targets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl SampleLine<'_> {
    /// The text of a column that the record has as a field, or as a target with one reference.
    fn text_of(&self, column: &str) -> Option<String> {
        let of_target = || match self.targets.get(column)?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        };
        self.fields.get(column).cloned().or_else(of_target)
    }
}

/// What is needed of a line of `scores.jsonl`.
#[derive(Deserialize)]
struct ScoreLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    epoch: Epoch,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    part: Cow<'a, str>,
    target: Option<String>,
    value: Option<f64>,
    answer: Option<String>,
}

impl ScoreLine<'_> {
    fn is_of(&self, spec: &ScorerSpec) -> bool {
        self.name == spec.name && self.part == spec.part && self.target == spec.target
    }
}

/// The scores of one entry while they are read: sums over the references of each answer.
#[derive(Clone)]
struct EntryScores {
    sums: Vec<f64>,
    counts: Vec<u32>,
    texts: Vec<Option<String>>,
}

impl EntryScores {
    fn new(n: usize) -> Self {
        Self { sums: vec![0.0; n], counts: vec![0; n], texts: vec![None; n] }
    }

    fn add(&mut self, place: usize, score: ScoreLine<'_>) {
        if let Some(value) = score.value {
            self.sums[place] += value;
            self.counts[place] += 1;
        }
        if self.texts[place].is_none() {
            self.texts[place] = score.answer;
        }
    }
}

/// The ids of an entry's figures, without the metric.
fn entry_id(spec: &ScorerSpec, results: &Results) -> String {
    let mut figures = results.figures.iter();
    let figure = figures
        .find(|figure| figure.name == spec.name && figure.part == spec.part && figure.target == spec.target);
    let id = figure.and_then(|figure| figure.id.strip_suffix(&figure.metric)?.strip_suffix('.'));
    id.unwrap_or(&spec.name).to_owned()
}

/// Numbers for clusters, in the order of their first occurrence.
#[derive(Default)]
struct ClusterNumbers {
    named: HashMap<String, usize>,
    own: HashMap<String, usize>,
}

impl ClusterNumbers {
    /// The number of the cluster that the record names, else of its sample.
    fn of(&mut self, sample: &SampleLine<'_>) -> usize {
        let next = self.named.len() + self.own.len();
        match &sample.cluster {
            Some(cluster) => *self.named.entry(cluster.clone()).or_insert(next),
            None => *self.own.entry(sample.id.clone().into_owned()).or_insert(next),
        }
    }
}
