//! The scorer `command`: a program of the user scores the answers, one JSON line for each sample.
//!
//! The program is started only if [`CommandPermission`] allows it. This module does not know which variables hold keys
//! nor which folder holds the task file: [`CommandAccess`] has both.

mod group;
mod locate;
mod process;
mod reply;
mod request;

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

pub use self::group::{ProgramsStopped, stop_programs};
use self::locate::{Located, locate};
use self::process::{ExchangeStatus, ProgramResult, Start};
use super::declaration::{ConfiguredScorer, Declaration, KeyFault, Target, number};
use super::measure::{Item, Measure, Outcome};
use crate::types::{ArgumentFile, CommandRecord, Direction, Formula, Metric, ScoreEntry};

/// The default timeout in seconds: a program that makes no progress for that long is stopped.
const TIMEOUT: f64 = 60.0;
/// The longest timeout in seconds: one day.
const LONGEST_TIMEOUT: f64 = 86_400.0;
/// The default range of the scores that a program may return.
const RANGE: [f64; 2] = [0.0, 1.0];

/// The scorer `command`.
pub(super) const COMMAND: Declaration = Declaration {
    range: RANGE,
    keys: &["command", "timeout", "range", "higher_is_better", "columns"],
    target: Target::Optional,
    reads_all_references: true,
    ..Declaration::new("command", build)
};

/// Whether the programs that tasks name may be started.
#[derive(Clone, Copy, Default)]
pub enum CommandPermission<'a> {
    /// Programs may not be started; all their scores are unscored.
    #[default]
    Denied,
    /// Programs may be started.
    Allowed(CommandAccess<'a>),
}

/// What is needed to start a program, and the recorded commands that it is compared with.
#[derive(Clone, Copy)]
pub struct CommandAccess<'a> {
    /// The folder of the task file. Relative paths start there, and programs run there. `None` if the task is known
    /// only from a run: then relative paths are an error, and programs run in an empty folder.
    pub folder: Option<&'a Path>,
    /// The commands that the run recorded. A command that is not among them, or whose files have changed, is not
    /// started. `None` if the command is from another task file: then nothing is compared.
    pub recorded: Option<&'a [CommandRecord]>,
    /// Environment variables that are hidden from the programs, because they hold keys.
    pub key_variables: &'a [&'a str],
    /// Called with a message for the user if a command fails.
    pub notice: &'a dyn Fn(&str),
}

impl<'a> CommandPermission<'a> {
    /// Returns the same permission with other recorded commands; see [`CommandAccess::recorded`].
    #[must_use]
    pub fn compared_with(self, recorded: Option<&'a [CommandRecord]>) -> Self {
        match self {
            Self::Denied => Self::Denied,
            Self::Allowed(access) => Self::Allowed(CommandAccess { recorded, ..access }),
        }
    }
}

/// A program that scores answers.
#[derive(Debug)]
pub struct Program {
    argv: Vec<String>,
    timeout: Duration,
    range: [f64; 2],
    higher_is_better: bool,
}

/// The result of running a program over the samples.
pub(super) struct ProgramScores {
    /// One outcome per sample, in the order of the samples.
    pub(super) outcomes: Vec<Outcome>,
    /// The hashes of the program and of the arguments that are files; `None` if the program was not started.
    pub(super) files: Option<Vec<ArgumentFile>>,
}

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let timeout = timeout(entry)?;
    let program = Program {
        argv: argv(entry)?,
        timeout: Duration::from_secs_f64(timeout),
        range: range(entry)?,
        higher_is_better: higher_is_better(entry)?,
    };
    let columns = columns(entry)?;
    let mut parameters = Map::new();
    parameters.insert("command".to_owned(), json!(program.argv));
    parameters.insert("timeout".to_owned(), json!(timeout));
    parameters.insert("range".to_owned(), json!(program.range));
    parameters.insert("higher_is_better".to_owned(), json!(program.higher_is_better));
    parameters.insert("columns".to_owned(), json!(columns));
    let mean = Metric::new("mean", Formula::Mean, "mean of the values that the command returns");
    let mean = Metric { direction: program.direction(), ..mean.within(program.range) };
    Ok(ConfiguredScorer {
        parameters,
        metrics: vec![mean],
        columns,
        measure: Measure::Program(Box::new(program)),
    })
}

fn argv(entry: &ScoreEntry) -> Result<Vec<String>, KeyFault> {
    let expected = "a list of texts, the program first, such as [\"python3\", \"score.py\"]";
    let Some(value) = entry.own.get("command") else {
        return Err(KeyFault::new("scorer", format!("command needs the key `command`: {expected}")));
    };
    let fault = || KeyFault::new("command", format!("`command`: expected {expected}, found {value}"));
    let argv = texts(value).ok_or_else(fault)?;
    let can_be_passed = argv.iter().all(|argument| !argument.contains('\0'));
    match argv.first() {
        Some(program) if !program.trim().is_empty() && can_be_passed => Ok(argv),
        _ => Err(fault()),
    }
}

fn timeout(entry: &ScoreEntry) -> Result<f64, KeyFault> {
    let timeout = number(entry, "timeout")?.unwrap_or(TIMEOUT);
    // Shorter timeouts are below the resolution of the clock.
    if (0.001..=LONGEST_TIMEOUT).contains(&timeout) {
        return Ok(timeout);
    }
    let what = format!("`timeout` is {timeout}: expected seconds from 0.001 to {LONGEST_TIMEOUT}");
    Err(KeyFault::new("timeout", what))
}

