//! Checks the files of a run, and reports problems. It changes no file, and does not judge answers or scores.

mod derived;
mod load;
mod pictures;
mod samples;
mod spec;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::RunFolder;
use crate::files::temporaries;
use crate::types::SampleCounts;

pub use pictures::{CheckedPictures, check_pictures};

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A required file is missing or cannot be read.
    Unreadable,
    /// `spec.json` contradicts itself, such as a hash that differs from that of the text.
    Spec,
    /// A line that does not follow the format.
    BadLine,
    /// An incomplete line at the end of the record.
    TornLine,
    /// Samples without a record.
    Missing,
    /// A record of a sample that was not picked.
    NotPicked,
    /// A second record of one sample.
    Duplicate,
    /// A record that contradicts itself or the spec.
    Inconsistent,
    /// A picture that is missing, or whose bytes do not have the hash in its name.
    Picture,
    /// Scores or results that do not belong to the current record.
    Stale,
    /// The data changed while the run read it.
    DataChanged,
    /// A temporary file of a process that was killed.
    Leftover,
    /// A process is writing the run.
    InUse,
}

/// A problem in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind.
    pub problem: Problem,
    /// The file or folder.
    pub path: PathBuf,
    /// Number of the line, from 1. Absent if the problem is not in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was found, what was expected, and what to do.
    pub message: String,
}

impl Finding {
    fn new(problem: Problem, path: &Path, message: impl Into<String>) -> Self {
        Self { problem, path: path.to_owned(), line: None, message: message.into() }
    }

    fn at(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// The result of a check of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedRun {
    /// The folder of the run.
    pub folder: PathBuf,
    /// How the samples ended, according to the record.
    pub samples: SampleCounts,
    /// Whether the run has scores and results.
    pub scored: bool,
    /// The problems. Empty if there are none.
    pub findings: Vec<Finding>,
}

/// Checks all files in the folder of a run, and that the pictures exist which are stored nowhere else.
/// [`check_pictures`] checks the bytes of the pictures, which runs share.
#[must_use]
pub fn check_run(folder: &RunFolder) -> CheckedRun {
    let mut findings = Vec::new();
    if folder.is_in_use() {
        let message = "a process is writing this run: check it again when that has ended";
        findings.push(Finding::new(Problem::InUse, folder.path(), message));
    }
    findings.extend(data_changed(folder));
    let spec = spec::check(folder, &mut findings);
    let samples = samples::check(folder, spec.as_ref(), &mut findings);
    let scored = derived::check(folder, &samples, &mut findings);
    load::check(&folder.load_path(), &mut findings);
    findings.extend(leftovers(folder.path()));
    CheckedRun { folder: folder.path().to_owned(), samples: samples.counts, scored, findings }
}

fn data_changed(folder: &RunFolder) -> Option<Finding> {
    let path = folder.data_changed_path();
    let mark = crate::files::read_regular(&path).ok()?;
    let mark: serde_json::Value = serde_json::from_slice(&mark).unwrap_or_default();
    let reason = mark["message"].as_str().unwrap_or("the data has changed while it was read");
    let message =
        format!("{reason}; the run is not finished: restore the data and resume it, or start a new run");
    Some(Finding::new(Problem::DataChanged, &path, message))
}

fn leftovers(folder: &Path) -> Vec<Finding> {
    let message = "left behind by a process that was killed: it can be deleted";
    let left = temporaries(folder, None).unwrap_or_default();
    left.iter().map(|path| Finding::new(Problem::Leftover, path, message)).collect()
}

/// A few ids for a message, such as `"a", "b", "c" and 4 more`.
fn some_of<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = ids.map(|id| format!("{id:?}")).collect();
    let more = quoted.len().saturating_sub(3);
    quoted.truncate(3);
    let shown = quoted.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
