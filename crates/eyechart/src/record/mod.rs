//! The record: the folder of a run, its append-only log, and the check of both.
//!
//! `docs/formats.md` describes every file. This module does not know how answers are requested or scored.

mod appender;
mod check;
mod fold;
mod folder;
mod load;
mod reader;

#[cfg(test)]
mod model_tests;

use std::path::{Path, PathBuf};

use crate::files::FileError;
use crate::text::counted;
use crate::types::ErrorClass;

pub use appender::{Appender, LineSummary};
pub use check::{CheckedPictures, CheckedRun, Finding, Problem, check_pictures, check_run};
pub use fold::fold;
pub use folder::{FrozenSpec, RunFolder, RunLock, Unfinished};
pub(crate) use load::{append_load, repair_load};
pub use reader::{BadLine, Record, for_each_last, read_record, read_scores};
pub(crate) use reader::{for_each_sample_line, for_each_score_line, read_outline};

/// The reason why the record cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A file or a folder cannot be read, written or locked.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file of the record does not follow its format.
    #[error("{path} cannot be used: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no run at a path.
    #[error("{}", no_run(path))]
    NoRun {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes the run.
    #[error(
        "the run {path} is in use by another eyechart process: wait until it ends, or stop it, \
         then resume it with `eyechart run --resume {path}`"
    )]
    InUse {
        /// The folder of the run.
        path: PathBuf,
    },
    /// The spec was changed while a process was writing the run.
    #[error(
        "{path} was {} while the run was writing: {}, then resume the run",
        if *has_gone { "deleted" } else { "changed" },
        if *has_gone { "it is restored; see what deleted it" } else { "put its earlier content back" }
    )]
    SpecChanged {
        /// The file.
        path: PathBuf,
        /// Whether the file was deleted.
        has_gone: bool,
    },
    /// The log was closed by an earlier error.
    #[error("the record {path} is closed after an earlier error")]
    Closed {
        /// The file.
        path: PathBuf,
    },
}

/// The number of runs, and what to name instead of their folder.
pub(crate) fn name_one_of(runs: &[RunFolder]) -> String {
    match runs {
        [run] => format!("1 run: name it ({})", run.path().display()),
        runs => format!("{}: name one of them", counted(runs.len(), "run")),
    }
}

/// Why the folder at `path` is not that of a run, and what to do.
fn no_run(path: &Path) -> String {
    let shown = path.display();
    let runs = RunFolder::all_under(path).unwrap_or_default();
    match path.is_dir() {
        true if !runs.is_empty() => format!("{shown} is a folder of {}", name_one_of(&runs)),
        true => format!(
            "{shown} has no run: expected the folder of a run, which has a spec.json, or a folder of runs, such as `runs`"
        ),
        false => format!(
            "there is no folder {shown}: expected the folder of a run, or a folder of runs, such as `runs`"
        ),
    }
}

impl From<FileError> for RecordError {
    fn from(FileError { action, path, source }: FileError) -> Self {
        Self::Io { action, path, source }
    }
}

impl RecordError {
    /// Returns the class of the error. A missing folder is a usage error; a full disk is not.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoRun { .. } => ErrorClass::Usage,
            // A file that was there when the run began is not a mistake of the caller.
            Self::Io { action: "append to" | "write", .. } => ErrorClass::Machine,
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorClass::Usage,
            Self::Io { .. } | Self::SpecChanged { .. } | Self::Closed { .. } | Self::InUse { .. } => {
                ErrorClass::Machine
            }
            _ => ErrorClass::Data,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
