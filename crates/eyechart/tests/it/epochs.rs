//! `--epochs`: each sample asked several times, and what the answers say together.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Place, RunFiles, endpoint, eyechart, rule, run_at, stderr, stdout};
use assert_cmd::Command;
use eyechart::rehearse::{Options, Script, Server};
use serde_json::{Value, json};

/// Questions whose options are red, blue and green, and whose right option is the first.
fn questions(place: &Place, count: usize) -> PathBuf {
    let row = |index| json!({"id": format!("q-{index}"), "question": format!("Colour {index}?"), "options": ["red", "blue", "green"], "label": "A"});
    place.write_jsonl("q.jsonl", &(0..count).map(row).collect::<Vec<_>>());
    place.write(
        "q.toml",
        "name = \"q\"\n[dataset]\nfile = \"q.jsonl\"\nid = \"id\"\nchoices = { options = \"options\", label = \"label\" }\n\
         [prompt]\ntext = \"{{ question }}\"\n[generation]\ntemperature = 0\n[[score]]\nscorer = \"choice\"\n",
    )
}

/// A run of these answers by id, one for each epoch; an empty text is a missing answer.
pub(crate) fn run_of_outputs(place: &Place, answers: &[(&str, &[&str])], arguments: &[&str]) -> Command {
    let task = questions(place, answers.len());
    let line = |(id, epoch, answer): (&str, usize, &str)| match answer {
        "" => None,
        answer => Some(json!({"id": id, "epoch": epoch, "output": answer})),
    };
    let lines =
        answers.iter().flat_map(|(id, all)| all.iter().zip(1..).map(|(answer, epoch)| (*id, epoch, *answer)));
    let outputs = place.write_jsonl("outputs.jsonl", &lines.filter_map(line).collect::<Vec<_>>());
    let mut command = eyechart();
    command.arg("run").arg(task).arg("--outputs").arg(outputs).args(arguments).arg("--out").arg(place.runs());
    command
}

fn epochs_of(run: &RunFiles) -> Vec<(String, u64)> {
    let of = |sample: Value| (sample["id"].as_str().unwrap().to_owned(), sample["epoch"].as_u64().unwrap());
    run.samples().into_iter().map(of).collect()
}

fn pairs(samples: usize, epochs: u64) -> Vec<(String, u64)> {
    (0..samples).flat_map(|index| (1..=epochs).map(move |epoch| (format!("q-{index}"), epoch))).collect()
}

