//! `eyechart check`: whether the files of runs are whole and agree with each other.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::record::{CheckedPictures, CheckedRun, Finding, RunFolder, check_pictures, check_run};
use serde::Serialize;

use super::results::chosen_runs;
use super::{Exit, output};

/// Check that the files of runs are whole and agree with each other
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0 all is well   1 something is wrong   2 bad usage, such as a folder that is no run's")]
pub struct Check {
    /// Folders of runs, or a folder that holds runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// How to write what was found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// One line a finding, with its file and line
    Text,
    /// For machines
    Json,
}

/// Everything that was checked.
#[derive(Serialize)]
struct Checked {
    runs: Vec<CheckedRun>,
    images: Vec<CheckedPictures>,
}

impl Check {
    pub fn call(self) -> anyhow::Result<Exit> {
        let runs = chosen_runs(&self.runs)?;
        let folders: Vec<RunFolder> = runs.into_iter().map(|run| run.folder).collect();
        let images: BTreeSet<PathBuf> = folders.iter().map(RunFolder::images_path).collect();
        let checked = Checked {
            runs: folders.iter().map(check_run).collect(),
            images: images.iter().map(|folder| check_pictures(folder)).collect(),
        };
        output::result(&match self.format {
            CheckFormat::Text => checked.text(),
            CheckFormat::Json => serde_json::to_string_pretty(&checked)? + "\n",
        });
        Ok(if checked.findings().next().is_none() { Exit::Success } else { Exit::UNSOUND })
    }
}

impl Checked {
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        let of_images = self.images.iter().flat_map(|images| &images.findings);
        self.runs.iter().flat_map(|run| &run.findings).chain(of_images)
    }

    fn text(&self) -> String {
        let findings: String = self.findings().map(|finding| format!("{finding}\n")).collect();
        findings + &self.summary() + "\n"
    }

    /// Such as `2 findings in 1 run: 50 samples (48 completed, 1 failed, 1 without a record), 12 pictures`.
    fn summary(&self) -> String {
        let sum = |of: fn(&CheckedRun) -> usize| self.runs.iter().map(of).sum::<usize>();
        let (total, completed, failed) =
            (sum(|run| run.samples.total), sum(|run| run.samples.completed), sum(|run| run.samples.failed));
        let missing = match total.saturating_sub(completed + failed) {
            0 => String::new(),
            missing => format!(", {missing} without a record"),
        };
        let pictures = self.images.iter().map(|images| images.pictures).sum();
        let found = match self.findings().count() {
            0 => "all is well".to_owned(),
            count => counted(count, "finding"),
        };
        format!(
            "{found} in {}: {} ({completed} completed, {failed} failed{missing}), {}",
            counted(self.runs.len(), "run"),
            counted(total, "sample"),
            counted(pictures, "stored picture"),
        )
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
