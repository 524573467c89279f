//! Ctrl-C and SIGTERM while a program of the scorer `command` scores answers.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::command::{ONES, rows, scored, shell, task};
use crate::common::{Place, encoder};
use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for an event that is certain to come. It is longer than the program lives by itself.
const PATIENCE: Duration = Duration::from_secs(200);

/// A program that starts another one. The lines that both write to the named pipe `pipe` show that they run; a reader
/// of the pipe sees its end when both have ended.
const HANGS: &str = "(echo started; sleep 100; echo alive) >pipe & exec 3>pipe; sleep 100; echo alive >&3";

/// The lines of the pipe, as they are written.
fn lines_of(pipe: &Path) -> Receiver<String> {
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let (sender, lines) = channel();
    let pipe = pipe.to_owned();
    std::thread::spawn(move || {
        for line in BufReader::new(File::open(pipe).unwrap()).lines() {
            sender.send(line.unwrap()).unwrap();
        }
    });
    lines
}

/// Starts `eyechart` with `arguments`, sends `signal` when the program runs, and waits until both have ended.
fn interrupted(place: &Place, arguments: &[&str], signal: Signal) {
    let lines = lines_of(&place.path("pipe"));
    let mut eyechart = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    eyechart.args(arguments).arg("--allow-command").current_dir(place.path("."));
    eyechart.env("EYECHART_EMBED_CACHE", "off").env("EYECHART_ENCODER", encoder());
    let mut eyechart = eyechart.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(lines.recv_timeout(PATIENCE).as_deref(), Ok("started"));
    kill_process(Pid::from_child(&eyechart), signal).unwrap();
    assert_eq!(eyechart.wait().unwrap().code(), Some(130), "{arguments:?}");
    let rest: Vec<String> = std::iter::from_fn(|| lines.recv_timeout(PATIENCE).ok()).collect();
    assert!(rest.is_empty(), "the program continued: {rest:?}");
    fs::remove_file(place.path("pipe")).unwrap();
}

#[test]
fn an_interrupt_of_score_stops_the_program_and_keeps_the_earlier_scores() {
    let place = Place::new();
    rows(&place, &["a", "b"]);
    let run = scored(&place, &shell(ONES));
    let read = |name: &str| fs::read(run.path().join(name)).unwrap();
    let before = (read("scores.jsonl"), read("results.json"));
    task(&place, &shell(HANGS));
    for signal in [Signal::INT, Signal::TERM] {
        let path = run.path().to_str().unwrap();
        interrupted(&place, &["score", path, "--task", "t.toml"], signal);
        assert!((read("scores.jsonl"), read("results.json")) == before, "the scores have changed");
    }
}

#[test]
fn an_interrupt_of_run_stops_the_program_and_keeps_the_record() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        rows(&place, &["a", "b"]);
        task(&place, &shell(HANGS));
        let run = ["run", "t.toml", "--model", "m", "--outputs", "outputs.jsonl", "--out", "runs"];
        interrupted(&place, &run, signal);
        assert_eq!(place.run().samples().len(), 2);
        assert!(!place.run().path().join("scores.jsonl").exists());
    }
}
