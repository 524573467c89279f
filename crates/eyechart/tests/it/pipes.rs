//! Pipes where files are expected: refused at once, never waited for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use serde_json::json;

use crate::common::{Place, endpoint, eyechart, run_at, stderr};

/// A command that opens a pipe would hang; a machine under load may take long.
const PATIENCE: Duration = Duration::from_secs(60);

fn pipe(path: PathBuf) -> PathBuf {
    let _ = std::fs::remove_file(&path);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

fn refused(command: &mut Command, what: &str) {
    let output = command.timeout(PATIENCE).output().unwrap();
    let text = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{what}: {text}");
    assert!(text.contains("expected a file, found a pipe, socket or device"), "{what}: {text}");
}

fn dry_run(task: &Path) -> Command {
    let mut command = eyechart();
    command.arg("run").arg(task).args([
        "--model",
        "custom/m",
        "--base-url",
        "http://127.0.0.1:9",
        "--dry-run",
    ]);
    command
}

#[test]
fn a_pipe_is_no_task_no_data_and_no_file_of_outputs() {
    let place = Place::new();
    let task = place.texts(2);
    pipe(place.path("p.toml"));
    refused(&mut dry_run(&place.path("p.toml")), "task");
    let mut outputs = eyechart();
    outputs
        .arg("run")
        .arg(&task)
        .args(["--model", "m", "--no-score", "--outputs"])
        .arg(pipe(place.path("o")));
    refused(outputs.arg("--out").arg(place.runs()), "--outputs");
    for name in ["d.jsonl", "d.csv", "d.parquet", "d.tar"] {
        pipe(place.path(name));
        let text = format!("name = \"t\"\n[dataset]\nfile = \"{name}\"\n[prompt]\ntext = \"x\"\n");
        refused(&mut dry_run(&place.write("d.toml", text)), name);
    }
}

#[test]
fn a_pipe_in_the_cache_of_answers_is_not_an_answer() {
    let place = Place::new();
    let task = place.texts(1);
    let server = endpoint(Vec::new());
    let run = || {
        let mut command = run_at(&server, &place, &task);
        command.args(["--cache", "--param", "temperature=0"]).env("XDG_CACHE_HOME", place.path("cache"));
        command.timeout(PATIENCE).assert().code(0);
    };
    run();
    for folder in std::fs::read_dir(place.path("cache/eyechart/answers")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            pipe(file.unwrap().path());
        }
    }
    run();
    assert_eq!(server.stats().requests, 2);
}

#[test]
fn a_pipe_beside_a_row_fails_only_its_sample() {
    let place = Place::new();
    let task = place.charts(2);
    pipe(place.path("images/1.jpg"));
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).timeout(PATIENCE).assert().code(1);
    let message = place.run().sample("c-1")["error"]["message"].clone();
    assert!(
        message.as_str().unwrap().ends_with("expected a file, found a pipe, socket or device"),
        "{message}"
    );
    assert_eq!(place.run().sample("c-0")["status"], json!("completed"));
}

#[test]
fn a_pipe_is_no_log_of_requests() {
    let place = Place::new();
    let (task, server) = (place.texts(2), endpoint(Vec::new()));
    refused(run_at(&server, &place, &task).arg("--log-http").arg(pipe(place.path("log"))), "log");
    assert_eq!(server.stats().requests, 0);
}
