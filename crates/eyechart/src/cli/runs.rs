//! `eyechart runs`: lists the runs in a folder with their state and size, and removes those without a record.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::record::RunFolder;
use eyechart::text::{counted, wrapped};
use eyechart::types::{Epoch, SampleCounts, Status};
use serde::Serialize;

use super::question::{can_ask, confirm};
use super::results::chosen_runs;
use super::{Exit, output};

/// Columns of the table without the folders. A narrower terminal gets a block of lines for each run.
const TABLE: usize = 50;

/// List runs with their state and size
#[derive(Debug, Args)]
pub struct ListRuns {
    /// Folder of a run, or a folder of runs
    #[arg(default_value = "runs", value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Delete the runs without a record, after asking
    #[arg(long)]
    remove_empty: bool,

    /// Delete without asking
    #[arg(long, requires = "remove_empty")]
    yes: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListFormat {
    /// One line per run
    Table,
    /// A JSON list
    Json,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// A process is writing the run.
    Running,
    /// No sample has a record.
    Empty,
    /// Some samples have no record.
    Stopped,
    /// Every sample has a record. The run has no scores.
    Finished,
    /// Every sample has a record, and the run has scores.
    Scored,
    /// The spec or the record cannot be read.
    Unreadable,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Empty => "empty",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Scored => "scored",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Line {
    folder: PathBuf,
    state: State,
    /// Number of picked samples.
    samples: usize,
    /// How often each is asked; absent if once. The numbers below count each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<Epoch>,
    completed: usize,
    failed: usize,
    /// Size of all files in the folder. Pictures, which runs share, are left out.
    bytes: u64,
}

impl Line {
    /// Such as `40 of 50`, or `120 of 50 × 3` if each sample is asked several times.
    fn completed(&self) -> String {
        let times = self.epochs.map(|epochs| format!(" × {epochs}")).unwrap_or_default();
        format!("{} of {}{times}", self.completed, self.samples)
    }
}

impl ListRuns {
    pub fn call(self) -> anyhow::Result<Exit> {
        let folders: Vec<RunFolder> = chosen_runs(&self.runs)?.into_iter().map(|run| run.folder).collect();
        let lines: Vec<Line> = folders.iter().map(line).collect();
        output::result(&match self.format {
            ListFormat::Table if output::terminal_width() < TABLE => blocks(&lines, output::terminal_width()),
            ListFormat::Table => table(&lines),
            ListFormat::Json => serde_json::to_string_pretty(&lines)? + "\n",
        });
        if self.remove_empty { self.remove_empty(&folders, &lines) } else { Ok(Exit::Success) }
    }

    fn remove_empty(&self, folders: &[RunFolder], lines: &[Line]) -> anyhow::Result<Exit> {
        let empty = folders.iter().zip(lines).filter(|(_, line)| line.state == State::Empty);
        let empty: Vec<&RunFolder> = empty.map(|(folder, _)| folder).collect();
        if empty.is_empty() {
            output::progress("no run is empty: nothing is deleted");
            return Ok(Exit::Success);
        }
        let question = format!("delete {} without a record?", counted(empty.len(), "run"));
        anyhow::ensure!(
            self.yes || can_ask(),
            "{question} There is no terminal to ask on: add --yes to the command"
        );
        if !self.yes && !confirm(&question)? {
            output::progress("nothing is deleted");
            return Ok(Exit::Success);
        }
        let mut removed = 0;
        for folder in empty {
            removed += usize::from(folder.remove_if_empty()?);
        }
        output::progress(&format!("{} deleted", counted(removed, "run")));
        Ok(Exit::Success)
    }
}

fn line(folder: &RunFolder) -> Line {
    let (path, bytes) = (folder.path().to_owned(), size_of(folder.path()));
    let unfinished = folder.spec().and_then(|spec| {
        let counts = SampleCounts::default().of_run(&spec);
        Ok((folder.unfinished(&spec)?, counts))
    });
    let Ok((unfinished, counts)) = unfinished else {
        let state = State::Unreadable;
        return Line { folder: path, state, samples: 0, epochs: None, completed: 0, failed: 0, bytes };
    };
    let failed = unfinished.recorded.iter().filter(|record| record.status == Status::Failed).count();
    let completed = unfinished.completed;
    let state = if folder.is_in_use() {
        State::Running
    } else if folder.is_empty() {
        State::Empty
    } else if completed + failed < counts.total {
        State::Stopped
    } else if folder.results_path().is_file() {
        State::Scored
    } else {
        State::Finished
    };
    let (samples, epochs) = (counts.picked(), counts.epochs);
    Line { folder: path, state, samples, epochs, completed, failed, bytes }
}

/// Size of the files directly in `folder`. A run has no other ones.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum()
}

/// One line per run: state, completed samples, failed samples, size, folder. The folder comes last, because names are long.
fn table(lines: &[Line]) -> String {
    let mut text = format!("{:<10} {:>17} {:>7} {:>10}  run\n", "state", "completed", "failed", "size");
    for line in lines {
        let completed = line.completed();
        text.push_str(&format!(
            "{:<10} {completed:>17} {:>7} {:>10}  {}\n",
            line.state.name(),
            line.failed,
            size(line.bytes),
            line.folder.display()
        ));
    }
    text
}

/// The folder of each run, broken anywhere, and below it what the table has.
fn blocks(lines: &[Line], width: usize) -> String {
    let mut text = String::new();
    for line in lines {
        let folder: Vec<char> = line.folder.display().to_string().chars().collect();
        folder.chunks(width.max(1)).for_each(|part| text.extend(part.iter().chain(&['\n'])));
        let (state, size) = (line.state.name(), size(line.bytes));
        let counts = format!("{} completed, {} failed", line.completed(), line.failed);
        text.push_str(&wrapped(&format!("  {state}: {counts}, {size}"), width, 4));
        text.push('\n');
    }
    text
}

/// A size in a unit that keeps it short, such as `3.2 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
