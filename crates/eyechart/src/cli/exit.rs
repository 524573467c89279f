//! How the process ends: exit codes are a promise, and every error has one.

use std::process::ExitCode;

use eyechart::files::FileError;
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
    /// All well.
    Success = 0,
    /// The run ended, with more failed samples than `--fail-on-error` tolerates; or a check found something.
    SamplesFailed = 1,
    /// Bad usage or configuration; nothing was sent.
    Usage = 2,
    /// The run could not go on: disk, record, or endpoint gone.
    Stuck = 3,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Something is wrong with a run that was checked.
    pub const UNSOUND: Self = Self::SamplesFailed;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Prints `error` and says how the process ends because of it.
pub fn report_error(error: &anyhow::Error) -> Exit {
    output::error(&chain_of(error));
    exit_of(error)
}

/// The error and its causes, those left out that it has said itself.
pub fn chain_of(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if said.is_empty() {
            said = text;
        } else if !said.contains(&text) {
            said.push_str(&format!(": {text}"));
        }
    }
    said
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.chain().find_map(class_of).unwrap_or(ErrorClass::Usage) {
        ErrorClass::Usage | ErrorClass::Data => Exit::Usage,
        ErrorClass::Endpoint | ErrorClass::Budget | ErrorClass::Machine | ErrorClass::Defect => Exit::Stuck,
    }
}

/// The class of an error of the library; nothing for others, which are about the command line.
fn class_of(error: &(dyn std::error::Error + 'static)) -> Option<ErrorClass> {
    error
        .downcast_ref()
        .map(RunError::class)
        .or_else(|| error.downcast_ref().map(DataError::class))
        .or_else(|| error.downcast_ref().map(ScoreError::class))
        .or_else(|| error.downcast_ref().map(RecordError::class))
        .or_else(|| error.downcast_ref().map(EmbedError::class))
        .or_else(|| error.downcast_ref().map(class_of_file_error))
}

/// A file that is missing is a mistake of the caller; a full disk is not.
fn class_of_file_error(error: &FileError) -> ErrorClass {
    match error.source.kind() {
        std::io::ErrorKind::NotFound => ErrorClass::Usage,
        _ => ErrorClass::Machine,
    }
}
