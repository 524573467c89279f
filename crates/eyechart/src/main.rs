//! `eyechart`: parse, call, exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::dispatch(arguments) {
        Ok(exit) => exit.into(),
        Err(error) => cli::report_error(&error).into(),
    }
}
