//! Scores a run: from its record to `scores.jsonl` and `results.json`. No request is sent to a model.

mod columns;

use std::borrow::Cow;
use std::path::PathBuf;

use crate::analyze::{self, Measured, analyze};
use crate::files::{FileError, read_regular, write_atomically, write_json};
use crate::record::{BadLine, RecordError, RunFolder};
use crate::scorer::{Embed, KeyFault, Scorer, ScorerError, Tools};
use crate::stats::Level;
use crate::task::{LoadedTask, OptionOrder, TaskError, shuffle_options};
use columns::Completion;

use crate::types::{Epoch, ErrorClass, Metric, Results, Score, Task, text_of};

/// The reason why a run cannot be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The record cannot be read, or the scores cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The run was not scored.
    #[error("{run} has no scores yet: `eyechart score {run}` makes them")]
    Unscored {
        /// The folder of the run.
        run: PathBuf,
    },
    /// The task in the spec is not valid in this version.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A scorer cannot work, for example because the texts cannot be embedded.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// An entry of the task is not valid.
    #[error("[[score]] {name}: {}", fault.what)]
    Entry {
        /// The name of the entry.
        name: String,
        /// The key that is not valid.
        fault: KeyFault,
    },
    /// The record lacks columns that scorers read, and the data of the run cannot be read.
    #[error(
        "the record lacks the columns that the scorers read ({columns}), and they cannot be read from the run's data: {reason}"
    )]
    Columns {
        /// The names of the columns.
        columns: String,
        /// The reason why the data cannot be read.
        reason: String,
    },
}

impl ScoreError {
    /// Returns the class of the error, which decides the exit code.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Record(error) => error.class(),
            Self::Scorer(ScorerError::Embed(error)) => error.class(),
            Self::Task(error) => error.class(),
            Self::Unscored { .. } | Self::Entry { .. } => ErrorClass::Usage,
            Self::Columns { .. } => ErrorClass::Data,
        }
    }
}

/// A scored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The results with the figures.
    pub results: Results,
    /// The task with the scorers and the published figures.
    pub task: Task,
    /// The lines of the record that could not be read. Their samples are not in the figures.
    pub bad_lines: Vec<BadLine>,
}

/// The scoring of a run, with the scorers of its own task or of another task file.
pub struct Scoring<'a> {
    folder: &'a RunFolder,
    own: LoadedTask,
    /// The other task file with the scorers and published figures, if one is given.
    file: Option<&'a LoadedTask>,
    task: Task,
    scorers: Vec<Scorer>,
    level: Level,
}

impl<'a> Scoring<'a> {
    /// Prepares the scorers of the run in `folder`, or those of `file`.
    ///
    /// # Errors
    /// [`ScoreError`] if the run cannot be read, or an entry is not valid.
    pub fn new(folder: &'a RunFolder, file: Option<&'a LoadedTask>) -> Result<Self, ScoreError> {
        let own = own_task(folder)?;
        let task = file.map_or_else(|| own.task.clone(), |file| with_scorers_of(&own.task, &file.task));
        let scorers = task.score.iter().map(|entry| {
            Scorer::new(entry).map_err(|fault| ScoreError::Entry { name: entry.name().to_owned(), fault })
        });
        let scorers = scorers.collect::<Result<_, _>>()?;
        Ok(Self { folder, own, file, task, scorers, level: Level::default() })
    }

    /// The scoring with intervals of another confidence level than 0.95.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Returns whether a scorer needs an embedder.
    #[must_use]
    pub fn needs_encoder(&self) -> bool {
        self.scorers.iter().any(Scorer::needs_encoder)
    }

