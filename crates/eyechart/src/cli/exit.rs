//! Exit codes. They are stable, and every error has one.

use std::process::ExitCode;

use eyechart::agreement::AgreementError;
use eyechart::compare::CompareError;
use eyechart::files::{FileError, is_shortage};
use eyechart::record::RecordError;
use eyechart::run::RunError;
use eyechart::score::ScoreError;
use eyechart::scorer::EmbedError;
use eyechart::task::DataError;
use eyechart::types::ErrorClass;

use super::output;

/// How a command ended. `docs/formats.md` and `--help` list the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command did its work.
    Success = 0,
    /// More samples failed than `--fail-on-error` allows, or a check found something.
    SamplesFailed = 1,
    /// Bad usage or configuration; nothing was sent.
    Usage = 2,
    /// The run stopped and can be resumed: disk, record, endpoint or budget.
    Stopped = 3,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// A check found something.
    pub const FINDINGS: Self = Self::SamplesFailed;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code of a command that ended with `exit`: a result that could not be printed is an error too.
pub fn after_printing(exit: Exit) -> Exit {
    let Some(error) = output::unprinted() else { return exit };
    output::error(&format!("cannot write to stdout: {error}"));
    if exit == Exit::Success { Exit::Stopped } else { exit }
}

/// Prints `error` and returns its exit code.
pub fn report_error(error: &anyhow::Error) -> Exit {
    output::error(&chain_of(error));
    exit_of(error)
}

/// The error and its causes in one line. A cause whose text is in the line already is left out.
pub fn chain_of(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line.push_str(&format!(": {text}"));
        }
    }
    line
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.chain().find_map(class_of).unwrap_or(ErrorClass::Usage) {
        ErrorClass::Usage | ErrorClass::Data => Exit::Usage,
        ErrorClass::Endpoint | ErrorClass::Budget | ErrorClass::Machine | ErrorClass::Defect => Exit::Stopped,
    }
}

/// The class of an error of the library. Absent for an error of the command line.
fn class_of(error: &(dyn std::error::Error + 'static)) -> Option<ErrorClass> {
    error
        .downcast_ref()
        .map(RunError::class)
        .or_else(|| error.downcast_ref().map(DataError::class))
        .or_else(|| error.downcast_ref().map(ScoreError::class))
        .or_else(|| error.downcast_ref().map(AgreementError::class))
        .or_else(|| error.downcast_ref().map(CompareError::class))
        .or_else(|| error.downcast_ref().map(RecordError::class))
        .or_else(|| error.downcast_ref().map(EmbedError::class))
        .or_else(|| error.downcast_ref().map(class_of_file_error))
        .or_else(|| error.downcast_ref().and_then(class_of_shortage))
}

/// The class of an error of the system that says that this machine has no thread, file or memory left.
fn class_of_shortage(error: &std::io::Error) -> Option<ErrorClass> {
    let has_no_thread = error.kind() == std::io::ErrorKind::WouldBlock;
    (has_no_thread || is_shortage(error)).then_some(ErrorClass::Machine)
}

/// A missing file is a mistake of the caller; a full disk is not.
fn class_of_file_error(error: &FileError) -> ErrorClass {
    match error.source.kind() {
        std::io::ErrorKind::NotFound => ErrorClass::Usage,
        _ => ErrorClass::Machine,
    }
}
