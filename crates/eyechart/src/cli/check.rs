//! `eyechart check`: checks that the files of runs are complete and agree with each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::record::{CheckedPictures, CheckedRun, Finding, RunFolder, check_pictures, check_run};
use eyechart::text::{counted, wrapped};
use serde::Serialize;

use super::results::chosen_runs;
use super::{Exit, output};

/// Check that the files of runs are complete and agree with each other
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  all is well
  1  something is wrong
  2  bad usage, such as a folder that is not a run")]
pub struct Check {
    /// Folder of a run, or a folder of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// Each finding with its file and line, beneath its folder
    Text,
    /// One JSON object
    Json,
}

/// The results of all checks.
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
        Ok(if checked.findings().next().is_none() { Exit::Success } else { Exit::FINDINGS })
    }
}

impl Checked {
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        let of_images = self.images.iter().flat_map(|images| &images.findings);
        self.runs.iter().flat_map(|run| &run.findings).chain(of_images)
    }

    /// Each folder with findings, its findings beneath it, and the summary.
    fn text(&self) -> String {
        let runs = self.runs.iter().map(|run| (&run.folder, &run.findings));
        let images = self.images.iter().map(|images| (&images.folder, &images.findings));
        let mut text = String::new();
        for (folder, findings) in runs.chain(images).filter(|(_, findings)| !findings.is_empty()) {
            text.push_str(&format!("{}\n", folder.display()));
            text.extend(findings.iter().map(|finding| line(folder, finding)));
        }
        text + &wrapped(&self.summary(), output::width(), 2) + "\n"
    }

    /// Such as `50 samples`, or `120 answers of 40 samples` if samples are asked several times.
    fn asked(&self, total: usize) -> String {
        let samples: usize = self.runs.iter().map(|run| run.samples.picked()).sum();
        match samples == total {
            true => counted(total, "sample"),
            false => format!("{} of {}", counted(total, "answer"), counted(samples, "sample")),
        }
    }

    /// Such as `2 findings in 1 run: 50 samples (48 completed, 1 failed, 1 without a record), 12 stored pictures`.
    fn summary(&self) -> String {
        let sum = |of: fn(&CheckedRun) -> usize| self.runs.iter().map(of).sum::<usize>();
        let (total, completed, failed) =
            (sum(|run| run.samples.total), sum(|run| run.samples.completed), sum(|run| run.samples.failed));
        let missing = match total.saturating_sub(completed + failed) {
            0 => String::new(),
            missing => format!(", {missing} without a record"),
        };
        let pictures: usize = self.images.iter().map(|images| images.pictures).sum();
        let found = match self.findings().count() {
            0 => "all is well".to_owned(),
            count => counted(count, "finding"),
        };
        format!(
            "{found} in {}: {} ({completed} completed, {failed} failed{missing}), {}",
            counted(self.runs.len(), "run"),
            self.asked(total),
            counted(pictures, "stored picture"),
        )
    }
}

/// Such as `  samples.jsonl:2: not a sample's record`.
fn line(folder: &Path, finding: &Finding) -> String {
    let mut place = match finding.path.strip_prefix(folder) {
        Ok(file) if file.as_os_str().is_empty() => String::new(),
        Ok(file) => format!("{}:", file.display()),
        Err(_) => format!("{}:", finding.path.display()),
    };
    place.extend(finding.line.map(|line| format!("{line}:")));
    let line = [place.as_str(), &finding.message].join(" ");
    wrapped(&format!("  {}", line.trim_start()), output::width(), 4) + "\n"
}
