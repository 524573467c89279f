//! Every file of a run against its JSON schema: the formats are a promise.

use std::path::Path;

use crate::common::{self, Place, RunFiles, endpoint, eyechart, rule, run_at};
use eyechart::types::FailureKind;
use serde_json::{Value, json};

/// A schema of `docs/schemas`.
pub fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(name);
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Fails where the instance is not as the schema says.
pub fn check(schema: &jsonschema::Validator, instance: &Value) {
    let errors: Vec<String> =
        schema.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\nin {instance:#}");
}

pub fn check_comparison(comparison: &Value) {
    check(&schema("comparison.schema.json"), comparison);
}

fn check_run(run: &RunFiles) {
    check(&schema("spec.schema.json"), &run.json("spec.json"));
    let (sample, score) = (schema("sample.schema.json"), schema("score.schema.json"));
    run.samples().iter().for_each(|line| check(&sample, line));
    if run.path().join("scores.jsonl").exists() {
        run.lines("scores.jsonl").iter().for_each(|line| check(&score, line));
        check(&schema("results.schema.json"), &run.json("results.json"));
    }
}

#[test]
fn a_run_with_answers_failures_and_retries_is_as_documented() {
    let place = Place::new();
    let task = place.charts(6);
    place.write("images/5.jpg", "no picture");
    place.write("images/0.jpg", include_bytes!("../../src/image/fixtures/turned.jpg"));
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 1?", "status": 400})),
        rule(json!({"prompt": "chart 2?", "status": 429, "headers": {"retry-after": "0"}, "times": 1})),
        rule(
            json!({"prompt": "chart 3?", "answer": "A rise", "finish_reason": "length", "reasoning": "Hm."}),
        ),
        rule(json!({"prompt": "chart 4?", "answer": ""})),
        rule(json!({"answer": "A rise."})),
    ]);
    run_at(&server, &place, &task)
        .args(["--header", "x-a=b", "--param", "temperature=0"])
        .args(["--image-max-side", "500"])
        .args(["--image-detail", "low"])
        .assert()
        .code(1);
    eyechart().arg("score").arg(place.run().path()).assert().code(0);
    let run = place.run();
    check_run(&run);
    let results = run.json("results.json");
    assert_eq!(results["samples"]["failures"], json!({"bad_request": 1, "empty": 1, "image": 1}));
    assert_eq!(results["samples"]["truncated"], 1);
    assert_eq!(results["speed"]["requests"], 6);
}

#[test]
fn a_run_with_a_budget_that_was_asked_again_is_as_documented() {
    let place = Place::new();
    let prices = "[[price]]\nmodels = [\"custom/m\"]\ninput = 0.5\noutput = 2\ndate = \"2026-11-24\"\n";
    let prices = place.write("prices.toml", prices);
    let server = endpoint(vec![rule(json!({"prompt": "What is 1?", "answer": "", "times": 1}))]);
    run_at(&server, &place, &place.texts(3))
        .args(["--max-cost", "1.5", "--max-tokens-total", "100000", "--max-time", "1h", "--prices"])
        .arg(prices)
        .assert()
        .code(1);
    eyechart().arg("run").arg("--resume").arg(place.run().path()).assert().code(0);
    let run = place.run();
    check_run(&run);
    assert_eq!(
        run.json("spec.json")["execution"]["budget"],
        json!({"cost": 1.5, "tokens": 100_000, "seconds": 3600.0})
    );
    assert!(run.sample("t-1")["earlier"]["input_tokens"].as_u64().unwrap() > 0);
    assert!(run.json("results.json")["cost"]["usd"].as_f64().unwrap() > 0.0);
}

#[test]
fn answers_out_of_the_cache_are_as_documented() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(Vec::new());
    for count in ["2", "3"] {
        let mut command = run_at(&server, &place, &task);
        command.args(["--cache", "--param", "temperature=0", "--limit", count]);
        command.env("XDG_CACHE_HOME", place.path("cache")).assert().code(0);
    }
    let run = place.all_runs().into_iter().find(|run| run.samples().len() == 3).unwrap();
    eyechart().arg("score").arg(run.path()).assert().code(0);
    check_run(&run);
    assert_eq!(run.json("results.json")["samples"]["cached"], 2);
}

#[test]
fn recorded_outputs_are_as_documented() {
    let place = Place::new();
    let task = place.charts(3);
    let outputs = place.write_jsonl("outputs.jsonl", &[json!({"id": "c-1", "output": "A rise in year 1."})]);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "theirs", "--outputs"]).arg(&outputs);
    command.arg("--out").arg(place.runs()).assert().code(1);
    check_run(&place.run());
    std::fs::remove_dir_all(place.runs()).unwrap();
    let mut command = eyechart();
    command
        .arg("run")
        .arg(&task)
        .args(["--model", "recorded/question", "--limit", "2", "--out"])
        .arg(place.runs());
    command.assert().code(0);
    check_run(&place.run());
}

#[test]
fn every_failure_kind_is_documented_and_in_the_schemas() {
    let docs = include_str!("../../../../docs/formats.md");
    let kinds = FailureKind::ALL.map(FailureKind::name);
    for name in kinds {
        assert!(docs.contains(&format!("\n| `{name}` | ")), "docs/formats.md lacks {name}");
    }
    for name in ["sample.schema.json", "results.schema.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(name);
        let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(schema["$defs"]["kind"]["enum"], json!(kinds), "{name}");
    }
}

#[test]
fn scores_by_an_endpoints_embeddings_are_as_documented() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"path": "/chat/completions", "answer": "A rise."}))]);
    run_at(&server, &place, &place.texts(2)).assert().code(0);
    let mut command = eyechart();
    command.arg("score").arg(place.run().path()).args([
        "--embedder",
        "custom/e",
        "--embed-base-url",
        &server.url(),
    ]);
    command.args(["--embed-param", "dimensions=64"]).assert().code(0);
    check_run(&place.run());
    assert_eq!(place.run().json("results.json")["encoder"]["params"], json!({"dimensions": 64}));
}

#[test]
fn the_schemas_refuse_what_the_formats_forbid() {
    let score = schema("score.schema.json");
    let line = json!({"id": "a", "epoch": 1, "name": "similarity", "scorer": "similarity", "part": "answer", "target": "t", "reference": 0, "value": 0.5});
    check(&score, &line);
    for (key, value) in [("unscored", json!("why")), ("epoch", json!(0)), ("other", json!(1))] {
        let mut wrong = line.clone();
        wrong[key] = value;
        assert!(!score.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn a_run_with_a_system_message_and_an_example_is_as_documented() {
    let place = Place::new();
    let prompt = "[prompt]\nsystem = \"Be brief.\"\n";
    let example = "[[prompt.examples]]\nprompt = \"What?\"\nimages = [\"images/0.jpg\"]\nanswer = \"A fall.\"\n\n[images]";
    place.charts(2);
    let task = common::CHARTS.replace("[prompt]\n", prompt).replace("[images]", example);
    let task = place.write("charts.toml", task);
    run_at(&endpoint(Vec::new()), &place, &task).assert().code(0);
    check_run(&place.run());
    let sample = place.run().sample("c-1");
    assert_eq!(
        (&sample["system"], sample["example_images"].as_array().unwrap().len()),
        (&json!("Be brief."), 1)
    );
}