fn figure(run: &RunFiles, id: &str) -> Option<Value> {
    let results = run.json("results.json");
    results["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).cloned()
}

fn value(run: &RunFiles, id: &str) -> f64 {
    figure(run, id).unwrap_or_else(|| panic!("{id}"))["value"].as_f64().unwrap()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
}

fn fits_schema(run: &RunFiles, file: &str, schema: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(schema);
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let values = if file.ends_with(".jsonl") { run.lines(file) } else { vec![run.json(file)] };
    for value in values {
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
}

#[test]
fn each_sample_has_a_record_for_each_epoch_and_all_are_asked_before_the_next_epoch() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = questions(&place, 4);
    let mut command = run_at(&server, &place, &task);
    let said =
        stderr(command.args(["--epochs", "3", "--max-connections", "1"]).assert().code(0).get_output());
    assert!(said.contains("q: 12 answers of 4 samples in 3 epochs with custom/m"), "{said}");
    assert!(said.contains("12  one per sample and epoch, without retries"), "{said}");
    let asked: Vec<String> = crate::common::bodies(&server)
        .iter()
        .map(|body| body["messages"][0]["content"].to_string())
        .collect();
    assert_eq!(asked.len(), 12);
    assert_eq!(asked[..4], asked[4..8], "the second epoch begins after the last sample of the first one");
    let run = place.run();
    assert_eq!(epochs_of(&run), pairs(4, 3));
    assert_eq!(run.json("spec.json")["epochs"], 3);
    fits_schema(&run, "spec.json", "spec.schema.json");
    fits_schema(&run, "samples.jsonl", "sample.schema.json");
    let checked = eyechart().arg("check").arg(run.path()).assert().code(0).get_output().clone();
    assert!(
        stdout(&checked).contains("12 answers of 4 samples (12 completed, 0 failed)"),
        "{}",
        stdout(&checked)
    );
    let listed = stdout(eyechart().arg("runs").arg(place.runs()).assert().code(0).get_output());
    assert!(listed.contains("12 of 4 × 3"), "{listed}");
}

#[test]
fn a_run_without_epochs_records_and_shows_nothing_of_them() {
    let place = Place::new();
    run_of_outputs(&place, &[("q-0", &["A"]), ("q-1", &["B"])], &[]).assert().code(0);
    let run = place.run();
    assert_eq!(run.json("spec.json").get("epochs"), None);
    let results = run.json("results.json");
    assert_eq!((results.get("variance"), results["samples"].get("epochs")), (None, None));
    assert_eq!((figure(&run, "choice.pass_at_1"), figure(&run, "choice.consistency")), (None, None));
}

#[test]
fn an_epoch_that_failed_is_asked_again_and_no_other() {
    let place = Place::new();
    let server = endpoint(vec![
        rule(json!({"prompt": "Colour 1?", "answer": "A", "times": 1})),
        rule(json!({"prompt": "Colour 1?", "status": 400, "times": 1})),
        rule(json!({"answer": "A"})),
    ]);
    let task = questions(&place, 3);
    run_at(&server, &place, &task).args(["--epochs", "2", "--max-connections", "1"]).assert().code(1);
    let run = place.run();
    let failed = |sample: &Value| sample["status"] == "failed";
    let failed: Vec<Value> = run.samples().into_iter().filter(failed).collect();
    assert_eq!((failed.len(), &failed[0]["id"], &failed[0]["epoch"]), (1, &json!("q-1"), &json!(2)));
    let mut dry = eyechart();
    let dry =
        dry.arg("run").arg("--resume").arg(run.path()).arg("--dry-run").assert().code(0).get_output().clone();
    assert!(stdout(&dry).contains("1 sample, 1 answer, 0 would fail"), "{}", stdout(&dry));
    let said = eyechart().arg("run").arg("--resume").arg(run.path()).assert().code(0).get_output().clone();
    assert!(
        stderr(&said).contains("1 answer of 1 sample in 2 epochs (5 recorded already)"),
        "{}",
        stderr(&said)
    );
    assert_eq!(server.stats().requests, 7);
    assert_eq!(epochs_of(&run), pairs(3, 2));
}

#[test]
fn a_killed_run_asks_only_for_the_answers_that_it_lacks() {
    let place = Place::new();
    let script = Script::new([rule(json!({"answer": "A"}))]).unwrap();
    let latency = Duration::from_millis(20);
    let server = Server::start(Options { script, latency, ..Options::default() }).unwrap();
    let task = questions(&place, 5);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.arg("run").arg(task).args([
        "--model",
        "custom/m",
        "--base-url",
        &server.url(),
        "--no-score",
        "--out",
    ]);
    command.arg(place.runs()).args(["--epochs", "3", "--max-connections", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(server.wait_at_most(Duration::from_secs(30), |stats| stats.requests >= 8));
    child.kill().unwrap();
    child.wait().unwrap();
    let run = place.run();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    let requests = server.stats().requests;
    assert!((15..=16).contains(&requests), "at most the answer in flight is asked for again: {requests}");
    assert_eq!(epochs_of(&run), pairs(5, 3));
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn a_run_is_resumed_with_more_epochs_and_never_with_fewer() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = questions(&place, 3);
    run_at(&server, &place, &task).assert().code(0);
    let run = place.run();
    let resume = |epochs: &str| {
        let mut command = eyechart();
        command.arg("run").arg("--resume").arg(run.path()).args(["--epochs", epochs]);
        command
    };
    resume("3").arg("--dry-run").assert().code(0);
    assert_eq!(run.json("spec.json").get("epochs"), None, "a dry run changes nothing");
    resume("3").assert().code(0);
    assert_eq!((server.stats().requests, epochs_of(&run)), (9, pairs(3, 3)));
    assert_eq!(
        run.json("results.json")["samples"],
        json!({"total": 9, "epochs": 3, "completed": 9, "failed": 0, "truncated": 0})
    );
    let said = stderr(resume("2").assert().code(2).get_output());
    assert!(said.contains("--epochs: the run has 3, given was 2"), "{said}");
    // A folder of runs and the whole command line find the same run.
    run_at(&server, &place, &task).args(["--epochs", "4", "--resume"]).arg(place.runs()).assert().code(0);
    assert_eq!((server.stats().requests, place.all_runs().len()), (12, 1));
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn of_a_cache_with_two_epochs_only_the_third_is_asked_for() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = questions(&place, 3);
    let asked = |epochs: &str| {
        let before = server.stats().requests;
        let mut command = run_at(&server, &place, &task);
        command
            .args(["--cache", "--epochs", epochs])
            .env("XDG_CACHE_HOME", place.path("cache"))
            .assert()
            .code(0);
        server.stats().requests - before
    };
    assert_eq!((asked("1"), asked("2"), asked("3"), asked("3")), (3, 3, 3, 0));
}

#[test]
fn pass_at_k_consistency_and_the_variance_are_those_computed_by_hand() {
    let place = Place::new();
    let answers: [(&str, &[&str]); 3] =
        [("q-0", &["A", "A", "B"]), ("q-1", &["B", "C", "B"]), ("q-2", &["A", "A", "A"])];
    let shown = stdout(run_of_outputs(&place, &answers, &["--epochs", "3"]).assert().code(0).get_output());
    let run = place.run();
    near(value(&run, "choice.accuracy"), 5.0 / 9.0);
    near(value(&run, "choice.pass_at_1"), 5.0 / 9.0);
    // Of three answers with two right, each pair has a right one.
    near(value(&run, "choice.pass_at_2"), 2.0 / 3.0);
    near(value(&run, "choice.pass_at_3"), 2.0 / 3.0);
    assert_eq!(figure(&run, "choice.pass_at_4"), None);
    near(value(&run, "choice.consistency"), (1.0 / 3.0 + 1.0 / 3.0 + 1.0) / 3.0);
    let consistency = figure(&run, "choice.consistency").unwrap();
    assert_eq!(
        (&consistency["n"], &consistency["clusters"], &consistency["kind"]),
        (&json!(3), &json!(3), &json!("per_sample"))
    );
    assert!(
        consistency["low"].as_f64().unwrap() < 5.0 / 9.0 && consistency["high"].as_f64().unwrap() > 5.0 / 9.0
    );
    let results = run.json("results.json");
    let split = &results["variance"][0];
    // The squares of q-0 add up to 2/3, those of the other samples to 0; there are nine scores of three samples.
    near(split["within"].as_f64().unwrap(), (2.0 / 3.0) / 6.0);
    let mean = 5.0 / 9.0_f64;
    let outside = 3.0 * ((2.0 / 3.0 - mean).powi(2) + mean.powi(2) + (1.0 - mean).powi(2));
    let between = (outside / 2.0 - 1.0 / 9.0) / 3.0;
    near(split["between"].as_f64().unwrap(), between);
    near(split["within_share"].as_f64().unwrap(), (1.0 / 9.0) / (1.0 / 9.0 + between));
    for part in ["Epochs in %", "pass@1", "pass@2", "pass@3", "consistency", "within", "3 × 3"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(
        figure(&run, "choice.accuracy").unwrap()["clusters"],
        3,
        "the epochs of a sample are one cluster"
    );
    fits_schema(&run, "results.json", "results.schema.json");
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn an_epoch_without_an_answer_leaves_its_sample_out_of_higher_k_only() {
    let place = Place::new();
    let answers: [(&str, &[&str]); 2] = [("q-0", &["A", "", "B"]), ("q-1", &["B", "A", "B"])];
    let shown = stdout(run_of_outputs(&place, &answers, &["--epochs", "3"]).assert().code(1).get_output());
    assert!(shown.contains("1 of 6 answers failed"), "{shown}");
    let run = place.run();
    near(value(&run, "choice.pass_at_1"), (1.0 / 2.0 + 1.0 / 3.0) / 2.0);
    near(value(&run, "choice.pass_at_2"), (1.0 + 2.0 / 3.0) / 2.0);
    let third = figure(&run, "choice.pass_at_3").unwrap();
    assert_eq!((&third["n"], &third["value"]), (&json!(1), &json!(1.0)));
    assert_eq!(run.json("results.json")["samples"]["failed"], 1);
}

#[test]
fn an_entry_of_other_values_has_no_pass_at_k_and_one_that_reads_no_answer_no_consistency() {
    let place = Place::new();
    place.write_jsonl(
        "t.jsonl",
        &[json!({"id": "a", "answer": "a red dog"}), json!({"id": "b", "answer": "a cat"})],
    );
    let task = place.write(
        "t.toml",
        "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"?\"\n\
         [[score]]\nscorer = \"token_f1\"\ntarget = \"answer\"\n[[score]]\nscorer = \"exact_match\"\ntarget = \"answer\"\n",
    );
    let lines = [("a", 1, "a red dog"), ("a", 2, "a dog"), ("b", 1, "a cat"), ("b", 2, "a cat")];
    let lines = lines.map(|(id, epoch, output)| json!({"id": id, "epoch": epoch, "output": output}));
    let outputs = place.write_jsonl("o.jsonl", &lines);
    // Without --epochs, the file says how many there are.
    eyechart()
        .arg("run")
        .arg(task)
        .arg("--outputs")
        .arg(outputs)
        .arg("--out")
        .arg(place.runs())
        .assert()
        .code(0);
    let run = place.run();
    assert_eq!(run.json("spec.json")["epochs"], 2);
    let ids: Vec<String> = run.json("results.json")["figures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|figure| figure["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.contains(&"exact_match.pass_at_2".to_owned()), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains("consistency") || id.contains("token_f1.pass")), "{ids:?}");
    assert_eq!(run.json("results.json")["variance"].as_array().unwrap().len(), 2);
}

#[test]
fn a_check_finds_epochs_that_are_missing_and_epochs_that_were_not_asked_for() {
    let place = Place::new();
    run_of_outputs(&place, &[("q-0", &["A", "B"]), ("q-1", &["B", "B"])], &["--no-score"]).assert().code(0);
    let run = place.run();
    let path = run.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"epoch\":2", "\"epoch\":3", 1)).unwrap();
    let said = stdout(eyechart().arg("check").arg(run.path()).assert().code(1).get_output());
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 of 4 answers have no record (\"q-0\")"), "{said}");
    assert!(said.contains("the sample \"q-0\" has epoch 3, expected 1 to 2"), "{said}");
}

#[test]
fn each_epoch_of_a_run_with_shuffled_images_sends_the_same_picture() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = place.charts(6);
    let mut command = run_at(&server, &place, &task);
    command.args(["--control", "shuffle-images", "--epochs", "2"]).assert().code(0);
    let samples = place.run().samples();
    assert_eq!(samples.len(), 12);
    for epochs in samples.chunks(2) {
        assert_eq!(epochs[0]["images"], epochs[1]["images"]);
        assert_eq!((&epochs[0]["epoch"], &epochs[1]["epoch"]), (&json!(1), &json!(2)));
    }
}