fn range(entry: &ScoreEntry) -> Result<[f64; 2], KeyFault> {
    let Some(value) = entry.own.get("range") else { return Ok(RANGE) };
    let numbers = value.as_array().map(|items| items.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    match numbers.as_deref() {
        Some(&[low, high])
            if low.is_finite()
                && high.is_finite()
                && low < high
                && value.as_array().is_some_and(|items| items.len() == 2) =>
        {
            Ok([low, high])
        }
        _ => {
            let what =
                format!("`range`: expected the lowest and the highest score, such as [0, 10], found {value}");
            Err(KeyFault::new("range", what))
        }
    }
}

fn higher_is_better(entry: &ScoreEntry) -> Result<bool, KeyFault> {
    let Some(value) = entry.own.get("higher_is_better") else { return Ok(true) };
    let fault = || {
        KeyFault::new(
            "higher_is_better",
            format!("`higher_is_better`: expected true or false, found {value}"),
        )
    };
    value.as_bool().ok_or_else(fault)
}

fn columns(entry: &ScoreEntry) -> Result<Vec<String>, KeyFault> {
    let Some(value) = entry.own.get("columns") else { return Ok(Vec::new()) };
    let columns = texts(value).filter(|columns| columns.iter().all(|column| !column.trim().is_empty()));
    let fault = || KeyFault::new("columns", format!("`columns`: expected a list of columns, found {value}"));
    columns.ok_or_else(fault)
}

/// Returns the texts of a list; `None` if the value is not a list of texts only.
fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

impl Program {
    /// Returns the program and its arguments, as written in the task file.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// Returns the command with the hashes of its current files. The program is not started.
    #[must_use]
    pub fn record(&self, folder: Option<&Path>) -> CommandRecord {
        CommandRecord { argv: self.argv.clone(), files: locate::files(&self.argv, folder) }
    }

    /// Returns why the program cannot be found; `None` if it can. The program is not started.
    #[must_use]
    pub fn problem(&self, folder: Option<&Path>) -> Option<String> {
        locate::problem(&self.argv, folder)
    }

    pub(super) fn range(&self) -> [f64; 2] {
        self.range
    }

    pub(super) fn direction(&self) -> Direction {
        Direction::of(self.higher_is_better)
    }

    /// Runs the program and returns one outcome per item, in the order of `items`. Blocks until the program has ended.
    pub(super) fn score(&self, items: &[Item<'_>], commands: CommandPermission<'_>) -> ProgramScores {
        let all_unscored = |reason: &str| ProgramScores {
            outcomes: vec![Outcome::unscored(reason); items.len()],
            files: None,
        };
        let CommandPermission::Allowed(access) = commands else { return all_unscored("command not allowed") };
        if items.is_empty() {
            return ProgramScores { outcomes: Vec::new(), files: None };
        }
        let scores = locate(&self.argv, access.folder, access.recorded).and_then(|located| {
            let outcomes = self.run(items, &located, &access)?;
            Ok(ProgramScores { outcomes, files: Some(located.files) })
        });
        let reason = match scores {
            Ok(scores) => return scores,
            Err(reason) => reason,
        };
        (access.notice)(&format!("the command {} was not started: {reason}", shown_command(&self.argv)));
        all_unscored(&reason)
    }

    /// Starts the program, and exchanges one line per item with it.
    ///
    /// # Errors
    /// A message that says why the program cannot be started.
    fn run(
        &self,
        items: &[Item<'_>],
        located: &Located,
        access: &CommandAccess<'_>,
    ) -> Result<Vec<Outcome>, String> {
        let start = Start {
            program: &located.program,
            arguments: &self.argv[1..],
            folder: access.folder,
            hidden: access.key_variables,
            timeout: self.timeout,
        };
        let mut outcomes = Vec::with_capacity(items.len());
        let take = |line: process::Line<'_>| {
            outcomes.push(reply::read(line, &items[outcomes.len()], self.range));
        };
        let result = start.exchange_lines(items.len(), &|index| request::line(&items[index]), take)?;
        if let Some(fault) = self.fault(&result, outcomes.len(), items.len()) {
            (access.notice)(&format!("{}: {fault}{}", shown_command(&self.argv), result.tail()));
            // If there are too many lines, it is not known which line belongs to which sample.
            if matches!(result.exchange, ExchangeStatus::TooManyLines) {
                outcomes.clear();
            }
            outcomes.resize(items.len(), Outcome::unscored(fault));
        }
        Ok(outcomes)
    }

    /// Returns what went wrong after `answered` lines; `None` if the program wrote one line for each of `count`
    /// samples.
    fn fault(&self, result: &ProgramResult, answered: usize, count: usize) -> Option<String> {
        let seconds = self.timeout.as_secs_f64();
        let fault = match &result.exchange {
            ExchangeStatus::Complete => return None,
            ExchangeStatus::TooManyLines => {
                format!("the command wrote more than {count} lines for {count} samples")
            }
            ExchangeStatus::TimedOut => format!("the command neither read nor wrote a line for {seconds} s"),
            ExchangeStatus::OutputClosed(status) => {
                let errors = result.last_line().map(|line| format!(": {line}")).unwrap_or_default();
                return Some(format!(
                    "the command ended after {answered} of {count} lines ({status}){errors}"
                ));
            }
        };
        Some(fault)
    }
}

/// Formats a command line as a JSON list, so that a reader sees where each argument begins and ends.
#[must_use]
pub fn shown_command(argv: &[String]) -> String {
    json!(argv).to_string()
}
