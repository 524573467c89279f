//! Each `--help` page. The pages are found by the commands that the help itself lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Session;
use crate::common::stdout;

/// The subcommands that a page lists.
fn subcommands(page: &str) -> Vec<String> {
    let list = page.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    // A description that is continued on the next line is further to the right.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// Compares the page of a command and those of its subcommands, and adds their names to `seen`.
fn compare(command: &[String], seen: &mut BTreeSet<String>) {
    let mut session = Session::new();
    let mut arguments: Vec<_> = command.iter().map(String::as_str).collect();
    arguments.push("--help");
    let page = stdout(&session.command_without_settings().args(&arguments).output().unwrap());
    session.transcript = page.clone();
    let name = if command.is_empty() { "eyechart".to_owned() } else { command.join("-") };
    session.matches("help", &name);
    seen.insert(format!("{name}.snap"));
    for subcommand in subcommands(&page) {
        compare(&[command, &[subcommand]].concat(), seen);
    }
}

#[test]
fn each_help_page_reads_as_it_did() {
    let mut seen = BTreeSet::new();
    compare(&[], &mut seen);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/help");
    let kept = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept: BTreeSet<_> = kept.filter(|name| name.ends_with(".snap")).collect();
    assert_eq!(kept, seen, "a page for each command");
}
