//! Questions to the user.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::output;

/// Whether there is a terminal on which the user can be asked.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether the user says yes to `question`. Without a terminal nobody can: the answer is no, and nothing is printed.
pub fn confirm(question: &str) -> anyhow::Result<bool> {
    if !can_ask() {
        return Ok(false);
    }
    output::notice(question);
    write!(std::io::stderr(), "Continue? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
