//! Going on with a run that did not end, or that had failures.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::{self, Place, endpoint, eyechart, rule, run_at, stderr};
use eyechart::rehearse::Server;
use serde_json::json;

#[test]
fn failed_samples_are_asked_again_and_no_others() {
    let place = Place::new();
    let task = place.charts(6);
    let server = endpoint(vec![rule(json!({"prompt": "chart 3?", "status": 400, "times": 1}))]);
    run_at(&server, &place, &task).assert().code(1);
    assert_eq!(server.stats().requests, 6);

    let run = place.run();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(server.stats().requests, 7);
    assert_eq!(run.samples().len(), 6);
    assert!(run.samples().iter().all(|sample| sample["status"] == "completed"));

    let again =
        run_at(&server, &place, &task).arg("--resume").arg(run.path()).assert().code(0).get_output().clone();
    assert!(stderr(&again).contains("finished already"));
    assert_eq!(server.stats().requests, 7);
}

#[test]
fn a_resumed_run_keeps_the_request_fields_it_was_started_with() {
    let place = Place::new();
    place.charts(2);
    let task = place.write("charts.toml", format!("{}\n[generation]\nmax_tokens = 9\n", common::CHARTS));
    let server = endpoint(vec![rule(json!({"prompt": "chart 1?", "status": 400, "times": 1}))]);
    run_at(&server, &place, &task)
        .args(["--drop-param", "max_tokens", "--param", "top_k=1"])
        .assert()
        .code(1);
    eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
    let last = common::bodies(&server).pop().unwrap();
    assert_eq!((last.get("max_tokens"), last.get("top_k")), (None, Some(&json!(1))));
}

#[test]
fn another_measurement_is_refused_with_what_differs() {
    let place = Place::new();
    let task = place.charts(6);
    let server = endpoint(vec![rule(json!({"prompt": "chart 3?", "status": 400}))]);
    run_at(&server, &place, &task).assert().code(1);
    let run = place.run();
    let refused = |arguments: &[&str], what: &str| {
        let mut command = run_at(&server, &place, &task);
        let output =
            command.args(arguments).arg("--resume").arg(run.path()).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
    };
    let sent = server.stats().requests;
    refused(&["--param", "temperature=1"], "request fields");
    refused(&["--limit", "3"], "number of samples");
    place.write("charts.toml", common::CHARTS.replace("{{ question }}", "Look: {{ question }}"));
    refused(&[], "task text");
    place.write("charts.toml", common::CHARTS);
    let rows = std::fs::read_to_string(place.path("charts.jsonl")).unwrap();
    place.write("charts.jsonl", rows.replace("year 2", "year 9"));
    refused(&[], "data");
    assert_eq!(server.stats().requests, sent, "nothing was sent");
}

#[test]
fn of_a_folder_of_runs_the_unfinished_ones_go_on_and_the_other_tasks_start() {
    let place = Place::new();
    let charts = place.charts(4);
    let other = place.write("other.toml", common::CHARTS.replace("name = \"charts\"", "name = \"other\""));
    let server = endpoint(vec![rule(json!({"prompt": "chart 3?", "status": 400, "times": 1}))]);
    run_at(&server, &place, &charts).assert().code(1);
    let both = |requests: usize| {
        let mut command = run_at(&server, &place, &charts);
        command.arg(&other).arg("--resume").arg(place.runs()).assert().code(0);
        assert_eq!(server.stats().requests as usize, requests);
        assert_eq!(place.all_runs().len(), 2);
    };
    both(4 + 1 + 4);
    // Everything has its answer now: nothing is asked twice.
    both(4 + 1 + 4);
}

#[test]
fn a_torn_last_line_costs_that_sample_alone() {
    let place = Place::new();
    let task = place.charts(5);
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    let run = place.run();
    let log = run.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, &text[..text.len() - 40]).unwrap();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(server.stats().requests, 6);
    assert_eq!(run.samples().len(), 5);
}

#[test]
fn settings_given_with_a_runs_folder_alone_must_be_the_runs_own() {
    let place = Place::new();
    let task = place.charts(6);
    let server = endpoint(vec![rule(json!({"prompt": "chart 3?", "status": 400, "times": 1}))]);
    run_at(&server, &place, &task).assert().code(1);
    let run = place.run();
    let resume = |arguments: &[&str], code: i32| {
        let mut command = eyechart();
        command.arg("run").arg("--resume").arg(run.path()).arg("--no-score").args(arguments);
        stderr(command.assert().code(code).get_output())
    };
    for (arguments, what) in [
        (["--limit", "3"], "number of samples"),
        (["--seed", "7"], "seed"),
        (["--param", "temperature=1"], "request fields"),
        (["--base-url", "http://127.0.0.1:1/v1"], "base URL"),
        (["--model", "custom/other"], "model"),
    ] {
        let said = resume(&arguments, 2);
        assert!(said.contains(what), "{arguments:?}: {said}");
    }
    assert_eq!(server.stats().requests, 6);
    resume(&["--seed", "0", "--max-connections", "1"], 0);
    assert_eq!(server.stats().requests, 7);
    let mut folder = eyechart();
    let output = folder.arg("run").arg("--resume").arg(place.runs()).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("has 1 run: "), "{}", stderr(&output));
}

