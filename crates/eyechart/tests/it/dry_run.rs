//! What is said before the first request, and `--dry-run`, which stops there.

use std::path::Path;

use crate::common::{self, Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use assert_cmd::Command;
use eyechart::record::RunFolder;
use serde_json::{Value, json};

const PRICES: &str = "[[price]]\nmodels = [\"custom/m\"]\ninput = 1\noutput = 10\ndate = \"2026-11-24\"\n";

fn dry(place: &Place, task: &Path) -> Command {
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "custom/m", "--base-url", "http://127.0.0.1:1/v1"]);
    command.arg("--dry-run").arg("--out").arg(place.runs());
    command
}

fn dry_json(place: &Place, task: &Path, code: i32) -> Value {
    let output = dry(place, task).args(["--format", "json"]).assert().code(code).get_output().clone();
    let runs: Value = serde_json::from_str(&stdout(&output)).unwrap();
    runs[0].clone()
}

fn remarks(run: &Value) -> Vec<(String, String)> {
    let remarks = run["remarks"].as_array().unwrap().iter();
    let text = |remark: &Value, key: &str| remark[key].as_str().unwrap().to_owned();
    remarks.map(|remark| (text(remark, "id"), text(remark, "oddity"))).collect()
}

#[test]
fn a_dry_run_counts_what_would_be_sent_and_sends_nothing() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    place.charts(30);
    let task = place.write("charts.toml", format!("{}\n[generation]\nmax_tokens = 200\n", common::CHARTS));
    let prices = place.write("prices.toml", PRICES);
    let mut command = run_at(&server, &place, &task);
    let output = command.args(["--dry-run", "--format", "json", "--prices"]).arg(&prices).assert().code(0);
    let run = &serde_json::from_str::<Value>(&stdout(output.get_output())).unwrap()[0];
    assert_eq!((run["samples"].as_u64(), run["would_fail"].as_u64()), (Some(30), Some(0)));
    let forecast = &run["forecast"];
    assert_eq!(
        (forecast["requests"]["value"].as_f64(), forecast["pictures"]["value"].as_f64()),
        (Some(30.0), Some(30.0))
    );
    assert_eq!(forecast["output_tokens"], json!({"value": 6000.0, "basis": "at most: max_tokens = 200"}));
    // "What is shown in chart 12?": 26 characters, one less for the first ten.
    assert_eq!(forecast["text_tokens"]["value"], 193.0);
    assert_eq!(forecast["picture_tokens"].get("value"), None, "nobody knows this model's rule");
    let cost = forecast["cost"]["value"].as_f64().unwrap();
    assert!((cost - (193.0 * 1.0 + 6000.0 * 10.0) / 1e6).abs() < 1e-12, "{cost}");
    assert!(forecast["cost"]["basis"].as_str().unwrap().contains("without the pictures' tokens"));
    assert_eq!(run["remarks"], json!([]));
    assert_eq!((server.stats().requests, place.all_runs().len(), place.runs().exists()), (0, 0, false));
}

#[test]
fn a_dry_run_finds_what_would_fail_and_what_is_odd() {
    let place = Place::new();
    let task = place.charts(8);
    let rows = std::fs::read_to_string(place.path("charts.jsonl")).unwrap();
    let rows = rows.replace("A rise in year 4.", " ").replace("What is shown in chart 5?", " \\n");
    let mut rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    rows[3].as_object_mut().unwrap().remove("answer");
    rows[6]["question"] = json!("x".repeat(100_001));
    rows[7].as_object_mut().unwrap().remove("question");
    place.write_jsonl("charts.jsonl", &rows);
    std::fs::remove_file(place.path("images/0.jpg")).unwrap();
    place.write("images/1.jpg", "no picture");
    let run = dry_json(&place, &task, 1);
    let expected = [
        ("c-0", "picture"),
        ("c-1", "picture"),
        ("c-3", "missing_target"),
        ("c-4", "empty_target"),
        ("c-5", "empty_prompt"),
        ("c-6", "long_prompt"),
        ("c-7", "sample"),
    ];
    let expected: Vec<_> = expected.map(|(id, oddity)| (id.to_owned(), oddity.to_owned())).to_vec();
    assert_eq!(remarks(&run), expected);
    assert_eq!((run["samples"].as_u64(), run["would_fail"].as_u64()), (Some(8), Some(3)));
    assert_eq!(run["forecast"]["requests"]["value"], 5.0, "what fails is not sent");
    assert_eq!(run["prompts"]["longest_id"], "c-6");

    let output = dry(&place, &task).assert().code(1).get_output().clone();
    let text = stdout(&output);
    for part in
        ["8 samples, 3 would fail", "2 × picture that cannot be sent, would fail", "there is no such file"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn odd_samples_that_would_not_fail_do_not_make_a_dry_run_fail() {
    let place = Place::new();
    let task = place.charts(2);
    let rows = std::fs::read_to_string(place.path("charts.jsonl")).unwrap();
    place.write("charts.jsonl", rows.replace("A rise in year 1.", ""));
    assert_eq!(remarks(&dry_json(&place, &task, 0)), [("c-1".to_owned(), "empty_target".to_owned())]);
}

#[test]
fn a_picture_that_would_have_to_be_decoded_is_decoded_and_kept_nowhere() {
    let place = Place::new();
    let whole = place.charts(1);
    // Its chunks are sound, its pixels are not.
    let mut bytes = include_bytes!("../../demo/images/pipeline.png").to_vec();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20].fill(0xAA);
    place.write("images/0.jpg", bytes);
    assert_eq!(remarks(&dry_json(&place, &whole, 0)), []);
    let scaled = place.write(
        "scaled.toml",
        common::CHARTS.replace("column = \"image\"", "column = \"image\"\nmax_side = 100"),
    );
    let found = dry_json(&place, &scaled, 1);
    assert_eq!(remarks(&found), [("c-0".to_owned(), "picture".to_owned())]);
    assert!(!place.runs().exists());
}

#[test]
fn recorded_answers_that_are_missing_are_found_too() {
    let place = Place::new();
    let task = place.charts(3);
    let outputs = place.write_jsonl("outputs.jsonl", &[json!({"id": "c-1", "output": "A rise."})]);
    let mut command = eyechart();
    command
        .arg("run")
        .arg(&task)
        .args(["--model", "theirs", "--dry-run", "--limit", "3", "--outputs"])
        .arg(&outputs);
    let output = command
        .arg("--out")
        .arg(place.runs())
        .args(["--format", "json"])
        .assert()
        .code(1)
        .get_output()
        .clone();
    let run = &serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0];
    assert_eq!(remarks(run), ["c-0", "c-2"].map(|id| (id.to_owned(), "no_answer".to_owned())));
    assert_eq!(run["forecast"]["requests"]["value"], 0.0);
}

