//! Checks what a run left behind, file by file, and says what is wrong with it. Changes nothing.
//!
//! It goes by the files alone: whether an answer is good, or a score right, is not its business.

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

/// What kind of thing is wrong: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A file that must be there is not, or cannot be read.
    Unreadable,
    /// `spec.json` contradicts itself, such as by a hash that is not that of its text.
    Spec,
    /// A line that is none of its format's.
    BadLine,
    /// The beginning of a line at the end of the record.
    TornLine,
    /// Samples without a record.
    Missing,
    /// A record of a sample that was not picked.
    NotPicked,
    /// A second record of one sample.
    Duplicate,
    /// A record that contradicts itself or the spec.
    Inconsistent,
    /// A picture whose bytes are not those of its name, or that is missing.
    Picture,
    /// Scores or results that do not belong to the record as it is.
    Stale,
    /// A temporary file of a process that was killed.
    Leftover,
    /// A process is writing the run.
    InUse,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what kind.
    pub problem: Problem,
    /// In which file or folder.
    pub path: PathBuf,
    /// In which line, from 1; absent where it is no line's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was found, what was expected, what to do.
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

/// A run that was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedRun {
    /// Its folder.
    pub folder: PathBuf,
    /// How its samples ended, by its record.
    pub samples: SampleCounts,
    /// Whether it has scores and results.
    pub scored: bool,
    /// What is wrong with it; empty where all is well.
    pub findings: Vec<Finding>,
}

/// Checks everything in a run's folder, and that the pictures exist which nothing else holds. The pictures' bytes
/// are [`check_pictures`]' business, as runs share them.
#[must_use]
pub fn check_run(folder: &RunFolder) -> CheckedRun {
    let mut findings = Vec::new();
    if folder.is_in_use() {
        let message = "a process is writing this run: check it again when that has ended";
        findings.push(Finding::new(Problem::InUse, folder.path(), message));
    }
    let spec = spec::check(folder, &mut findings);
    let samples = samples::check(folder, spec.as_ref(), &mut findings);
    let scored = derived::check(folder, &samples, &mut findings);
    load::check(&folder.load_path(), &mut findings);
    findings.extend(leftovers(folder.path()));
    CheckedRun { folder: folder.path().to_owned(), samples: samples.counts, scored, findings }
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
