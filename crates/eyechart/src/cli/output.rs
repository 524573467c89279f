//! Printing: results to stdout, everything else to stderr, colours only on a terminal.
//!
//! Answers, errors of endpoints, ids and file names are not under the user's control. Characters that could control the
//! terminal are printed as escapes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use eyechart::text::{with_shown_addresses, wrapped};

/// Columns that tables and lists have at most.
const WIDTH: usize = 80;

/// Columns for tables and lists: the variable `COLUMNS`, else the width of the terminal, else 80; at most 80.
pub fn width() -> usize {
    terminal_width().clamp(20, WIDTH)
}

/// Columns of the terminal: the variable `COLUMNS`, else its width, else 80.
pub fn terminal_width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let found = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    given.or_else(found).unwrap_or(WIDTH)
}

/// Why a result could not be printed, if one could not.
static UNPRINTED: OnceLock<io::Error> = OnceLock::new();

/// Prints a result to stdout. A reader that closes the pipe (`| head`) is not an error; any other error becomes
/// [`unprinted`].
pub fn result(text: &str) {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(escaped(text).as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first error is kept.
        let _ = UNPRINTED.set(error);
    }
}

/// Why a result could not be printed, such as a full disk; absent if everything was.
pub fn unprinted() -> Option<&'static io::Error> {
    UNPRINTED.get()
}

/// Prints a line of progress to stderr.
pub fn progress(text: &str) {
    line(&fitted(&shown(text)));
}

/// Prints a note: something that the user should know and that does not stop the command.
pub fn notice(text: &str) {
    marked("note:", "33", text);
}

/// Prints a hint: what the user may want to do next. It is not wrapped: a command to copy must stay one line.
pub fn hint(text: &str) {
    line(&format!("{} {}", painted("hint:", "36"), shown(text)));
}

/// Prints why a command failed.
pub fn error(text: &str) {
    marked("error:", "1;31", text);
}

fn marked(mark: &str, colour: &str, text: &str) {
    let text = format!("{mark} {}", shown(text));
    let text = fitted(&text);
    line(&text.replacen(mark, &painted(mark, colour), 1));
}

/// On a terminal, long lines are broken between words, but not inside of a command in backticks.
fn fitted(text: &str) -> Cow<'_, str> {
    if is_interactive() { Cow::Owned(wrapped(text, width(), 2)) } else { Cow::Borrowed(text) }
}

/// Prints a mistake on the command line, in the words of the parser.
pub fn usage_error(text: &str) {
    line(shown(text).trim_end());
}

fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A message without the passwords in the addresses that it quotes, and with its control characters as escapes.
fn shown(text: &str) -> String {
    escaped(&with_shown_addresses(text)).into_owned()
}

/// Writes control characters, except line breaks and tabs, and marks that change the direction of writing as `\u001b`
/// and the like. In JSON this is the same text.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_control(c: char) -> bool {
    let changes_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    changes_direction || c.is_control() && !matches!(c, '\n' | '\t')
}

/// Whether stderr is a terminal that can show a progress bar.
pub fn is_interactive() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn painted(text: &str, colour: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !is_interactive();
    if plain { text.to_owned() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}
