//! A task whose answers are scored by a program, and runs of it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

use super::{Place, RunFiles, eyechart};

/// A program that gives every sample the score 1.
pub const ONES: &str = "while read -r line; do echo '{\"value\": 1}'; done";

/// A task in `place` with the rows and answers of [`rows`], and `keys` in its only `[[score]]`.
pub fn task(place: &Place, keys: &str) -> PathBuf {
    let text = format!(
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{{{ question }}}}\"\n\
         [[score]]\nscorer = \"command\"\ntarget = \"answer\"\n{keys}\n"
    );
    place.write("t.toml", text)
}

/// The `command` key that runs `script` by the shell.
pub fn shell(script: &str) -> String {
    format!("command = {}", json!(["/bin/sh", "-c", script]))
}

/// `answers` by the ids `s-0`, `s-1`, … with the reference `A` each.
pub fn rows<T: AsRef<str>>(place: &Place, answers: &[T]) {
    let row = |index| json!({"id": format!("s-{index}"), "question": format!("Q {index}?"), "answer": "A"});
    place.write_jsonl("rows.jsonl", &(0..answers.len()).map(row).collect::<Vec<_>>());
    let output =
        |(index, answer): (usize, &T)| json!({"id": format!("s-{index}"), "output": answer.as_ref()});
    place.write_jsonl("outputs.jsonl", &answers.iter().enumerate().map(output).collect::<Vec<_>>());
}

/// `eyechart run` of the task with the answers of [`rows`].
pub fn run(place: &Place, task: &Path) -> Command {
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "m", "--outputs"]).arg(place.path("outputs.jsonl"));
    command.arg("--out").arg(place.runs());
    command
}

/// The run of the task with `keys`, scored by its program.
pub fn scored(place: &Place, keys: &str) -> RunFiles {
    let task = task(place, keys);
    run(place, &task).arg("--allow-command").assert().code(0);
    place.run()
}

/// `eyechart score` of the run.
pub fn score(run: &RunFiles, arguments: &[&str]) -> assert_cmd::assert::Assert {
    eyechart().arg("score").arg(run.path()).args(arguments).assert().code(0)
}

/// The values of the run's scores in their order, null where there is none.
pub fn values(run: &RunFiles) -> Vec<Value> {
    run.lines("scores.jsonl").iter().map(|score| score["value"].clone()).collect()
}

/// Why the scores of the run are missing, in their order.
pub fn reasons(run: &RunFiles) -> Vec<String> {
    let scores = run.lines("scores.jsonl");
    scores.iter().filter_map(|score| Some(score["unscored"].as_str()?.to_owned())).collect()
}

/// Makes a script of `place` executable.
pub fn executable(place: &Place, name: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = place.write(name, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
