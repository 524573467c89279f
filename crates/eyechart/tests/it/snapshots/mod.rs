//! What the binary prints, kept whole: each `.snap` file is a session as its reader sees it. What differs between
//! machines and versions is replaced: paths, ports, times, versions, ids of runs.

mod dry_run;
mod errors;
mod help;
mod tables;

use std::path::Path;

use assert_cmd::Command;
use eyechart::rehearse::Server;
use eyechart::text::wrapped;
use regex::Regex;

use crate::common::{Place, eyechart, stderr, stdout};

/// Commands in one folder, and what they print.
struct Session {
    place: Place,
    transcript: String,
    /// Columns of the terminal.
    columns: usize,
}

impl Session {
    fn new() -> Self {
        Self { place: Place::new(), transcript: String::new(), columns: 80 }
    }

    fn run(&mut self, arguments: &[&str]) -> &mut Self {
        self.run_with(self.command(), arguments)
    }

    /// `eyechart` in the session's folder, without any data of this machine.
    fn command(&self) -> Command {
        let mut command = eyechart();
        command.current_dir(self.place.path("")).env("COLUMNS", self.columns.to_string());
        for variable in ["HOME", "HF_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, self.place.path("home"));
        }
        for variable in ["HF_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }

    /// The same without the settings that the tests need to score.
    fn command_without_settings(&self) -> Command {
        let mut command = self.command();
        command.env_remove("EYECHART_ENCODER").env_remove("EYECHART_EMBED_CACHE");
        command
    }

    fn run_with(&mut self, mut command: Command, arguments: &[&str]) -> &mut Self {
        let output = command.args(arguments).output().unwrap();
        let shown: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
        let errors = stderr(&output);
        // Files, JSON and CSV are printed as they are.
        if !arguments.contains(&"--format") && !arguments.starts_with(&["tasks", "show"]) {
            self.fits(&stdout(&output));
        }
        let is_forecast = Regex::new("^  (requests|pictures|tokens of|cost) |^ {35}").unwrap();
        errors.lines().filter(|line| is_forecast.is_match(line)).for_each(|line| self.fits(line));
        let mut parts = vec![format!("$ eyechart {}\n", shown.join(" ")), stdout(&output)];
        if !errors.is_empty() {
            parts.push(format!("[stderr]\n{errors}"));
        }
        parts.push(format!("[exit code {}]\n\n", output.status.code().unwrap()));
        self.transcript.extend(parts);
        self
    }

    /// Fails for a line that is longer than the terminal is wide and could be broken.
    fn fits(&self, text: &str) {
        let is_breakable = |line: &&str| wrapped(line, self.columns, 0) != **line;
        assert_eq!(text.lines().find(is_breakable), None, "a line of at most {} columns", self.columns);
    }

    /// `eyechart run TASK --model custom/m` at `server`, scored.
    fn run_at(&mut self, server: &Server, task: &str, more: &[&str]) -> &mut Self {
        let url = server.url();
        let arguments = [&["run", task, "--model", "custom/m", "--base-url", &url], more].concat();
        self.run(&arguments)
    }

    /// The name of the only run whose name has `part`.
    fn run_named(&self, runs: &str, part: &str) -> String {
        let entries = std::fs::read_dir(self.place.path(runs)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut found = names.filter(|name| name.contains(part));
        let name = found.next().expect("there is such a run");
        assert_eq!(found.next(), None, "one run has {part} in its name");
        format!("{runs}/{name}")
    }

    /// Compares what was printed with the file `THEME/NAME.snap`.
    fn matches(&self, theme: &str, name: &str) {
        let text = without_differences(&self.transcript, &self.place.path(""));
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(theme);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,".contains(c);
    if argument.chars().all(is_plain) { argument.to_owned() } else { format!("'{argument}'") }
}

/// What differs between machines, moments and versions, and what stands for it.
const DIFFERENCES: [(&str, &str); 7] = [
    (r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:[port]"),
    (r"\b\d{8}T\d{6}Z-([a-z0-9-]+)-[0-9a-f]{6}\b", "[time]-$1-[id]"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
    (r"\beyechart \d+\.\d+\.\d+\b", "eyechart [version]"),
    (r" \(os error \d+\)", " (os error [number])"),
    // Requests per hour and seconds per request in the table of runs, which keep their columns.
    (r"(?m) {2,}\d+ {2,}\d+\.\d\d {2,}\d+\.\d\d( +\d+/\d+)$", "  [rate and times]$1"),
    (r"(?m)\| \d+ \| \d+\.\d\d \| \d+\.\d\d \|( \d+/\d+ \|)$", "| [rate] | [s] | [s] |$1"),
];

fn without_differences(text: &str, folder: &Path) -> String {
    let real = folder.canonicalize().unwrap();
    let folders = [real.as_path(), folder].map(|folder| folder.to_str().unwrap().trim_end_matches('/'));
    let mut text = folders.iter().fold(text.to_owned(), |text, folder| text.replace(folder, "[folder]"));
    for (pattern, stand_in) in DIFFERENCES {
        text = Regex::new(pattern).unwrap().replace_all(&text, stand_in).into_owned();
    }
    text
}

#[test]
fn what_differs_between_machines_is_replaced() {
    let place = Place::new();
    let text =
        format!("{}/runs/20261129T072725Z-demo-charts-m-91098b by eyechart 1.2.3", place.path("").display());
    let expected = "[folder]/runs/[time]-demo-charts-m-[id] by eyechart [version]";
    assert_eq!(without_differences(&text.replace("//", "/"), &place.path("")), expected);
}
