//! `eyechart score`: scores a recorded run again, without a network or the dataset.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::embed::Embedder;
use eyechart::log::{BadLine, RunFolder};
use eyechart::report::{Entry, Format, render};

use super::embedder::EmbedderArguments;
use super::results::{chosen_runs, entry, shown};
use super::{Exit, output};

/// Score recorded runs again, from their records alone
#[derive(Debug, Args)]
pub struct Score {
    /// Folders of runs, or a folder that holds runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    #[command(flatten)]
    embedder: EmbedderArguments,

    /// How to write the figures
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    format: RunFormat,
}

/// How a run's figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// For people
    Table,
    /// For machines
    Json,
}

impl From<RunFormat> for Format {
    fn from(format: RunFormat) -> Self {
        match format {
            RunFormat::Table => Self::Table,
            RunFormat::Json => Self::Json,
        }
    }
}

impl Score {
    pub fn call(self) -> anyhow::Result<Exit> {
        let runs = chosen_runs(&self.runs)?;
        let embedder = self.embedder.open()?;
        let entries = shown(&runs, |folder| score_run(folder, &embedder))?;
        output::result(&render(&entries, Format::from(self.format)));
        Ok(Exit::Success)
    }
}

/// Scores one run and tells what of its record could not be read.
pub fn score_run(folder: &RunFolder, embedder: &Embedder) -> anyhow::Result<Entry> {
    let scored = eyechart::score::score(folder, embedder)?;
    notice_bad_lines(folder, &scored.bad_lines);
    Ok(entry(folder, scored))
}

/// Tells which lines of a run's record could not be read.
pub fn notice_bad_lines(folder: &RunFolder, bad_lines: &[BadLine]) {
    let path = folder.samples_path();
    for BadLine { line, reason } in bad_lines {
        output::notice(&format!("{}:{line}: not a sample's record, left out: {reason}", path.display()));
    }
}