#[test]
fn epochs_of_few_samples_that_all_fail_with_the_same_error_stop_the_run() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"status": 400}))]);
    let task = questions(&place, 2);
    let mut command = run_at(&server, &place, &task);
    let said =
        stderr(command.args(["--epochs", "30", "--max-connections", "1"]).assert().failure().get_output());
    assert!(said.contains("the first 10 answers all failed with the same error"), "{said}");
}

#[test]
fn epochs_that_cannot_be_are_refused_or_named() {
    let place = Place::new();
    for epochs in ["0", "1001", "two"] {
        let said = stderr(
            run_of_outputs(&place, &[("q-0", &["A"])], &["--epochs", epochs]).assert().code(2).get_output(),
        );
        assert!(said.contains("expected a whole number from 1 to 1000"), "{said}");
    }
    let task = questions(&place, 1);
    let mut column = eyechart();
    column
        .arg("run")
        .arg(task)
        .args(["--model", "recorded/label", "--epochs", "2"])
        .arg("--out")
        .arg(place.runs());
    let said = stderr(column.assert().code(2).get_output());
    assert!(said.contains("--epochs 2") && said.contains("one answer to each sample"), "{said}");
    let fewer = stderr(
        run_of_outputs(&place, &[("q-0", &["A", "A", "B"])], &["--epochs", "2"])
            .assert()
            .code(0)
            .get_output(),
    );
    assert!(fewer.contains("1 line of later epochs than --epochs 2 left out"), "{fewer}");
}

#[test]
fn an_epoch_of_outputs_may_be_written_as_a_text_or_with_a_fraction_of_zero() {
    let place = Place::new();
    let task = questions(&place, 1);
    let epochs = [json!(1), json!(2.0), json!("3"), json!(1.5)];
    let lines = epochs.map(|epoch| json!({"id": "q-0", "epoch": epoch, "output": "A"}));
    let outputs = place.write_jsonl("o.jsonl", &lines);
    let mut command = eyechart();
    command.arg("run").arg(task).arg("--outputs").arg(outputs).arg("--out").arg(place.runs());
    let said = stderr(command.assert().code(0).get_output());
    assert!(said.contains("`epoch` is 1.5: expected a whole number"), "{said}");
    assert_eq!(epochs_of(&place.run()), pairs(1, 3));
}
