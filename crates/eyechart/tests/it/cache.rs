//! `--cache`: an answer is reused where the very same was asked, and nowhere else.

use std::path::{Path, PathBuf};

use crate::common::{self, Place, RunFiles, endpoint, eyechart, jpeg, rule, run_at, stderr, stdout};
use assert_cmd::Command;
use eyechart::rehearse::Server;
use serde_json::{Value, json};

const TASK: &str = "\n[generation]\ntemperature = 0\nmax_tokens = 50\n";

fn charts(place: &Place, count: usize) -> PathBuf {
    place.charts(count);
    place.write("charts.toml", format!("{}{TASK}", common::CHARTS))
}

fn cached(server: &Server, place: &Place, task: &Path) -> Command {
    let mut command = run_at(server, place, task);
    command.arg("--cache").env("XDG_CACHE_HOME", place.path("cache"));
    command
}

/// The records of a sample in all runs: those of one second are in no order.
fn records(place: &Place, id: &str) -> Vec<Value> {
    place.all_runs().iter().map(|run| run.sample(id)).collect()
}

/// The files of the cache.
fn entries(place: &Place) -> Vec<PathBuf> {
    let below = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below(place.path("cache/eyechart/answers")).flat_map(below).collect()
}

#[test]
fn what_was_answered_is_not_asked_again_and_the_record_says_so() {
    let place = Place::new();
    let task = charts(&place, 5);
    let server = endpoint(vec![rule(json!({"answer": "A rise in year 3.", "latency_ms": 30}))]);
    cached(&server, &place, &task).assert().code(0);
    assert_eq!((server.stats().requests, entries(&place).len()), (5, 5));
    std::fs::rename(place.runs(), place.path("first")).unwrap();

    let output = cached(&server, &place, &task).args(["--max-connections", "2"]).assert().code(0);
    assert_eq!(server.stats().requests, 5);
    let table = stdout(output.get_output());
    assert!(table.contains("5 answers from the cache"), "{table}");
    let run = place.run();
    for sample in run.samples() {
        assert_eq!(
            (&sample["status"], &sample["output"]["text"]),
            (&json!("completed"), &json!("A rise in year 3."))
        );
        assert_eq!(sample["cached"]["key"].as_str().unwrap().len(), 64);
        assert_eq!(sample.get("attempts"), None, "nothing was asked");
    }
    assert_eq!(run.json("spec.json")["execution"]["cache"], true);
    eyechart().arg("score").arg(run.path()).assert().code(0);
    let results = run.json("results.json");
    assert_eq!(results["samples"]["cached"], 5);
    assert_eq!(results.get("speed"), None, "an answer out of a file has no latency");
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn whatever_an_answer_can_depend_on_is_part_of_the_question() {
    let place = Place::new();
    let task = charts(&place, 2);
    let server = endpoint(Vec::new());
    let other = endpoint(Vec::new());
    let asked = |server: &Server, arguments: &[&str]| {
        let before = server.stats().requests;
        cached(server, &place, &task).args(arguments).assert().code(0);
        server.stats().requests - before
    };
    assert_eq!((asked(&server, &[]), asked(&server, &[])), (2, 0));
    for arguments in [
        &["--param", "max_tokens=51"][..],
        &["--param", "seed=1"],
        &["--drop-param", "max_tokens"],
        &["--image-detail", "low"],
        &["--image-max-side", "100"],
        &["--header", "x-variant=b"],
    ] {
        assert_eq!(asked(&server, arguments), 2, "{arguments:?}");
    }
    let mut command = eyechart();
    command.arg("run").arg(&task).args([
        "--model",
        "custom/n",
        "--base-url",
        &server.url(),
        "--no-score",
        "--cache",
    ]);
    let before = server.stats().requests;
    command.arg("--out").arg(place.runs()).env("XDG_CACHE_HOME", place.path("cache")).assert().code(0);
    assert_eq!(server.stats().requests - before, 2, "another model");
    assert_eq!(asked(&other, &[]), 2, "another endpoint");
    // The same path with other bytes in it, and another prompt for the same picture.
    place.write("images/0.jpg", jpeg(77, 2_000));
    assert_eq!(asked(&server, &[]), 1);
    let rows = std::fs::read_to_string(place.path("charts.jsonl")).unwrap();
    place.write("charts.jsonl", rows.replace("shown in chart 1?", "shown in chart 1, please?"));
    assert_eq!((asked(&server, &[]), asked(&server, &[])), (1, 0));
    assert_eq!(asked(&server, &["--header", "authorization=Bearer a"]), 2);
    assert_eq!(
        asked(&server, &["--header", "authorization=Bearer b"]),
        0,
        "a new key gives no other answers"
    );
    let sums = entries(&place).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
    assert!(!sums.contains("Bearer") && !sums.contains("127.0.0.1"), "only hashes and answers are kept");
}

#[test]
fn at_another_temperature_nothing_is_reused_or_kept() {
    let place = Place::new();
    let task = charts(&place, 2);
    let server = endpoint(Vec::new());
    for (arguments, requests) in [
        (["--param", "temperature=0.1"], 2),
        (["--param", "temperature=0.1"], 4),
        (["--drop-param", "temperature"], 6),
    ] {
        let output = cached(&server, &place, &task).args(arguments).assert().code(0).get_output().clone();
        assert!(stderr(&output).contains("temperature is not 0"), "{}", stderr(&output));
        assert_eq!(server.stats().requests, requests);
    }
    assert!(!place.path("cache/eyechart/answers").exists());
}

#[test]
fn failures_are_never_kept() {
    let place = Place::new();
    let task = charts(&place, 3);
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "status": 400, "times": 1})),
        rule(json!({"prompt": "chart 1?", "answer": "", "times": 1})),
    ]);
    cached(&server, &place, &task).assert().code(1);
    assert_eq!(entries(&place).len(), 1);
    cached(&server, &place, &task).assert().code(0);
    assert_eq!(server.stats().requests, 5);
    let from_cache = |id| records(&place, id).iter().filter(|record| record.get("cached").is_some()).count();
    assert_eq!(["c-0", "c-1", "c-2"].map(from_cache), [0, 0, 1]);
}

