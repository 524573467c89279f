//! Scoring a run: from its record to `scores.jsonl` and `results.json`. Asks no model.

mod columns;

use crate::analyze::{self, Measured, analyze};
use crate::files::{FileError, write_atomically, write_json};
use crate::record::{BadLine, RecordError, RunFolder};
use crate::scorer::{Embed, KeyFault, Scorer, ScorerError, Tools};
use crate::task::{LoadedTask, TaskError};
use columns::Completion;

use crate::types::{ErrorClass, Results, Score, Task};

/// Why a run cannot be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Its record cannot be read, or the scores cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its spec holds a task that this version does not understand.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Its texts cannot be embedded, or a scorer cannot work.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// An entry of the task makes no sense.
    #[error("[[score]] {name}: {}", fault.what)]
    Entry {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// Scorers read columns that the record lacks, and the run's data is no longer there.
    #[error(
        "the record lacks the columns that the scorers read ({columns}), and they cannot be read from the run's data: {reason}"
    )]
    Columns {
        /// Their names.
        columns: String,
        /// Why the data cannot be read.
        reason: String,
    },
}

impl ScoreError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Record(error) => error.class(),
            Self::Scorer(ScorerError::Embed(error)) => error.class(),
            Self::Task(error) => error.class(),
            Self::Entry { .. } => ErrorClass::Usage,
            Self::Columns { .. } => ErrorClass::Data,
        }
    }
}

/// A scored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its figures.
    pub results: Results,
    /// The task that its scorers and published figures are of.
    pub task: Task,
    /// Lines of the record that could not be read: their samples are not in the figures.
    pub bad_lines: Vec<BadLine>,
}

/// A run that is about to be scored: its own task, or that of another file.
pub struct Scoring<'a> {
    folder: &'a RunFolder,
    own: LoadedTask,
    /// The file that scorers and published figures are taken from instead.
    file: Option<&'a LoadedTask>,
    task: Task,
    scorers: Vec<Scorer>,
}

impl<'a> Scoring<'a> {
    /// The scorers of the run in `folder`, or those of `file`.
    ///
    /// # Errors
    /// [`ScoreError`] where the run cannot be read, or an entry makes no sense.
    pub fn new(folder: &'a RunFolder, file: Option<&'a LoadedTask>) -> Result<Self, ScoreError> {
        let own = own_task(folder)?;
        let task = file.map_or_else(|| own.task.clone(), |file| with_scorers_of(&own.task, &file.task));
        let scorers = task.score.iter().map(|entry| {
            Scorer::new(entry).map_err(|fault| ScoreError::Entry { name: entry.name().to_owned(), fault })
        });
        let scorers = scorers.collect::<Result<_, _>>()?;
        Ok(Self { folder, own, file, task, scorers })
    }

    /// Whether texts must be embedded.
    #[must_use]
    pub fn needs_encoder(&self) -> bool {
        self.scorers.iter().any(Scorer::needs_encoder)
    }

