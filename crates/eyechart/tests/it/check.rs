//! `eyechart check`: a sound run passes, and whatever is done to its files is found and named.

use std::fs;
use std::process::Output;
use std::time::{Duration, SystemTime};

use crate::common::{Place, RunFiles, endpoint, eyechart, rule, run_at, stderr, stdout};
use serde_json::{Value, json};

/// A finished run of six samples, one of them failed, every picture kept.
fn run(place: &Place) -> RunFiles {
    let task = place.charts(6);
    let server = endpoint(vec![rule(json!({"prompt": "chart 5?", "status": 400}))]);
    run_at(&server, place, &task).arg("--keep-images").assert().code(1);
    place.run()
}

fn check(run: &RunFiles, code: i32) -> Output {
    eyechart().arg("check").arg(run.path()).assert().code(code).get_output().clone()
}

fn in_one_line(output: &Output) -> String {
    stdout(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The problems found, each with its file's name and line.
fn findings(run: &RunFiles) -> Vec<(String, String, Value)> {
    let mut command = eyechart();
    let output = command.arg("check").arg(run.path()).args(["--format", "json"]).assert().code(1);
    let checked: Value = serde_json::from_str(&stdout(output.get_output())).unwrap();
    let of = |part: &str| checked[part].as_array().unwrap().clone();
    let all = of("runs").into_iter().chain(of("images"));
    let findings = all.flat_map(|part| part["findings"].as_array().unwrap().clone());
    let brief = |finding: Value| {
        let path = std::path::PathBuf::from(finding["path"].as_str().unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (finding["problem"].as_str().unwrap().to_owned(), name, finding["line"].clone())
    };
    findings.map(brief).collect()
}

fn found(problem: &str, file: &str, line: Option<u64>) -> (String, String, Value) {
    (problem.to_owned(), file.to_owned(), line.map_or(Value::Null, Value::from))
}

/// Changes the lines of the run's record.
fn edit(run: &RunFiles, name: &str, change: impl FnOnce(&mut Vec<String>)) {
    let path = run.path().join(name);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_sound_run_passes_scored_or_not() {
    let place = Place::new();
    let run = run(&place);
    let said = "all is well in 1 run: 6 samples (5 completed, 1 failed), 6 stored pictures\n";
    assert_eq!(stdout(&check(&run, 0)), said);
    eyechart().arg("score").arg(run.path()).assert().code(0);
    assert_eq!(stdout(&check(&run, 0)), said);
    eyechart().arg("check").arg(place.runs()).assert().code(0);
}

#[test]
fn a_line_is_found_with_its_number() {
    let place = Place::new();
    let run = run(&place);
    edit(&run, "samples.jsonl", |lines| {
        lines[1] = lines[1].replacen('{', "\0", 1);
        lines[2] = lines[2].replace("\"c-2\"", "\"c-9\"");
        lines[3] = lines[3].replace("\"row\":3", "\"row\":0");
        lines[4] = lines[4].replace("\"completed\"", "\"failed\"");
        lines.push(lines[0].clone());
    });
    let log = "samples.jsonl";
    let expected = [
        found("bad_line", log, Some(2)),
        found("not_picked", log, Some(3)),
        found("inconsistent", log, Some(4)),
        found("inconsistent", log, Some(5)),
        found("duplicate", log, Some(7)),
        found("missing", log, None),
    ];
    assert_eq!(findings(&run), expected);
    let said = in_one_line(&check(&run, 1));
    assert!(said.contains("samples.jsonl:2: not a sample's record: expected value"), "{said}");
    assert!(
        said.contains("2 of 6 samples have no record (\"c-1\", \"c-2\"): `eyechart run --resume "),
        "{said}"
    );
    assert!(said.ends_with("(3 completed, 2 failed, 1 without a record), 6 stored pictures"), "{said}");
}

#[test]
fn a_line_of_the_load_is_found_and_a_torn_one_is_mended_on_resume() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    run_at(&server, &place, &place.charts(6)).assert().code(0);
    let run = place.run();
    edit(&run, "samples.jsonl", |lines| lines.truncate(3));
    let load = run.path().join("load.jsonl");
    fs::write(&load, fs::read_to_string(&load).unwrap() + "{\"at\": \"20").unwrap();
    let torn = fs::read_to_string(&load).unwrap().lines().count() as u64;
    assert!(findings(&run).contains(&found("torn_line", "load.jsonl", Some(torn))));
    eyechart().args(["run", "--no-score", "--resume"]).arg(run.path()).assert().code(0);
    check(&run, 0);
    edit(&run, "load.jsonl", |lines| lines[0] = "{\"at\": 3}".to_owned());
    assert_eq!(findings(&run), [found("bad_line", "load.jsonl", Some(1))]);
}

#[test]
fn a_run_that_was_cut_short_lacks_samples_and_says_how_to_go_on() {
    let place = Place::new();
    let run = run(&place);
    let log = run.path().join("samples.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, &text[..text.len() - 40]).unwrap();
    let expected = [found("torn_line", "samples.jsonl", Some(6)), found("missing", "samples.jsonl", None)];
    assert_eq!(findings(&run), expected);
}

#[test]
fn a_spec_that_was_touched_is_found() {
    let place = Place::new();
    let run = run(&place);
    let mut spec = run.json("spec.json");
    spec["task"]["text"] = json!(spec["task"]["text"].as_str().unwrap().replace("charts", "chants"));
    let path = run.path().join("spec.json");
    fs::write(&path, spec.to_string()).unwrap();
    assert_eq!(findings(&run), [found("spec", "spec.json", None)]);
    spec["format"] = json!("eyechart.spec/9");
    fs::write(&path, spec.to_string()).unwrap();
    let said = in_one_line(&check(&run, 1));
    assert!(
        said.contains("spec.json: its format is \"eyechart.spec/9\", expected \"eyechart.spec/2\" or \"eyechart.spec/1\""),
        "{said}"
    );
}

#[test]
fn pictures_are_compared_with_their_names() {
    let place = Place::new();
    let run = run(&place);
    let images = place.runs().join("images");
    let mut paths: Vec<_> = fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    fs::write(&paths[0], "something else").unwrap();
    fs::remove_file(&paths[1]).unwrap();
    fs::write(images.join(".x1.part"), "half").unwrap();
    let name = paths[0].file_name().unwrap().to_string_lossy().into_owned();
    let found_all = findings(&run);
    assert_eq!(found_all.len(), 3, "{found_all:?}");
    assert_eq!((found_all[0].0.as_str(), found_all[0].1.as_str()), ("picture", "samples.jsonl"));
    assert!(found_all.contains(&found("picture", &name, None)));
    assert!(found_all.contains(&found("leftover", ".x1.part", None)));
}

#[test]
fn scores_of_another_record_are_stale() {
    let place = Place::new();
    let run = run(&place);
    eyechart().arg("score").arg(run.path()).assert().code(0);
    let server = endpoint(Vec::new());
    // The failed sample is answered after the scoring, as if at the same instant.
    let spec = fs::read_to_string(run.path().join("spec.json")).unwrap();
    let old = run.json("spec.json")["answers"]["endpoint"]["base_url"].as_str().unwrap().to_owned();
    fs::write(run.path().join("spec.json"), spec.replace(&old, &server.url())).unwrap();
    // A run that goes on takes its figures away; here somebody has put them back.
    let kept = ["scores.jsonl", "results.json"].map(|name| run.path().join(name));
    let kept = kept.map(|path| (fs::read(&path).unwrap(), path));
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    kept.into_iter().for_each(|(bytes, path)| fs::write(path, bytes).unwrap());
    let stale = findings(&run);
    assert!(stale.contains(&found("stale", "scores.jsonl", None)), "{stale:?}");
    assert!(stale.contains(&found("stale", "results.json", None)), "{stale:?}");
    eyechart().arg("score").arg(run.path()).assert().code(0);
    check(&run, 0);

    edit(&run, "scores.jsonl", |lines| drop(lines.pop()));
    let stale = findings(&run);
    assert!(stale.contains(&found("stale", "results.json", None)), "{stale:?}");
    eyechart().arg("score").arg(run.path()).assert().code(0);
    fs::remove_file(run.path().join("results.json")).unwrap();
    assert_eq!(findings(&run), [found("unreadable", "results.json", None)]);
}

#[test]
fn scores_older_than_the_record_are_stale() {
    let place = Place::new();
    let run = run(&place);
    eyechart().arg("score").arg(run.path()).assert().code(0);
    let scores = fs::File::options().write(true).open(run.path().join("scores.jsonl")).unwrap();
    scores.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    assert_eq!(findings(&run), [found("stale", "scores.jsonl", None)]);
}

#[test]
fn what_a_killed_process_left_is_named() {
    let place = Place::new();
    let run = run(&place);
    fs::write(run.path().join(".eyechart-results.json-x1y2z3"), "{").unwrap();
    assert_eq!(findings(&run), [found("leftover", ".eyechart-results.json-x1y2z3", None)]);
}

#[test]
fn a_folder_that_is_no_runs_is_bad_usage() {
    let place = Place::new();
    let folder = place.write("somewhere/readme.txt", "x").parent().unwrap().to_owned();
    let output = eyechart().arg("check").arg(&folder).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("spec.json"), "{}", stderr(&output));
    eyechart().arg("check").assert().code(2);
}
