//! How the process ends: exit codes are a promise, and every error has one.

use std::process::ExitCode;

use eyechart::log::LogError;
use eyechart::run::RunError;
use eyechart::score::ScoreError;
use eyechart::scorer::{EmbedError, ScorerError};

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
    let stuck = error.chain().any(|cause| {
        cause.downcast_ref::<LogError>().is_some_and(is_stuck)
            || matches!(
                cause.downcast_ref(),
                Some(RunError::Halt(_) | RunError::Budget(_) | RunError::Broken(_) | RunError::Defect(_))
            )
            || matches!(cause.downcast_ref(), Some(RunError::Log(log)) if is_stuck(log))
            || matches!(cause.downcast_ref(), Some(ScoreError::Log(log)) if is_stuck(log))
            || matches!(
                cause.downcast_ref(),
                Some(ScoreError::Scorer(ScorerError::Embed(EmbedError::Endpoint(_))))
            )
            || matches!(cause.downcast_ref(), Some(EmbedError::Endpoint(_)))
    });
    if stuck { Exit::Stuck } else { Exit::Usage }
}

/// A folder that is no run is a mistake of the caller's; a disk that is full is not.
fn is_stuck(error: &LogError) -> bool {
    match error {
        LogError::Io { source, .. } => source.kind() != std::io::ErrorKind::NotFound,
        LogError::Closed { .. } | LogError::InUse { .. } => true,
        _ => false,
    }
}
