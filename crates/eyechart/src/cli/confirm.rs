//! Questions to the user.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::output;

/// Asks a question that `y` or `yes` affirms. Any other answer denies it.
///
/// # Errors
/// If there is no terminal to ask on: the message names `option`, which affirms the question in advance.
pub fn confirm(question: &str, option: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(
        io::stdin().is_terminal() && io::stderr().is_terminal(),
        "{question} There is no terminal to ask on: add {option} to the command"
    );
    output::progress(&format!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
