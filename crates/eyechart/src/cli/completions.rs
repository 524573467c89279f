//! `eyechart completions`: the script by which a shell completes the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, Exit, output};

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  eyechart completions bash > ~/.local/share/bash-completion/completions/eyechart
  eyechart completions zsh > ~/.zfunc/_eyechart
  eyechart completions fish > ~/.config/fish/completions/eyechart.fish";

impl Completions {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "eyechart", &mut script);
        output::result(&String::from_utf8(script)?);
        Ok(Exit::Success)
    }
}
