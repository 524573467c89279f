//! Printing: results to stdout, everything else to stderr, colour on a terminal only.

use std::io::{IsTerminal, Write};

/// Prints a result as it stands. A reader that has gone away (`| head`) is no error.
pub fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Says something that is not a result.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says what is worth knowing but stops nothing.
pub fn notice(text: &str) {
    say(&format!("{} {text}", painted("note:", "33")));
}

/// Says why a command failed.
pub fn error(text: &str) {
    say(&format!("{} {text}", painted("error:", "1;31")));
}

/// Whether stderr is a terminal that a person looks at.
pub fn is_interactive() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn painted(text: &str, colour: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !is_interactive();
    if plain { text.to_owned() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}
