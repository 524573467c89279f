//! Reading the command line, with two additions to clap: `-1` after an option is the option's value, and a misspelt
//! subcommand is answered with the nearest one.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, FromArgMatches};
use eyechart::types::nearest;

use super::Arguments;

/// The arguments of this process. Prints the help page or the mistake and ends the process if there are none.
pub fn arguments() -> Arguments {
    let words: Vec<OsString> = std::env::args_os().collect();
    let command = with_negative_numbers(Arguments::command());
    let parsed = command.try_get_matches_from(&words).and_then(|found| Arguments::from_arg_matches(&found));
    parsed.unwrap_or_else(|error| with_suggestion(error, &words).exit())
}

/// Without this, clap takes `-1` for an unknown option, and the option's own parser cannot say what is expected.
fn with_negative_numbers(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let takes_value = !argument.is_positional() && argument.get_action().takes_values();
        if takes_value { argument.allow_negative_numbers(true) } else { argument }
    });
    command.mut_subcommands(with_negative_numbers)
}

/// Adds the nearest subcommand. Clap suggests only names that are nearer than most slips of the finger are.
fn with_suggestion(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let given = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(given)) if error.kind() == ErrorKind::InvalidSubcommand => given.clone(),
        _ => return error,
    };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let mut command = &Arguments::command();
    for word in words.iter().skip(1).take_while(|word| word.to_str() != Some(&given)) {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    if let Some(meant) = nearest(&given, command.get_subcommands().map(Command::get_name)) {
        let meant = ContextValue::Strings(vec![meant.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
    error
}
