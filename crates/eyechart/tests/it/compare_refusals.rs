//! Runs that `eyechart compare` refuses, leaves out or compares only by force.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::compared::{TASK, compare, compared, lay_out, run_of, two_runs};
use crate::common::{Place, RunFiles, eyechart, stderr, stdout};

fn edit(run: &RunFiles, file: &str, change: impl FnOnce(&mut Value)) {
    let mut value = run.json(file);
    change(&mut value);
    fs::write(run.path().join(file), value.to_string()).unwrap();
}

#[test]
fn other_references_of_a_sample_are_refused_and_named_unless_forced() {
    let place = Place::new();
    let [old, _] = two_runs(&place);
    let rows = fs::read_to_string(place.path("rows.jsonl")).unwrap();
    place.write("rows.jsonl", rows.replace(r#""id":"s-7","right":"yes""#, r#""id":"s-7","right":"oui""#));
    let new = run_of(&place, "other", &["yes"; 20]);
    let refused = compare(&[&old, &new], &[]).code(2);
    let message = stderr(refused.get_output());
    assert!(message.contains(r#"the sample "s-7" has other references in "right""#), "{message}");
    assert!(message.contains(r#"["yes"] in the baseline and ["oui"] in the other run"#), "{message}");
    assert!(message.contains("--force"), "{message}");
    assert_eq!(stdout(refused.get_output()), "");
    let forced = compare(&[&old, &new], &["--force"]).code(0);
    assert!(stdout(forced.get_output()).contains("compared because of --force"));
    assert_eq!(compared(&[&old, &new], &["--force"])["pairs"][0]["n"], 20);
}

#[test]
fn other_options_are_refused() {
    let place = Place::new();
    let task = "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n\
        choices = { options = \"options\", label = \"label\" }\n[prompt]\ntext = \"?\"\n[[score]]\nscorer = \"choice\"\n";
    place.write("t.toml", task);
    let row = |options: [&str; 2]| json!({"id": "s-0", "options": options, "label": "A"});
    place.write_jsonl("rows.jsonl", &[row(["red", "blue"])]);
    let first = run_of(&place, "first", &["A"]);
    place.write_jsonl("rows.jsonl", &[row(["blue", "red"])]);
    let second = run_of(&place, "second", &["A"]);
    let refused = compare(&[&first, &second], &[]).code(2);
    let message = stderr(refused.get_output());
    assert!(message.contains("the sample \"s-0\" has other options"), "{message}");
    assert!(message.contains("[\"red\",\"blue\"]") && message.contains("[\"blue\",\"red\"]"), "{message}");
    compare(&[&first, &second], &["--force"]).code(0);
}

#[test]
fn other_parameters_another_version_and_a_control_are_refused_by_name() {
    let place = Place::new();
    let [old, new] = two_runs(&place);
    place.write("t.toml", format!("{TASK}extract = \"final_answer\"\n"));
    let extracting = run_of(&place, "extracting", &["yes"; 20]);
    let refused = compare(&[&old, &extracting], &[]).code(2);
    let message = stderr(refused.get_output());
    let expected =
        r#"the parameter "extract" of the scorer "exact_match" is absent in the baseline and "final_answer""#;
    assert!(message.contains(expected), "{message}");
    let forced = compared(&[&old, &extracting], &["--force"]);
    assert!(forced["notes"][0]["note"].as_str().unwrap().contains("extract"), "{forced}");
    let left_out = &forced["not_compared"][0];
    assert_eq!(
        (&left_out["figure"], &left_out["reason"]),
        (&json!("exact_match.readable"), &json!("only_other"))
    );

    edit(&new, "results.json", |results| results["scorers"][0]["version"] = json!(99));
    let message = stderr(compare(&[&old, &new], &[]).code(2).get_output());
    assert!(
        message.contains("the version of the scorer \"exact_match\" is 1 in the baseline and 99"),
        "{message}"
    );
    edit(&new, "results.json", |results| results["scorers"][0]["version"] = json!(1));
    edit(&new, "results.json", |results| results["control"] = json!("no-images"));
    let message = stderr(compare(&[&old, &new], &[]).code(2).get_output());
    assert!(message.contains("one of them is a control (no images)"), "{message}");
    compare(&[&old, &new], &["--force"]).code(0);
}

#[test]
fn similarities_by_another_encoder_are_refused_and_those_by_another_name_are_not() {
    let place = Place::new();
    lay_out(&place, 3, |i| i);
    place.write("t.toml", TASK.replace("exact_match", "similarity"));
    let runs = ["a", "b"].map(|name| run_of(&place, name, &["yes", "no", "maybe"]));
    edit(&runs[1], "results.json", |results| results["encoder"]["name"] = json!("my-folder"));
    compare(&[&runs[0], &runs[1]], &[]).code(0);
    edit(&runs[1], "results.json", |results| results["encoder"]["sha256"] = json!("ab".repeat(32)));
    let message = stderr(compare(&[&runs[0], &runs[1]], &[]).code(2).get_output());
    assert!(message.contains("the encoder of \"similarity\" is"), "{message}");
}

#[test]
fn a_folder_of_runs_is_compared_within_each_task_and_one_run_is_not_enough() {
    let place = Place::new();
    let [old, new] = two_runs(&place);
    place.write("t.toml", TASK.replace("\"t\"", "\"u\""));
    let other = run_of(&place, "u", &["yes"; 20]);
    let runs = place.path("all");
    for run in [&old, &new, &other] {
        copy(run.path(), &runs.join(run.path().file_name().unwrap()));
    }
    let done = eyechart().arg("compare").arg(&runs).args(["--format", "json"]).assert().code(0);
    let comparison: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(comparison["pairs"].as_array().unwrap().len(), 1);
    assert!(stderr(done.get_output()).contains("left out: 2 pairs of different tasks"));
    assert_eq!(
        compared(&[&old, &new, &other], &[])["pairs"].as_array().unwrap().len(),
        3,
        "named one by one"
    );
    let one = compare(&[&old, &old], &[]).code(2);
    assert!(stderr(one.get_output()).contains("needs two runs or more, and only one is given"));
}

#[test]
fn runs_without_a_common_sample_have_nothing_to_compare() {
    let place = Place::new();
    let [old, _] = two_runs(&place);
    place.write_jsonl("rows.jsonl", &[json!({"id": "s-99", "right": "yes", "group": "g"})]);
    let mut answers = vec!["unused"; 99];
    answers.push("yes");
    let new = run_of(&place, "new-data", &answers);
    let refused = compare(&[&old, &new], &[]).code(2);
    assert!(stderr(refused.get_output()).contains("nothing to compare"), "{}", stderr(refused.get_output()));
}

fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
