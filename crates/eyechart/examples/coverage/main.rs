//! Simulates how often the intervals of `eyechart::stats` cover the true value, and writes the table in
//! `docs/statistics.md`. Run by `scripts/coverage`.

#![expect(clippy::print_stderr, reason = "a command says why it failed")]

mod study;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use study::{Effort, Row};

const BEGIN: &str = "<!-- coverage: begin -->\n";
const END: &str = "<!-- coverage: end -->";

fn main() -> ExitCode {
    let page = std::env::args_os().nth(1).map(PathBuf::from);
    let result = page.ok_or_else(|| "expected the path of docs/statistics.md".to_owned());
    match result.and_then(|page| write_table(&page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the table between its marks.
///
/// # Errors
/// Why the page cannot be written, or the scenarios that are outside of what they must be.
fn write_table(page: &Path) -> Result<(), String> {
    let rows = study::rows(Effort { data_sets: 10_000, largest: usize::MAX });
    let lines: String = rows.iter().map(line).collect();
    let table = format!("| scenario | n | % | must be |\n|---|--:|--:|--:|\n{lines}");
    let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("{} has no lines {BEGIN}{END}", page.display()))?;
    std::fs::write(page, format!("{head}{BEGIN}{table}{END}{tail}"))
        .map_err(|error| format!("{}: {error}", page.display()))?;
    let outside: String = rows.iter().filter(|row| !row.is_within(0.0)).map(line).collect();
    if outside.is_empty() { Ok(()) } else { Err(format!("outside of what they must be:\n{outside}")) }
}

/// The row as a line of Markdown.
fn line(row: &Row) -> String {
    let (lowest, highest) = row.lowest_and_highest();
    let (lowest, highest) = (format!("{lowest:.1}"), format!("{highest:.1}"));
    let found = if lowest == highest { lowest } else { format!("{lowest}–{highest}") };
    let must = match row.must {
        None => String::new(),
        Some((0.0, high)) => format!("≤ {high}"),
        Some((low, 100.0)) => format!("≥ {low}"),
        Some((low, high)) => format!("{low}–{high}"),
    };
    let exact = if row.is_exact { ", exact sum" } else { "" };
    format!("| {}{exact} | {} | {found} | {must} |\n", row.scenario, row.n)
}