#[test]
fn a_dry_run_needs_no_key_and_says_that_a_run_does() {
    let place = Place::new();
    let task = place.charts(2);
    let mut command = eyechart();
    command.arg("run").arg(&task).args([
        "--model",
        "openai/gpt-4o",
        "--param",
        "max_tokens=100",
        "--dry-run",
    ]);
    let output = command.arg("--out").arg(place.runs()).assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("OPENAI_API_KEY"), "{}", stderr(&output));
    // 560 × 600 pixels are four tiles: 85 + 4 × 170 tokens.
    let text = stdout(&output);
    assert!(text.contains("1,530") && text.contains("https://openai.com/api/pricing"), "{text}");
}

#[test]
fn numbers_beyond_all_measure_do_no_harm() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"body": json!({
        "choices": [{"message": {"content": "Yes."}}],
        "usage": {"prompt_tokens": u64::MAX, "completion_tokens": u64::MAX},
    }).to_string()}))]);
    let prices = place.write("prices.toml", PRICES);
    let mut command = run_at(&server, &place, &place.texts(3));
    command.args(["--param", "max_tokens=18446744073709551615", "--prices"]).arg(&prices);
    command.assert().code(0);
    // One sample: with more, the first one may use up even this limit before the others start.
    let mut command = run_at(&server, &place, &place.texts(1));
    command.args(["--max-tokens-total", "18446744073709551615", "--prices"]).arg(&prices).assert().code(0);
}

#[test]
fn before_the_first_request_a_run_says_what_it_will_take() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"prompt": "What is 3?", "status": 400}))]);
    let task = place.texts(50);
    let prices = place.write("prices.toml", PRICES);
    let mut command = run_at(&server, &place, &task);
    command.args(["--param", "max_tokens=1000", "--max-cost", "0.1", "--prices"]).arg(&prices);
    let said = stderr(command.assert().code(1).get_output());
    for part in ["forecast for texts", "50,000", "as in the first 20 samples", "exceeds --max-cost 0.1"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    // Going on, it goes by what the others took.
    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score");
    let said = stderr(command.assert().code(1).get_output());
    assert!(said.contains("mean of 49 samples in the record"), "{said}");
}

#[test]
fn a_dry_run_of_a_run_to_resume_takes_no_lock_and_writes_nothing() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    let run = place.run();
    // A record that was never folded: one sample has two lines.
    let log = run.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, format!("{text}{}\n", text.lines().next().unwrap())).unwrap();
    std::fs::remove_file(run.path().join("run.lock")).unwrap();
    let files = || {
        let entries = std::fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    let before = files();
    let dry = |path: &Path| {
        eyechart().args(["run", "--dry-run", "--resume"]).arg(path).assert().code(0);
        run_at(&server, &place, &task).arg("--dry-run").arg("--resume").arg(path).assert().code(0);
    };
    dry(run.path());
    run_at(&server, &place, &task).arg("--dry-run").arg("--resume").arg(place.runs()).assert().code(0);
    assert!(files() == before, "a file has changed");
    // Another process may be writing the run.
    let _lock = RunFolder::open(run.path()).unwrap().lock().unwrap();
    dry(run.path());
}
