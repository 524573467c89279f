//! Printing: results to stdout, everything else to stderr, colour on a terminal only.
//!
//! Answers, errors of endpoints, ids and file names are other people's texts. What in them could steer a terminal is
//! shown as an escape instead, here and for everything.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

/// Prints a result as it stands. A reader that has gone away (`| head`) is no error.
pub fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(escaped(text).as_bytes()).and_then(|()| stdout.flush());
}

/// Says something that is not a result.
pub fn say(text: &str) {
    line(&escaped(text));
}

/// Says what is worth knowing but stops nothing.
pub fn notice(text: &str) {
    line(&format!("{} {}", painted("note:", "33"), escaped(text)));
}

/// Says what the user may want to do next.
pub fn hint(text: &str) {
    line(&format!("{} {}", painted("hint:", "36"), escaped(text)));
}

/// Says why a command failed.
pub fn error(text: &str) {
    line(&format!("{} {}", painted("error:", "1;31"), escaped(text)));
}

fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// `text` with `\u001b` and the like for what a terminal would obey: control characters but for line breaks and tabs,
/// and marks that change the direction of writing. Within JSON that is the same text.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn steers(c: char) -> bool {
    let directs =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    directs || c.is_control() && !matches!(c, '\n' | '\t')
}

/// Whether stderr is a terminal that a person looks at.
pub fn is_interactive() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn painted(text: &str, colour: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !is_interactive();
    if plain { text.to_owned() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}
