//! Man pages and completions: each command has its own.

use std::collections::BTreeSet;

use crate::common::{Place, eyechart, stdout};

/// The commands that a help page lists, without `help`.
fn commands_of(words: &[&str]) -> Vec<String> {
    let help = stdout(eyechart().args(words).arg("--help").assert().code(0).get_output());
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    // A description that continues on another line is indented further.
    let names =
        listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_man_page() {
    let place = Place::new();
    let folder = place.path("man");
    eyechart().arg("man").arg(&folder).assert().code(0);
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = names.collect();
    let mut expected = BTreeSet::from(["eyechart.1".to_owned()]);
    for command in commands_of(&[]) {
        for below in commands_of(&[&command]) {
            expected.insert(format!("eyechart-{command}-{below}.1"));
        }
        expected.insert(format!("eyechart-{command}.1"));
    }
    assert!(expected.len() > 15, "{expected:?}");
    assert_eq!(pages, expected);
    let run = std::fs::read_to_string(folder.join("eyechart-run.1")).unwrap();
    assert!(run.starts_with(".ie") && run.contains("max\\-connections"), "{run}");
}

#[test]
fn every_shell_has_completions_for_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(eyechart().args(["completions", shell]).assert().code(0).get_output());
        for command in commands_of(&[]) {
            assert!(script.contains(&command), "no {command} in the script of {shell}");
        }
        assert!(script.contains("max-connections"), "{shell}");
    }
}
