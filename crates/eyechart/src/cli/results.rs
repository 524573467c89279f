//! `eyechart results`: the figures of runs that were scored.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::log::RunFolder;
use eyechart::report::{Entry, Format, render};
use eyechart::score::{Scored, read_scored};

use super::{Exit, output};

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
        let mut entries = Vec::new();
        for folder in run_folders(&self.runs)? {
            let scored = read_scored(&folder)?;
            entries.push(entry(&folder, scored));
        }
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

/// The runs that `paths` name: each a run's folder, or a folder of runs.
pub fn run_folders(paths: &[PathBuf]) -> anyhow::Result<Vec<RunFolder>> {
    let mut folders = Vec::new();
    for path in paths {
        match RunFolder::open(path) {
            Ok(folder) => folders.push(folder),
            Err(error) => match RunFolder::all_under(Path::new(path)) {
                Ok(runs) if !runs.is_empty() => folders.extend(runs),
                _ => return Err(error.into()),
            },
        }
    }
    Ok(folders)
}

/// A scored run for a report.
pub fn entry(folder: &RunFolder, scored: Scored) -> Entry {
    Entry { folder: folder.path().to_owned(), results: scored.results, task: scored.task }
}
