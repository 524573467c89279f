//! `eyechart results`: the figures of runs that were scored.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::record::RunFolder;
use eyechart::report::{Entry, Format, render};
use eyechart::score::{Scored, read_scored};

use super::{Exit, chain_of, output};

/// Show the figures of scored runs, side by side
#[derive(Debug, Args)]
pub struct ShowResults {
    /// Folders of runs, or a folder that holds runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// How to write them
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ResultsFormat {
    Table,
    Markdown,
    Csv,
    Json,
}

impl ShowResults {
    pub fn call(self) -> anyhow::Result<Exit> {
        let entries = shown(&chosen_runs(&self.runs)?, |folder| Ok(entry(folder, read_scored(folder)?)))?;
        let format = match self.format {
            ResultsFormat::Table => Format::Table,
            ResultsFormat::Markdown => Format::Markdown,
            ResultsFormat::Csv => Format::Csv,
            ResultsFormat::Json => Format::Json,
        };
        output::result(&render(&entries, format));
        Ok(Exit::Success)
    }
}

/// A run that the command line names, by itself or by the folder that it is in.
pub struct Chosen {
    pub folder: RunFolder,
    by_itself: bool,
}

impl Chosen {
    /// Whether the run is named by itself, or is of this task; a note says which one is left out.
    pub fn is_of_task(&self, name: &str) -> bool {
        let task = self.folder.spec().map(|spec| spec.task.name);
        let is_it = self.by_itself || task.as_ref().is_ok_and(|task| task == name);
        if let (false, Ok(task)) = (is_it, &task) {
            output::notice(&format!("{} left out: it is of the task {task:?}", self.folder.path().display()));
        }
        is_it
    }
}

/// The runs that `paths` name: each a run's folder, or a folder of runs.
pub fn chosen_runs(paths: &[PathBuf]) -> anyhow::Result<Vec<Chosen>> {
    let mut chosen = Vec::new();
    for path in paths {
        match RunFolder::open(path) {
            Ok(folder) => chosen.push(Chosen { folder, by_itself: true }),
            Err(error) => match RunFolder::all_under(path) {
                Ok(runs) if !runs.is_empty() => {
                    chosen.extend(runs.into_iter().map(|folder| Chosen { folder, by_itself: false }));
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(chosen)
}

/// What `show` makes of each run. One that was not named by itself and cannot be shown is noted and left out, as
/// long as another can.
pub fn shown<T>(
    runs: &[Chosen],
    mut show: impl FnMut(&RunFolder) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let (mut all, mut left_out) = (Vec::new(), None);
    for run in runs {
        match show(&run.folder) {
            Ok(one) => all.push(one),
            Err(error) if run.by_itself => return Err(error),
            Err(error) => {
                output::notice(&format!("{} left out: {}", run.folder.path().display(), chain_of(&error)));
                left_out = Some(error);
            }
        }
    }
    match left_out {
        Some(error) if all.is_empty() => Err(error),
        _ => Ok(all),
    }
}

/// A scored run for a report.
pub fn entry(folder: &RunFolder, scored: Scored) -> Entry {
    Entry { folder: folder.path().to_owned(), results: scored.results, task: scored.task }
}
