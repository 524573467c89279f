//! Reading the command line, with three additions to clap: `-1` after an option is the option's value, a misspelt
//! subcommand is answered with the nearest one, and an option of another tool with the one that serves here.

use std::ffi::OsString;
use std::io::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, FromArgMatches};
use eyechart::types::nearest;

use super::other_names::instead_of;
use super::{Arguments, Exit, output};

/// The arguments of this process. Prints the help page or the mistake and ends the process if there are none.
pub fn arguments() -> Arguments {
    let words: Vec<OsString> = std::env::args_os().collect();
    let command = with_negative_numbers(Arguments::command());
    let parsed = command.try_get_matches_from(&words).and_then(|found| Arguments::from_arg_matches(&found));
    parsed.unwrap_or_else(|error| end(&with_suggestion(error, &words)))
}

/// Prints the help page or the mistake, and ends the process.
#[expect(clippy::exit, reason = "nothing is open yet")]
fn end(error: &clap::Error) -> ! {
    if error.use_stderr() {
        // The text quotes arguments, which may have control characters.
        output::usage_error(&error.render().to_string());
        std::process::exit(error.exit_code());
    }
    match error.print().and_then(|()| std::io::stdout().flush()) {
        Err(failed) if failed.kind() != std::io::ErrorKind::BrokenPipe => {
            output::error(&format!("cannot write to stdout: {failed}"));
            std::process::exit(Exit::Stopped as i32);
        }
        _ => std::process::exit(error.exit_code()),
    }
}

/// Without this, clap takes `-1` for an unknown option, and the option's own parser cannot say what is expected.
fn with_negative_numbers(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let takes_value = !argument.is_positional() && argument.get_action().takes_values();
        if takes_value { argument.allow_negative_numbers(true) } else { argument }
    });
    command.mut_subcommands(with_negative_numbers)
}

/// Adds the nearest subcommand, or what serves in place of an option of other tools.
fn with_suggestion(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(given)), _) => {
            let given = given.clone();
            suggest_subcommand(&mut error, &given, words);
        }
        (ErrorKind::UnknownArgument, _, Some(ContextValue::String(given))) => {
            let command = Arguments::command();
            let command = command_before(&command, given, words);
            if let Some(instead) = instead_of(given, command) {
                // What clap takes for similar means something else.
                error.remove(ContextKind::SuggestedArg);
                error.remove(ContextKind::Suggested);
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![instead.into()]));
            }
        }
        _ => {}
    }
    error
}

/// Clap suggests only names that are nearer than most slips of the finger are.
fn suggest_subcommand(error: &mut clap::Error, given: &str, words: &[OsString]) {
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    let command = Arguments::command();
    let command = command_before(&command, given, words);
    if let Some(meant) = nearest(given, command.get_subcommands().map(Command::get_name)) {
        let meant = ContextValue::Strings(vec![meant.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
}

/// The command that the words before `given` name.
fn command_before<'a>(command: &'a Command, given: &str, words: &[OsString]) -> &'a Command {
    let words = words.iter().skip(1).take_while(|word| word.to_str() != Some(given));
    words.fold(command, |command, word| command.find_subcommand(word).unwrap_or(command))
}