    /// The programs that score, each with its arguments.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.scorers.iter().filter_map(|scorer| Some(scorer.program()?.argv()))
    }

    /// Scores the run and writes `scores.jsonl` and `results.json`, each whole or not at all. The record is never
    /// touched.
    ///
    /// # Errors
    /// [`ScoreError`]; then nothing is written.
    pub fn score(self, tools: &Tools<'_>) -> Result<Scored, ScoreError> {
        let spec = self.folder.spec()?;
        let mut record = self.folder.record()?;
        let (own, task, scorers) = (&self.own, &self.task, self.scorers.as_slice());
        Completion { spec: &spec, own, task, scorers }.complete(&mut record.samples)?;
        // Another task file brings its own programs: there is nothing to compare them with.
        let recorded = self.file.is_none().then_some(spec.commands.as_slice());
        let tools = &Tools { commands: tools.commands.compared_with(recorded), ..*tools };
        let (mut by_scorer, mut measured) = (Vec::new(), Vec::new());
        for scorer in &self.scorers {
            let scored = scorer.score(&record.samples, &spec.answers, tools)?;
            measured.push(Measured { spec: scored.spec, metrics: scorer.metrics(), failed: scored.failed });
            by_scorer.push(scored.scores.into_iter());
        }
        let scores: Vec<Score> = (0..record.samples.len())
            .flat_map(|_| by_scorer.iter_mut().filter_map(Iterator::next).flatten().collect::<Vec<_>>())
            .collect();
        self.write_scores(&scores).map_err(RecordError::from)?;
        let embeds = self.needs_encoder() && !scores.is_empty();
        let results = Results {
            encoder: tools.embedder.filter(|_| embeds).map(Embed::spec),
            scored_by: self.file.map(|file| file.source.clone()),
            ..analyze(&spec, &measured, record.samples.iter().collect(), &scores)
        };
        write_json(&self.folder.results_path(), &results).map_err(RecordError::from)?;
        Ok(Scored { results, task: self.task, bad_lines: record.bad_lines })
    }

    fn write_scores(&self, scores: &[Score]) -> Result<(), FileError> {
        write_atomically(&self.folder.scores_path(), |file| {
            for score in scores {
                serde_json::to_writer(&mut *file, score)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        })
    }
}

/// The ids of the figures that a run of `task` has, the primary one first.
#[must_use]
pub fn figure_ids(task: &Task) -> Vec<String> {
    let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    let measured =
        scorers.map(|scorer| Measured { spec: scorer.spec(), metrics: scorer.metrics(), failed: 0 });
    analyze::figure_ids(&measured.collect::<Vec<_>>())
}

/// The figures of a run that was scored before.
///
/// # Errors
/// [`ScoreError::Record`] where it was not, or by another version.
pub fn read_scored(folder: &RunFolder) -> Result<Scored, ScoreError> {
    let path = folder.results_path();
    let text = std::fs::read(&path).map_err(|source| RecordError::Io {
        action: "read the results (`eyechart score` makes them)",
        path: path.clone(),
        source,
    })?;
    let malformed = |reason| RecordError::Malformed { path: path.clone(), reason };
    let format = serde_json::from_slice(&text)
        .ok()
        .and_then(|results: serde_json::Value| Some(results.get("format")?.as_str()?.to_owned()));
    if format.as_deref().is_some_and(|format| format != Results::FORMAT) {
        let reason = format!(
            "its format is {:?}, expected {:?}: `eyechart score {}` makes it anew",
            format.unwrap_or_default(),
            Results::FORMAT,
            folder.path().display()
        );
        return Err(malformed(reason).into());
    }
    let results: Results = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    let own = own_task(folder)?.task;
    let task = match &results.scored_by {
        None => own,
        Some(source) => with_scorers_of(&own, &LoadedTask::recorded(source)?.task),
    };
    Ok(Scored { results, task, bad_lines: Vec::new() })
}

/// The task as the run's spec has it, whatever has become of its file.
fn own_task(folder: &RunFolder) -> Result<LoadedTask, ScoreError> {
    let source = folder.spec()?.task;
    Ok(LoadedTask::recorded(&source)?)
}

/// The task as the run's spec has it.
///
/// # Errors
/// [`ScoreError`] where the spec cannot be read or its task not be understood.
pub fn task_of(folder: &RunFolder) -> Result<Task, ScoreError> {
    Ok(own_task(folder)?.task)
}

/// `own` with the scorers and published figures of `file`, and with its `choices` and `cluster` where it names them.
fn with_scorers_of(own: &Task, file: &Task) -> Task {
    let mut task = own.clone();
    task.score.clone_from(&file.score);
    task.published.clone_from(&file.published);
    if file.dataset.cluster.is_some() {
        task.dataset.cluster.clone_from(&file.dataset.cluster);
    }
    if file.dataset.choices.is_some() {
        task.dataset.choices.clone_from(&file.dataset.choices);
    }
    task
}