    /// Returns the programs that score, each with its arguments.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.scorers.iter().filter_map(|scorer| Some(scorer.program()?.argv()))
    }

    /// Scores the run, and writes `scores.jsonl` and `results.json`, each atomically. The record is not changed.
    ///
    /// # Errors
    /// [`ScoreError`] if another process writes the run, it cannot be scored, or the files cannot be written.
    pub fn score(self, tools: &Tools<'_>) -> Result<Scored, ScoreError> {
        // A record that still grows has no figures yet.
        let _lock = self.folder.lock()?;
        self.folder.make_durable()?;
        let spec = self.folder.spec()?;
        let mut record = self.folder.record()?;
        let (own, task, scorers) = (&self.own, &self.task, self.scorers.as_slice());
        Completion { spec: &spec, own, task, scorers }.complete(&mut record.samples)?;
        // The programs of another task file were not recorded, so they are not compared.
        let recorded = self.file.is_none().then_some(spec.commands.as_slice());
        let tools = &Tools { commands: tools.commands.compared_with(recorded), ..*tools };
        let (mut by_scorer, mut measured) = (Vec::new(), Vec::new());
        for scorer in &self.scorers {
            let scored = scorer.score(&record.samples, &spec.answers, tools)?;
            measured.push(Measured {
                spec: scored.spec,
                metrics: scorer.metrics(),
                failed: scored.failed,
                picks_options: scorer.picks_options(),
            });
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
            ..analyze(&spec, &measured, record.samples.iter().collect(), &scores, self.level)
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

/// A figure that the runs of a task have.
#[derive(Debug, Clone)]
pub struct TaskFigure {
    /// The id.
    pub id: String,
    /// The metric.
    pub metric: Metric,
}

/// Returns the figures of `task`, with the primary figure first.
#[must_use]
pub fn task_figures(task: &Task) -> Vec<TaskFigure> {
    let measured = unmeasured(task);
    let ids = analyze::figure_ids(&measured).into_iter();
    let metrics = measured.into_iter().flat_map(|one| one.metrics);
    ids.zip(metrics).map(|(id, metric)| TaskFigure { id, metric }).collect()
}

/// Returns the ids of the figures over epochs that a run of `task` with `epochs` epochs can have.
#[must_use]
pub fn epoch_figure_ids(task: &Task, epochs: Epoch) -> Vec<String> {
    analyze::epoch_figure_ids(&unmeasured(task), epochs)
}

/// The scorers of `task` before anything is scored.
fn unmeasured(task: &Task) -> Vec<Measured> {
    let scorers = task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    scorers
        .map(|scorer| Measured {
            spec: scorer.spec(),
            metrics: scorer.metrics(),
            failed: 0,
            picks_options: scorer.picks_options(),
        })
        .collect()
}

/// Returns the ids of the figures of `task`, with the primary figure first.
#[must_use]
pub fn figure_ids(task: &Task) -> Vec<String> {
    task_figures(task).into_iter().map(|figure| figure.id).collect()
}

/// Reads the figures of a run that has been scored.
///
/// # Errors
/// [`ScoreError::Unscored`] if the run has not been scored, [`ScoreError::Record`] if another version scored it.
pub fn read_scored(folder: &RunFolder) -> Result<Scored, ScoreError> {
    let path = folder.results_path();
    let text = read_regular(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ScoreError::Unscored { run: folder.path().to_owned() },
        _ => RecordError::Io { action: "read", path: path.clone(), source }.into(),
    })?;
    let malformed = |reason| RecordError::Malformed { path: path.clone(), reason };
    let format = serde_json::from_slice(&text)
        .ok()
        .and_then(|results: serde_json::Value| Some(results.get("format")?.as_str()?.to_owned()));
    if format.as_deref().is_some_and(|format| format != Results::FORMAT) {
        let reason = format!(
            "its format is {:?}, expected {:?}: `eyechart score {}` makes it again",
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

/// Reads a column from the data of a run as text, for each of `answers`: with the options in the order that was sent.
///
/// # Errors
/// Why the data cannot be read, that it has changed, or that it has no such column.
pub(crate) fn read_data_column(
    folder: &RunFolder,
    answers: &[DataKey<'_>],
    column: &str,
) -> Result<Vec<Option<String>>, String> {
    let own = own_task(folder).map_err(|error| error.to_string())?;
    let spec = folder.spec().map_err(|error| error.to_string())?;
    let shuffled = columns::shuffled_options(&spec, &own);
    let mut names = vec![column.to_owned()];
    names.extend(shuffled.iter().flat_map(|choices| choices.columns()).cloned());
    let numbers = answers.iter().map(|answer| answer.row).collect();
    let found = columns::data_rows(&own, &spec, numbers, &names)?;
    let text = |answer: &DataKey<'_>| {
        let Some(row) = found.get(&answer.row) else { return Ok(None) };
        let mut row = Cow::Borrowed(row);
        if let Some(choices) = shuffled {
            let drawn = OptionOrder { seed: spec.seed, id: answer.id, epoch: answer.epoch };
            shuffle_options(row.to_mut(), choices, drawn)?;
        }
        Ok(row.get(column).map(|cell| text_of(&cell)))
    };
    answers.iter().map(text).collect()
}

/// An answer of a run, and the row of the data that it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataKey<'a> {
    pub(crate) id: &'a str,
    pub(crate) epoch: Epoch,
    pub(crate) row: u64,
}

/// Returns the task as recorded in the spec of the run. The task file is not read.
fn own_task(folder: &RunFolder) -> Result<LoadedTask, ScoreError> {
    let source = folder.spec()?.task;
    Ok(LoadedTask::recorded(&source)?)
}

/// Returns the task as recorded in the spec of the run.
///
/// # Errors
/// [`ScoreError`] if the spec cannot be read or its task is not valid.
pub fn task_of(folder: &RunFolder) -> Result<Task, ScoreError> {
    Ok(own_task(folder)?.task)
}

/// Returns `own` with the scorers and published figures of `file`, and with its `choices` and `cluster` if it has them.
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