#[test]
fn figures_never_outlive_the_record_they_are_of() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(vec![rule(json!({"prompt": "chart 1?", "status": 400, "times": 1}))]);
    run_at(&server, &place, &task).assert().code(1);
    let run = place.run();
    eyechart().arg("score").arg(run.path()).assert().code(0);
    assert!(run.path().join("results.json").exists());
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    let output = eyechart().arg("results").arg(run.path()).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("eyechart score"), "{}", stderr(&output));
}

#[test]
fn of_a_folder_of_runs_those_without_scores_are_noted_and_the_others_shown() {
    let place = Place::new();
    let charts = place.charts(2);
    let other = place.write("other.toml", common::CHARTS.replace("name = \"charts\"", "name = \"other\""));
    let server = endpoint(vec![]);
    run_at(&server, &place, &charts).assert().code(0);
    run_at(&server, &place, &other).assert().code(0);
    let runs = place.all_runs();
    eyechart().arg("score").arg(runs[0].path()).assert().code(0);
    let output = eyechart().arg("results").arg(place.runs()).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("left out"), "{}", stderr(&output));
    assert_eq!(
        stderr(&output).matches("has no scores yet").count(),
        1,
        "a cause is said once: {}",
        stderr(&output)
    );
    assert!(common::stdout(&output).contains("charts"));
}

#[test]
fn a_complete_log_that_was_never_folded_is_folded() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(vec![]);
    run_at(&server, &place, &task).assert().code(0);
    let (run, path) = (place.run(), place.run().path().join("samples.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = text.lines().rev().collect();
    lines.push(lines[1]);
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(server.stats().requests, 3);
}

/// A run with four connections that a test interrupts.
fn start(server: &Server, place: &Place, task: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--max-connections", "4"])
        .arg("--out")
        .arg(place.runs())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
}

#[test]
fn ctrl_c_finishes_and_records_what_is_in_flight() {
    let place = Place::new();
    let task = place.charts(40);
    // Four quick answers, then slow ones: at the signal, four requests are in flight.
    let server = endpoint(vec![
        rule(json!({"answer": "Quick.", "times": 4})),
        rule(json!({"answer": "Slow.", "latency_ms": 1500, "times": 4})),
        rule(json!({"answer": "Quick."})),
    ]);
    let mut child = start(&server, &place, &task);
    server.wait_for(|stats| stats.requests >= 8);
    interrupt(&child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("--resume"), "{said}");

    let run = place.run();
    assert_eq!(run.samples().len(), 8, "what was in flight is recorded, nothing new was started");
    assert_eq!(server.stats().requests, 8);
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!((run.samples().len(), server.stats().requests), (40, 40));
}

#[test]
fn an_error_after_ctrl_c_is_still_an_interrupted_run() {
    let place = Place::new();
    let task = place.charts(12);
    let server = endpoint(vec![
        rule(json!({"answer": "Quick.", "times": 4})),
        rule(json!({"status": 401, "latency_ms": 1500})),
    ]);
    let mut child = start(&server, &place, &task);
    server.wait_for(|stats| stats.requests >= 8);
    interrupt(&child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("--resume") && !said.contains("error:"), "{said}");
    assert_eq!(place.run().samples().len(), 4);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_loses_nothing_recorded() {
    let place = Place::new();
    let task = place.charts(12);
    let server = endpoint(vec![
        rule(json!({"answer": "Quick.", "times": 4})),
        rule(json!({"answer": "Never.", "latency_ms": 600_000, "times": 4})),
        rule(json!({"answer": "Quick."})),
    ]);
    let mut child = start(&server, &place, &task);
    server.wait_for(|stats| stats.requests >= 8);
    interrupt(&child);
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    read_until(&mut said, "the requests in flight are finished");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.run().samples().len(), 4);
    eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
    assert_eq!(place.run().samples().len(), 12);
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_does_not_wait_for_a_disk_that_hangs() {
    let place = Place::new();
    let task = place.charts(2);
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 1?", "status": 400, "times": 1})),
        rule(json!({"prompt": "chart 1?", "answer": "Never.", "latency_ms": 600_000})),
        rule(json!({"answer": "Quick."})),
    ]);
    run_at(&server, &place, &task).assert().code(1);
    let run = place.run();
    // Whoever opens a pipe waits for the other end.
    std::fs::remove_file(run.path().join("load.jsonl")).unwrap();
    assert!(Command::new("mkfifo").arg(run.path().join("load.jsonl")).status().unwrap().success());
    let mut child = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .args(["run", "--no-score", "--resume"])
        .arg(run.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.wait_for(|stats| stats.requests >= 3);
    interrupt(&child);
    read_until(
        &mut std::io::BufReader::new(child.stderr.take().unwrap()),
        "the requests in flight are finished",
    );
    interrupt(&child);
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if std::time::Instant::now() > give_up => {
                child.kill().unwrap();
                panic!("the process waits for the disk");
            }
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    assert_eq!(ended.code(), Some(130));
    assert_eq!(run.samples().len(), 2);
}

fn read_until(reader: &mut impl std::io::BufRead, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the process ended before it said {text:?}");
    }
}
