//! What a comparison needs of `scores.jsonl`: the numbers, without texts.

use std::borrow::Cow;

use serde::Deserialize;

use super::ScoredRun;
use super::ids::{Ids, SampleEpoch};
use super::samples::{Samples, hash};
use crate::analyze::ReadAnswer;
use crate::record::{RecordError, for_each_score_line};
use crate::types::{Counts, Epoch, READABLE};

/// What a score is of, within an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScoreKey {
    pub(super) sample: SampleEpoch,
    /// The position of the reference; absent if the score is of all references.
    pub(super) reference: Option<u32>,
}

/// One line of `scores.jsonl`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScoreLine {
    pub(super) key: ScoreKey,
    /// The score; absent if the answer is unscored.
    pub(super) value: Option<f64>,
    /// The row of the counts; absent if the line has none.
    pub(super) counts: Option<u32>,
    /// Whether the scorer found no answer in the text.
    pub(super) is_unreadable: bool,
}

/// The scores of one entry of a run, by their keys.
#[derive(Debug, Default)]
pub(super) struct EntryScores {
    pub(super) lines: Vec<ScoreLine>,
    pub(super) counts: CountTable,
    /// Hashes of the answers that the scorer read, of runs with several epochs.
    pub(super) answers: Vec<(ScoreKey, u64)>,
}

/// Counts of many lines: a column for each name.
#[derive(Debug, Default)]
pub(super) struct CountTable {
    columns: Vec<CountColumn>,
    rows: usize,
}

#[derive(Debug)]
pub(super) struct CountColumn {
    pub(super) name: String,
    /// One number for each row; the rows that it ends before, and those without the count, have 0.
    values: Vec<f64>,
}

impl CountColumn {
    pub(super) fn value(&self, row: u32) -> f64 {
        self.values.get(row as usize).copied().unwrap_or_default()
    }
}

impl CountTable {
    /// Adds a row and returns its number.
    fn add(&mut self, counts: Counts) -> u32 {
        let row = self.rows;
        self.rows += 1;
        for (name, count) in counts {
            let at = match self.columns.binary_search_by(|column| column.name.cmp(&name)) {
                Ok(at) => at,
                Err(at) => {
                    self.columns.insert(at, CountColumn { name, values: Vec::new() });
                    at
                }
            };
            let values = &mut self.columns[at].values;
            values.resize(row, 0.0);
            values.push(count);
        }
        row as u32
    }

    /// The columns, by name.
    pub(super) fn columns(&self) -> &[CountColumn] {
        &self.columns
    }

    pub(super) fn column(&self, name: &str) -> Option<&CountColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The part of a line that a comparison reads.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    epoch: Epoch,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    part: Cow<'a, str>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    reference: Option<u32>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(borrow, default)]
    answer: Option<Cow<'a, str>>,
    #[serde(default)]
    counts: Counts,
}

/// Reads the scores of `run`, by its entries.
pub(super) fn read_scores(
    run: &ScoredRun,
    samples: &Samples,
    ids: &mut Ids,
) -> Result<Vec<EntryScores>, RecordError> {
    let mut entries: Vec<EntryScores> = run.entries.iter().map(|_| EntryScores::default()).collect();
    for_each_score_line(&run.folder.scores_path(), |line| {
        let line: Outline<'_> = serde_json::from_slice(line)?;
        let is_of = |entry: &super::ComparedEntry| {
            entry.spec.name == line.name && entry.spec.part == line.part && entry.spec.target == line.target
        };
        if let Some(at) = run.entries.iter().position(is_of) {
            let key = ScoreKey { sample: ids.number(&line.id, line.epoch), reference: line.reference };
            if run.spec.epochs > 1 {
                let read = line.answer(run.entries[at].scorer.picks_options());
                let answer = samples.shuffled.answer(read).map(|answer| (key, hash(&answer)));
                entries[at].answers.extend(answer);
            }
            entries[at].add(key, line.value, line.counts);
        }
        Ok(())
    })?;
    for entry in &mut entries {
        entry.lines.sort_by_key(|line| line.key);
    }
    Ok(entries)
}

impl Outline<'_> {
    fn answer(&self, picks_options: bool) -> ReadAnswer<'_> {
        ReadAnswer {
            id: &self.id,
            epoch: self.epoch,
            text: self.answer.as_deref(),
            is_unreadable: is_unreadable(&self.counts),
            picks_options,
        }
    }
}

/// Whether a line with these counts is of an answer that the scorer could not read.
fn is_unreadable(counts: &Counts) -> bool {
    counts.get(READABLE).is_some_and(|readable| *readable == 0.0)
}

impl EntryScores {
    fn add(&mut self, key: ScoreKey, value: Option<f64>, counts: Counts) {
        let is_unreadable = is_unreadable(&counts);
        let counts = (!counts.is_empty()).then(|| self.counts.add(counts));
        self.lines.push(ScoreLine { key, value, counts, is_unreadable });
    }
}