#[test]
fn answers_that_cannot_be_stored_are_reported_once_and_the_run_goes_to_its_end() {
    let place = Place::new();
    let task = charts(&place, 5);
    // Files where the cache wants folders: no answer can be stored.
    for prefix in 0..=255 {
        place.write(&format!("cache/eyechart/answers/{prefix:02x}"), "");
    }
    let server = endpoint(vec![rule(json!({"answer": "A rise in year 3."}))]);
    let output = cached(&server, &place, &task).assert().code(0);
    let notices = stderr(output.get_output()).matches("--cache: answers are not stored").count();
    assert_eq!(notices, 1, "{}", stderr(output.get_output()));
    assert_eq!(place.run().samples().len(), 5);
}

#[test]
fn what_is_damaged_is_asked_again_and_mended() {
    let place = Place::new();
    let task = charts(&place, 4);
    let server = endpoint(vec![rule(json!({"answer": "A rise in year 3."}))]);
    cached(&server, &place, &task).assert().code(0);
    let damages: [fn(String) -> String; 4] = [
        |_| String::new(),
        |text| text[..text.len() / 2].to_owned(),
        |text| text.replace("A rise", "A fall"),
        |text| text.replace("\"stored\":\"20", "\"stored\":\"19"),
    ];
    for (path, damage) in entries(&place).iter().zip(damages) {
        std::fs::write(path, damage(std::fs::read_to_string(path).unwrap())).unwrap();
    }
    cached(&server, &place, &task).assert().code(0);
    assert_eq!(server.stats().requests, 8);
    cached(&server, &place, &task).assert().code(0);
    assert_eq!(server.stats().requests, 8);
    let samples: Vec<Value> = place.all_runs().iter().flat_map(RunFiles::samples).collect();
    assert_eq!(samples.len(), 12);
    assert!(samples.iter().all(|sample| sample["output"]["text"] == "A rise in year 3."));
}

#[test]
fn an_answer_under_another_question_is_none() {
    let place = Place::new();
    let task = charts(&place, 2);
    let server = endpoint(vec![rule(json!({"prompt": "chart 0?", "answer": "Zero."}))]);
    cached(&server, &place, &task).assert().code(0);
    let entries = entries(&place);
    std::fs::copy(&entries[0], &entries[1]).unwrap();
    cached(&server, &place, &task).assert().code(0);
    assert_eq!(server.stats().requests, 3);
}

#[test]
fn pictures_that_the_endpoint_fetches_are_asked_about_anew() {
    let place = Place::new();
    let row = json!({"image": "https://example.org/a.png", "question": "What?", "answer": "A"});
    place.write_jsonl("charts.jsonl", &[row]);
    let text = common::CHARTS
        .replace("id = \"id\"\n", "")
        .replace("column = \"image\"", "column = \"image\"\nsend = \"url\"");
    let task = place.write("charts.toml", format!("{text}{TASK}"));
    let server = endpoint(Vec::new());
    cached(&server, &place, &task).assert().code(0);
    cached(&server, &place, &task).assert().code(0);
    assert_eq!((server.stats().requests, entries(&place).len()), (2, 0));
}

#[test]
fn many_processes_can_share_it() {
    let place = Place::new();
    let task = charts(&place, 30);
    let server = endpoint(vec![rule(json!({"answer": "A rise.", "latency_ms": 5}))]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| cached(&server, &place, &task).assert().code(0));
        }
    });
    let before = server.stats().requests;
    cached(&server, &place, &task).assert().code(0);
    assert_eq!(server.stats().requests, before, "all of it is there");
    let names = entries(&place);
    assert_eq!(names.len(), 30);
    assert!(names.iter().all(|path| path.extension().is_some_and(|end| end == "json")), "{names:?}");
    for run in place.all_runs() {
        assert_eq!(run.samples().len(), 30);
    }
}

#[test]
fn a_cached_answer_costs_nothing() {
    let place = Place::new();
    let task = charts(&place, 4);
    let server = endpoint(Vec::new());
    let prices = "[[price]]\nmodels = [\"custom/m\"]\ninput = 1\noutput = 1\ndate = \"2026-11-24\"\n";
    let prices = place.write("prices.toml", prices);
    cached(&server, &place, &task).args(["--limit", "3"]).assert().code(0);
    let mut command = cached(&server, &place, &task);
    command.args(["--format", "json", "--prices"]).arg(&prices);
    let output = command.assert().code(0).get_output().clone();
    let run = &serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0];
    let tokens =
        run["speed"]["input_tokens"].as_f64().unwrap() + run["speed"]["output_tokens"].as_f64().unwrap();
    assert_eq!((run["samples"]["cached"].as_u64(), run["speed"]["requests"].as_u64()), (Some(3), Some(1)));
    assert!((run["cost"]["usd"].as_f64().unwrap() - tokens / 1e6).abs() < 1e-12, "{run:#}");
}
