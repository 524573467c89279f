//! Scoring a run: from its record to `scores.jsonl` and `results.json`, without a network or the dataset.

use crate::analyze::analyze;
use crate::log::{BadLine, LogError, RunFolder, write_atomically, write_json};
use crate::scorer::{Embed, EmbedError, similarity};
use crate::task::{LoadedTask, TaskError};
use crate::types::{Results, Task};

/// Why a run cannot be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Its record cannot be read, or the scores cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its spec holds a task that this version does not understand.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Its texts cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// A scored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its figures.
    pub results: Results,
    /// The task they are of, with what others published for it.
    pub task: Task,
    /// Lines of the record that could not be read: their samples are not in the figures.
    pub bad_lines: Vec<BadLine>,
}

/// Scores the run in `folder` and writes `scores.jsonl` and `results.json`, each whole or not at all.
///
/// # Errors
/// [`ScoreError`]; the record is never touched.
pub fn score(folder: &RunFolder, encoder: &dyn Embed) -> Result<Scored, ScoreError> {
    let spec = folder.spec()?;
    let task = task_of(folder)?;
    let record = folder.record()?;
    let scores = similarity(&record.samples, &task.compare, &spec.answers, encoder)?;
    write_atomically(&folder.scores_path(), |file| {
        for score in &scores {
            serde_json::to_writer(&mut *file, score)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })?;
    let results = Results {
        encoder: (!scores.is_empty()).then(|| encoder.spec()),
        ..analyze(&spec, &task, record.samples.iter().collect(), &scores)
    };
    write_json(&folder.results_path(), &results)?;
    Ok(Scored { results, task, bad_lines: record.bad_lines })
}

/// The figures of a run that was scored before.
///
/// # Errors
/// [`ScoreError::Log`] where it was not.
pub fn read_scored(folder: &RunFolder) -> Result<Scored, ScoreError> {
    let path = folder.results_path();
    let text = std::fs::read(&path).map_err(|source| LogError::Io {
        action: "read the results (`eyechart score` makes them)",
        path: path.clone(),
        source,
    })?;
    let malformed = |reason| LogError::Malformed { path: path.clone(), reason };
    let results: Results = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    if results.format != Results::FORMAT {
        return Err(
            malformed(format!("its format is {:?}, expected {:?}", results.format, Results::FORMAT)).into()
        );
    }
    Ok(Scored { results, task: task_of(folder)?, bad_lines: Vec::new() })
}

/// The task as the run's spec has it, whatever has become of its file.
///
/// # Errors
/// [`ScoreError`] where the spec cannot be read or its task not be understood.
pub fn task_of(folder: &RunFolder) -> Result<Task, ScoreError> {
    let source = folder.spec()?.task;
    Ok(LoadedTask::parse(&source.name, source.text, None)?.task)
}
